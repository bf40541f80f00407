"""Rows by what somebody types: a number, an amount, a company, what a provider calls something."""

from collections.abc import Callable, Collection
from dataclasses import dataclass

from django.db.models import Model, Q, QuerySet

from accounts.models import Account, Region
from core.errors import Invalid
from core.money import read_amount
from invoices.models import CreditNote, Invoice
from orders.models import Order
from payments.models import Payment, PaymentSession, Refund

MOST = 10  # of each kind
LONGEST = 100


@dataclass(frozen=True)
class Found:
    """Rows of one kind; whether there are more."""

    kind: str
    rows: list[Model]
    has_more: bool


Amounts = list[tuple[str, int]]
Search = Callable[[str, Amounts], QuerySet]
SEARCHES: dict[str, Search] = {
    "invoices.invoice": lambda text, amounts: Invoice.objects.select_related("account").filter(
        _numbered(text) | Q(order_numbers__icontains=text) | _same("total_amount", amounts)
    ),
    "invoices.creditnote": lambda text, amounts: CreditNote.objects.select_related("account").filter(
        _numbered(text) | _same("total_amount", amounts)
    ),
    "accounts.account": lambda text, amounts: Account.objects.filter(
        Q(company_name__icontains=text)
        | Q(number__icontains=text)
        | Q(email__iexact=text)
        | Q(external_id__iexact=text)
    ),
    "payments.payment": lambda text, amounts: Payment.objects.select_related("account", "receipt").filter(
        Q(reference__icontains=text) | Q(receipt__number__icontains=text) | _same("amount", amounts)
    ),
    "payments.refund": lambda text, amounts: Refund.objects.select_related("payment").filter(
        Q(reference__iexact=text) | _same("amount", amounts)
    ),
    "payments.paymentsession": lambda text, amounts: PaymentSession.objects.filter(reference__iexact=text),
    "orders.order": lambda text, amounts: Order.objects.select_related("account").filter(
        Q(display_id__icontains=text.removeprefix("#")) | Q(purchase_order_number__iexact=text)
    ),
}


def _numbered(text: str) -> Q:
    """A number or a part of it; `INV-14` is INV-2025-014 too."""
    series, _, last = text.rpartition("-")
    return Q(number__icontains=text) | Q(number__istartswith=f"{series}-", number__endswith=last)


def _same(column: str, amounts: Amounts) -> Q:
    """The amounts that were typed, asked of this column."""
    found = Q(pk__in=())
    for currency, minor in amounts:
        found |= Q(currency=currency, **{column: minor})
    return found


def _amounts(text: str) -> Amounts:
    """What the text is in minor units of each currency that a region has; nothing when it is no amount."""
    text, found = text.strip("$€£¥ "), []
    for currency in Region.objects.order_by("currency").values_list("currency", flat=True).distinct():
        try:
            found.append((currency, read_amount(text, currency)))
        except Invalid:
            continue
    return found


def find(text: str, *, kinds: Collection[str]) -> list[Found]:
    """Rows of these kinds that fit, at most ten of each, the newest first. Less than two letters find
    nothing."""
    text = text.strip()[:LONGEST]
    if len(text) < 2:
        return []
    amounts, found = _amounts(text), []
    for kind, search in SEARCHES.items():
        if kind in kinds:
            rows = list(search(text, amounts).order_by("-pk")[: MOST + 1])
            if rows:
                found.append(Found(kind, rows[:MOST], len(rows) > MOST))
    return found


OWN_NAMES = ("number", "display_id", "reference", "company_name")


def only_hit(text: str, found: Collection[Found]) -> Model | None:
    """The one row that is called exactly this, or else the only one that fits at all."""
    rows = [row for one in found for row in one.rows]
    called = [row for row in rows if text.lower() in _names_of(row)]
    for several in (called, rows):
        if len(several) == 1:
            return several[0]
    return None


def _names_of(row: Model) -> set[str]:
    named = (row, getattr(row, "receipt", None))
    return {str(getattr(one, name, "") or "").lower() for one in named for name in OWN_NAMES}
