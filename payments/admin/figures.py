"""Why is this the number? Pages that open an account's and an invoice's figures to their dated rows."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.forms import DateField, DateInput, Form
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.widgets import INPUT_CLASSES

from accounts.admin.base import BackOfficeAdmin
from accounts.admin.columns import link_to
from accounts.models import Account
from accounts.templatetags.wording import money
from core.doors import form_error
from core.errors import Invalid
from invoices.models import Invoice
from payments import operations
from payments.models import Allocation
from payments.operations.explaining import AccountFigures, InvoiceFigures
from payments.operations.stating import Entry, What

WORDS = {
    What.CHARGE: "Charge",
    What.PAYMENT: "Payment",
    What.CREDIT: "Account credit used",
    What.REFUND: "Refund",
    What.CREDIT_NOTE: "Credit note",
    What.WRITE_OFF: "Write-off",
}


@dataclass(frozen=True)
class Row:
    """One dated part of a number, and the sum so far."""

    day: date | None
    what: Any
    amount: Any
    so_far: Any


@dataclass(frozen=True)
class Section:
    """A number with its parts: their sum is the number."""

    title: str
    rows: Sequence[Row]
    total: Any
    says: str = ""


class DayInput(DateInput):
    """A day, with the browser's own calendar."""

    input_type = "date"

    def __init__(self) -> None:
        super().__init__(attrs={"class": " ".join(INPUT_CLASSES)}, format="%Y-%m-%d")


class DayForm(Form):
    """As of which day."""

    on = DateField(label="As of the end of", widget=DayInput())


def show_figures_of_account(
    accounts: BackOfficeAdmin, request: HttpRequest, account: Account
) -> HttpResponse:
    """An account's figures today, or at the end of another day (`?on=2025-09-30`)."""
    today = timezone.localdate()
    form = DayForm({"on": request.GET.get("on") or today.isoformat()})
    sections: list[Section] = []
    if form.is_valid():
        try:
            figures = operations.figures_of_account(account, on=form.cleaned_data["on"], at=timezone.now())
            sections = _sections(account, figures)
        except Invalid as refusal:
            form_error(form, refusal)
    return _shown(accounts, request, account, f"Why does {account.company_name} owe this?", sections, form)


def show_figures_of_invoice(
    invoices: BackOfficeAdmin, request: HttpRequest, invoice: Invoice
) -> HttpResponse:
    """What an invoice's open balance is made of."""
    sections = _invoice_sections(operations.figures_of_invoice(invoice))
    return _shown(invoices, request, invoice, f"Why is this open on {invoice}?", sections)


def _shown(
    admin: BackOfficeAdmin,
    request: HttpRequest,
    row: Any,
    title: str,
    sections: Sequence[Section],
    form: Form | None = None,
) -> HttpResponse:
    if request.method not in ("GET", "HEAD"):
        return HttpResponseNotAllowed(("GET", "HEAD"))
    opts = row._meta
    context = {
        **admin.admin_site.each_context(request),
        "title": title,
        "sections": sections,
        "form": form,
        "row": row,
        "back": reverse(f"admin:{opts.app_label}_{opts.model_name}_change", args=[row.pk]),
        "rows_name": opts.verbose_name_plural,
        "rows_address": reverse(f"admin:{opts.app_label}_{opts.model_name}_changelist"),
    }
    wrong = form is not None and bool(form.errors)
    return TemplateResponse(request, "admin/figures.html", context, status=422 if wrong else 200)


def _sections(account: Account, figures: AccountFigures) -> list[Section]:
    currency, statement = account.currency, figures.statement

    def amount(minor: int) -> SafeString:
        return money(minor, currency)

    opening = Row(statement.first, "Before this day", "", amount(statement.opening))
    moved = [Row(one.day, _what(one), amount(one.movement), amount(one.balance)) for one in statement.entries]
    late, so_far = [], 0
    for one in figures.late:
        so_far += one.worth
        what = format_html("{}, open {}", link_to(one.invoice), money(one.left, one.invoice.currency))
        late.append(Row(one.invoice.due_date, what, amount(one.worth), amount(so_far)))
    limit = Row(None, "Credit limit", amount(figures.credit_limit), amount(figures.credit_limit))
    left = figures.credit_limit - figures.balance
    owed = Row(None, "Less the balance", amount(-figures.balance), amount(left))
    return [
        Section("Balance", [opening, *moved], amount(figures.balance)),
        Section("Available credit", [limit, owed], amount(figures.available), "Never below zero."),
        Section(
            "Overdue",
            late,
            amount(figures.overdue),
            "The part of the balance on invoices past their due date.",
        ),
    ]


def _what(entry: Entry) -> SafeString:
    """What moved the balance, linked, and the invoices that it is on."""
    row = entry.line_item or entry.credit_note or entry.paid_with
    on = _listed(entry.invoices)
    return format_html(
        "{} {}{}", WORDS[entry.what], link_to(row) or "", format_html(" on {}", on) if on else ""
    )


def _listed(invoices: Iterable[Invoice]) -> SafeString:
    return format_html_join(", ", "{}", ((link_to(one),) for one in dict.fromkeys(invoices)))


def _invoice_sections(figures: InvoiceFigures) -> list[Section]:
    invoice = figures.invoice

    def amount(minor: int) -> SafeString:
        return money(minor, invoice.currency)

    left = invoice.total_amount
    rows = [Row(invoice.issue_date, "Total", amount(left), amount(left))]
    for part in figures.allocations:
        left -= part.amount
        rows.append(
            Row(timezone.localdate(part.created_at), _source(part), amount(-part.amount), amount(left))
        )
    for share in figures.reserved:
        left -= share.amount
        day = timezone.localdate(share.collection.created_at)
        what = format_html("Payment pending: {}", link_to(share.collection))
        rows.append(Row(day, what, amount(-share.amount), amount(left)))
    return [Section("Open balance", rows, amount(figures.open))]


def _source(part: Allocation) -> SafeString:
    """What was put on the invoice, or taken back from it."""
    row = part.refund or part.payment or part.credit or part.credit_note or part.write_off
    return format_html("{}{}", link_to(row) or "–", " taken back" if part.amount < 0 else "")
