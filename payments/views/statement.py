"""The statement of account: between two days, as a page and as CSV. Also how the balance comes about."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.utils.translation import gettext
from django.views.decorators.http import require_safe

from accounts.models import Account, Organization
from core.doors import form_error, kept, pdf_file
from core.errors import Invalid
from core.money import plain_number
from core.spreadsheets import csv_lines
from payments.forms import StatementForm
from payments.operations import Entry, Statement, What, papers_of, statement_document, statement_of
from payments.views.access import CustomerRequest, account_page, show
from payments.views.wording import method_words

HEAD = ("date", "what", "reference", "currency", "charge", "payment", "balance")


@require_safe
@account_page(may="get_invoices", is_own_enough=False)
def statement(request: CustomerRequest, account: Account) -> HttpResponse:
    """The last three months unless other days are asked for; wrong days are told, and nothing is shown."""
    form, made = _asked(request, account)
    return _shown(request, account, form, made)


def _shown(
    request: CustomerRequest, account: Account, form: StatementForm, made: Statement | None
) -> HttpResponse:
    rows = [(entry, _said(entry)) for entry in made.entries] if made else []
    context = {
        "account": account,
        "form": form,
        "statement": made,
        "rows": rows,
        "query": request.GET.urlencode(),
    }
    return show(request, "payments/statement.html", context, status=422 if form.errors else 200)


@require_safe
@account_page(may="export_invoices", is_own_enough=False)
def statement_csv(request: CustomerRequest, account: Account) -> HttpResponseBase:
    """The same as CSV; wrong days lead back to the page that tells them."""
    form, made = _asked(request, account)
    if made is None:
        return _shown(request, account, form, made)
    lines = csv_lines(HEAD, _lines(made))
    return kept(
        StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8"), f"{_file_name(made)}.csv"
    )


@require_safe
@account_page(may="get_invoices", is_own_enough=False)
def statement_pdf(request: CustomerRequest, account: Account) -> HttpResponse:
    """The same as PDF; wrong days, and days with too many lines for one, lead back to the page."""
    form, made = _asked(request, account)
    if made is None:
        return _shown(request, account, form, made)
    try:
        document = statement_document(made, at=timezone.now())
    except Invalid as refusal:
        form_error(form, refusal)
        return _shown(request, account, form, made)
    return pdf_file(document, _file_name(made))


def _file_name(made: Statement) -> str:
    return f"statement-{made.account.number}-{made.first}-{made.last}"


def _asked(request: CustomerRequest, account: Account) -> tuple[StatementForm, Statement | None]:
    today = Organization.objects.get().today(timezone.now())
    form = StatementForm(request.GET or None, today=today)
    if not form.is_valid():
        return form, None
    first, last = form.days
    try:
        return form, statement_of(account, first=first, last=last)
    except Invalid as refusal:
        form_error(form, refusal)
        return form, None


def _lines(made: Statement) -> Iterator[tuple[Any, ...]]:
    currency = made.account.currency

    def number(minor: int) -> Decimal:  # not text, which a minus would make a formula
        return Decimal(plain_number(minor, currency))

    def line(day: date, what: str, reference: str, charge: int | None, paid: int | None, balance: int) -> Any:
        amounts = ("" if one is None else number(one) for one in (charge, paid))
        return (day, what, reference, currency, *amounts, number(balance))

    yield line(made.first, gettext("Opening balance"), "", None, None, made.opening)
    for entry in made.entries:
        charge = entry.charge if entry.what is What.CHARGE else None
        paid = entry.payment if entry.what is not What.CHARGE else None
        yield line(entry.day, _said(entry), ", ".join(papers_of(entry)), charge, paid, entry.balance)
    yield line(made.last, gettext("Closing balance"), "", None, None, made.closing)


def _said(entry: Entry) -> str:
    """A line in words: what was ordered, or how it was paid."""
    if entry.line_item is not None:
        return entry.line_item.description
    method = method_words(entry.paid_with) if entry.paid_with else ""
    return {
        What.PAYMENT: gettext("Paid by %(method)s"),
        What.CREDIT: gettext("Account credit used"),
        What.REFUND: gettext("Taken back (%(method)s)"),
        What.CREDIT_NOTE: gettext("Credit note"),
        What.WRITE_OFF: gettext("Written off"),
    }[entry.what] % {"method": method}
