"""Paying several invoices, or a part of one: one amount each, one payment a currency."""

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode
from uuid import UUID, uuid4

from django.http import HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods

from accounts import operations as accounts
from accounts.models import Account, Organization
from accounts.querysets import parse_id
from core.errors import Invalid, Refusal
from core.money import plain_number, read_amount
from invoices.models import Invoice
from payments import operations
from payments.views.access import CustomerRequest, account_page, see_other, show
from payments.views.wording import days_late

READ_OR_WRITE = require_http_methods(["GET", "HEAD", "POST"])


@dataclass
class Row:
    """An invoice with the amount that is asked for it, as it was written, and what is wrong with that."""

    invoice: Invoice
    days_late: int
    written: str
    without: str  # this page without it
    error: str = ""
    amount: int = 0

    @property
    def field(self) -> str:
        return f"amount-{self.invoice.pk}"


@dataclass
class Group:
    """The invoices of one currency: one payment."""

    currency: str
    rows: list[Row] = field(default_factory=list)

    @property
    def total(self) -> int:
        return sum(row.amount for row in self.rows)


@READ_OR_WRITE
@account_page(may="pay_invoice")
def pay_several(request: CustomerRequest, account: Account) -> HttpResponse:
    """The invoices that the address names, each with an amount; sending a currency makes its payment."""
    asked = request.POST if request.method == "POST" else request.GET
    ids = list(dict.fromkeys(parse_id(one) for one in asked.getlist("id")))[: operations.MOST_INVOICES]
    mine = Invoice.objects.filter(account=account).visible_to(request.customer, "pay_invoice")
    invoices = sorted(mine.filter(pk__in=ids), key=lambda one: (one.currency, one.due_date, one.pk))
    groups = _groups(request, invoices)
    if request.method != "POST" or "update" in request.POST:
        return _page(request, account, groups, key=uuid4())
    group = next((one for one in groups if one.currency == request.POST.get("currency")), None)
    try:
        if group is None:
            raise Invalid(gettext("Select at least one invoice"), field="lineItems")
        return _pay(request, account, group)
    except Refusal as refusal:
        return _page(request, account, groups, key=uuid4(), refusal=refusal)


def _groups(request: CustomerRequest, invoices: list[Invoice]) -> list[Group]:
    today = Organization.objects.get().today(timezone.now())
    groups: dict[str, Group] = {}
    for invoice in invoices:
        others = [("id", one.pk) for one in invoices if one.pk != invoice.pk]
        whole = plain_number(max(invoice.open_balance, 0), invoice.currency)
        row = Row(invoice, days_late(invoice, on=today), whole, "?" + urlencode(others))
        row.written = request.POST.get(row.field, row.written)
        _read(row)
        groups.setdefault(invoice.currency, Group(invoice.currency)).rows.append(row)
    return list(groups.values())


def _read(row: Row) -> None:
    try:
        row.amount = read_amount(row.written, row.invoice.currency)
    except Invalid as refusal:
        row.error = refusal.message


def _pay(request: CustomerRequest, account: Account, group: Group) -> HttpResponse:
    """Make the payment of a group, once for each page that was sent."""
    shares = [operations.share_of(row.invoice, row.written, read=read_amount) for row in group.rows]
    accounts.count_payment_attempt(customer=request.customer, account_id=account.pk, at=timezone.now())
    collection = operations.start_joint_payment(
        account=account,
        currency=group.currency,
        shares=shares,
        form_key=_key(request),
        at=timezone.now(),
        by=request.customer.actor,
    )
    operations.open_first(collection=collection, at=timezone.now(), by=request.customer.actor)
    return see_other(request, reverse("pay", args=[account.number, collection.pk]))


def _key(request: CustomerRequest) -> UUID | None:
    try:
        return UUID(request.POST.get("form_key", ""))
    except ValueError:
        return None


def _page(
    request: CustomerRequest,
    account: Account,
    groups: list[Group],
    *,
    key: UUID,
    refusal: Refusal | None = None,
) -> HttpResponse:
    rows = [row for group in groups for row in group.rows]
    if refusal:
        for row in rows:
            prefix = f"Invoice {row.invoice.number}: "
            if refusal.message.startswith(prefix):
                row.error = refusal.message.removeprefix(prefix)
    context: dict[str, Any] = {
        "account": account,
        "groups": groups,
        "count": len(rows),
        "only": rows[0].invoice if len(rows) == 1 else None,
        "form_key": key,
        "refusal": refusal,
        "wrong": next((row for row in rows if row.error), None),
    }
    return show(request, "payments/pay_several.html", context, status=422 if refusal else 200)
