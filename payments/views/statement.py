"""The statement of account: between two days, as a page and as CSV. Also how the balance comes about."""

from collections.abc import Iterator
from datetime import date
from typing import Any

from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.utils.translation import gettext
from django.views.decorators.http import require_safe

from accounts.models import Account, Organization
from core.doors import kept
from core.errors import Invalid
from core.money import plain_number
from invoices.documents.spreadsheets import csv_lines
from payments.forms import StatementForm
from payments.operations import Entry, Statement, What, statement_of
from payments.views.access import CustomerRequest, account_page, show
from payments.views.wording import method_words

HEAD = ("date", "what", "reference", "currency", "charge", "payment", "balance")


@require_safe
@account_page(may="get_invoices", is_own_enough=False)
def statement(request: CustomerRequest, account: Account) -> HttpResponse:
    """The last three months unless other days are asked for; wrong days are told, and nothing is shown."""
    form, made = _asked(request, account)
    rows = [(entry, _said(entry)) for entry in made.entries] if made else []
    context = {
        "account": account,
        "form": form,
        "statement": made,
        "rows": rows,
        "query": request.GET.urlencode(),
    }
    return show(request, "payments/statement.html", context, status=200 if made else 422)


@require_safe
@account_page(may="export_invoices", is_own_enough=False)
def statement_csv(request: CustomerRequest, account: Account) -> HttpResponseBase:
    """The same as CSV; wrong days lead back to the page that tells them."""
    _, made = _asked(request, account)
    if made is None:
        return statement(request, number=account.number)
    name = f"statement-{account.number}-{made.first}-{made.last}.csv"
    lines = csv_lines(HEAD, _lines(made))
    return kept(StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8"), name)


def _asked(request: CustomerRequest, account: Account) -> tuple[StatementForm, Statement | None]:
    today = Organization.objects.get().today(timezone.now())
    form = StatementForm(request.GET or None, today=today)
    if not form.is_valid():
        return form, None
    first, last = form.days
    try:
        return form, statement_of(account, first=first, last=last)
    except Invalid as refusal:
        form.add_error(refusal.field, refusal.message)
        return form, None


def _lines(made: Statement) -> Iterator[tuple[Any, ...]]:
    currency = made.account.currency

    def line(day: date, what: str, reference: str, charge: int | None, paid: int | None, balance: int) -> Any:
        amounts = ("" if one is None else plain_number(one, currency) for one in (charge, paid))
        return (day, what, reference, currency, *amounts, plain_number(balance, currency))

    yield line(made.first, gettext("Opening balance"), "", None, None, made.opening)
    for entry in made.entries:
        charge = entry.charge if entry.what is What.CHARGE else None
        paid = entry.payment if entry.what is not What.CHARGE else None
        yield line(entry.day, _said(entry), _reference(entry), charge, paid, entry.balance)
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
    }[entry.what] % {"method": method}


def _reference(entry: Entry) -> str:
    receipt = getattr(entry.paid_with, "receipt", None)
    numbers = [one.number or "" for one in entry.invoices]
    return ", ".join([receipt.number, *numbers] if receipt else numbers)
