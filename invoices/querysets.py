"""Every read of invoices."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from functools import reduce
from operator import or_, sub
from typing import TYPE_CHECKING, Any, Self

from django.db import models
from django.db.models import Case, Exists, F, OuterRef, Prefetch, Q, Subquery, Sum, When
from django.db.models.functions import Coalesce, Greatest

from accounts.querysets import READ, OwnedQuerySet

if TYPE_CHECKING:
    from accounts.models import Customer, User


@dataclass(frozen=True)
class InvoiceFilter:
    """Which invoices of those that somebody may see: what is empty does not count. Bounds belong to it."""

    search: str = ""  # part of a number: the invoice's, an order's, the buyer's own; or of the company's name
    number: str = ""
    order_number: str = ""
    purchase_order_number: str = ""
    external_id: str = ""
    external_customer_id: str = ""
    standings: tuple[int, ...] = ()  # 0 open, 1 partly paid, 2 nothing open
    ids: tuple[int, ...] | None = None
    account_ids: tuple[int, ...] = ()
    created_from: datetime | None = None
    created_until: datetime | None = None
    issued_from: date | None = None
    issued_until: date | None = None
    due_from: date | None = None
    due_until: date | None = None
    overdue_on: date | None = None


class InvoiceQuerySet(OwnedQuerySet):
    missing = "Invoice not found"

    def issued(self) -> Self:
        return self.exclude(number=None)

    def visible_to(self, customer: Customer, may: str = READ) -> Self:
        """Issued invoices only: a draft is the merchant's own paper."""
        return super().visible_to(customer, may).issued()

    def own(self, user: User) -> Q:
        """Invoices over orders of which the member placed every one."""
        lines = self.model._meta.get_field("line_items").related_model.objects.filter(invoice=OuterRef("pk"))
        theirs = Q(account_line_item__order__placed_by=user)
        return Q(Exists(lines.filter(theirs)), ~Exists(lines.exclude(theirs)))

    def not_cancelled(self) -> Self:
        return self.exclude(status="cancelled")

    def open(self) -> Self:
        """Issued and not paid in full; a payment may be pending."""
        return self.filter(status="sent")

    def partly_paid(self) -> Self:
        """Open, and something was paid on it."""
        return self.open().filter(paid_amount__gt=0)

    def paid(self) -> Self:
        return self.filter(status="paid")

    def overdue(self, *, on: date) -> Self:
        return self.open().filter(due_date__lt=on)

    def drafts(self) -> Self:
        return self.filter(status="draft")

    def newest_first(self) -> Self:
        return self.order_by("-created_at", "-pk")

    def with_last_reminder(self) -> Self:
        """`last_reminder`: the name of the level that was reminded last; None without one."""
        reminders = self.model._meta.get_field("reminders").related_model.objects.valid()
        latest = reminders.filter(invoice=OuterRef("pk")).order_by("-created_at", "-pk")
        return self.annotate(last_reminder=Subquery(latest.values("level__name")[:1]))

    def with_standing(self) -> Self:
        """`open_amount`, in minor units, and `standing`: 0 open, 1 partly paid, 2 nothing open. What is
        promised or being captured counts as paid here."""
        left = F("total_amount") - F("paid_amount") - F("reserved_amount")
        return self.annotate(
            open_amount=left,
            standing=Case(
                When(total_amount=F("paid_amount") + F("reserved_amount"), then=2),
                When(Q(paid_amount__gt=0) | Q(reserved_amount__gt=0), then=1),
                default=0,
            ),
            year=Coalesce("number_year", 0),
            sequence=Coalesce("number_sequence", 0),
        )

    def filtered(self, wanted: InvoiceFilter) -> Self:
        """Those that `wanted` describes. Needs `with_standing()`."""
        return self.filter(_conditions(wanted))

    def open_and_overdue(self, *, on: date) -> tuple[int, int]:
        """What is open on these and not due before this day, and what is overdue: minor units. Needs
        `with_standing()` and one currency."""
        late = Q(due_date__lt=on)
        sums = self.aggregate(
            due=Coalesce(Sum("open_amount", filter=~late), 0),
            late=Coalesce(Sum("open_amount", filter=late), 0),
        )
        return sums["due"], sums["late"]

    def open_by_currency(self, *, on: date) -> list[dict[str, Any]]:
        """By currency what is open, and how much of that is overdue: minor units, the largest sum first.
        Needs `with_standing()`."""
        late = Q(due_date__lt=on)
        rows = self.open().order_by().values("currency")
        sums = rows.annotate(open=Sum("open_amount"), overdue=Coalesce(Sum("open_amount", filter=late), 0))
        return list(sums.filter(open__gt=0).order_by("-open", "currency"))

    def with_orders(self) -> Self:
        """The lines with the orders that they bill, and what was ordered."""
        return self.prefetch_related("line_items__account_line_item__order__items")

    def with_details(self) -> Self:
        """Everything a door may show of an invoice."""
        lines = self.model._meta.get_field("line_items").related_model.objects.select_related(
            "account_line_item"
        )
        return self.select_related("account", "region").prefetch_related(
            Prefetch("line_items", queryset=lines)
        )


def _conditions(wanted: InvoiceFilter) -> Q:
    by = {
        "number__iexact": wanted.number,
        "external_id": wanted.external_id,
        "account__external_id": wanted.external_customer_id,
        "standing__in": wanted.standings,
        "account__in": wanted.account_ids,
        "created_at__gte": wanted.created_from,
        "created_at__lte": wanted.created_until,
        "issue_date__gte": wanted.issued_from,
        "issue_date__lte": wanted.issued_until,
        "due_date__gte": wanted.due_from,
        "due_date__lte": wanted.due_until,
    }
    found = Q(**{name: value for name, value in by.items() if value})
    if wanted.ids is not None:
        found &= Q(pk__in=wanted.ids)
    if wanted.overdue_on:
        found &= Q(status="sent", due_date__lt=wanted.overdue_on)
    if wanted.order_number:
        found &= _listed("order_numbers", wanted.order_number)
    if wanted.purchase_order_number:
        found &= _listed("purchase_order_numbers", wanted.purchase_order_number)
    if wanted.search:
        names = ("number", "order_numbers", "purchase_order_numbers", "account__company_name")
        found &= reduce(or_, (Q(**{f"{name}__icontains": wanted.search}) for name in names))
    return found


def _listed(name: str, number: str) -> Q:
    """Whether a number is one of those that a column lists, separated by commas."""
    ends = ("iexact", number), ("istartswith", f"{number}, "), ("iendswith", f", {number}")
    return reduce(
        or_, (Q(**{f"{name}__{how}": text}) for how, text in (*ends, ("icontains", f", {number}, ")))
    )


class InvoiceLineItemQuerySet(models.QuerySet):
    def live(self) -> Self:
        """Lines of invoices that were not cancelled: each keeps its charge from other invoices."""
        return self.filter(is_live=True)

    def with_credited(self) -> Self:
        """`credited_amount`, `credited_net`, `credited_tax`: what credit notes took off each line, in minor
        units."""
        return self.annotate(
            credited_amount=Coalesce(Sum("credited__amount"), 0),
            credited_net=Coalesce(Sum("credited__net_amount"), 0),
            credited_tax=Coalesce(Sum("credited__tax_amount"), 0),
        )


class CreditNoteQuerySet(OwnedQuerySet):
    missing = "Credit note not found"

    def own(self, user: User) -> Q:
        """Credit notes on invoices over orders of which the member placed every one."""
        invoices = self.model._meta.get_field("invoice").related_model._default_manager
        return Q(invoice__in=invoices.filter(invoices.all().own(user)))


class ReminderQuerySet(models.QuerySet):
    def valid(self) -> Self:
        """Sent, or about to be: not those that were stopped."""
        return self.filter(stopped_at=None)

    def waiting(self) -> Self:
        return self.filter(sent_at=None, stopped_at=None)


class PromiseQuerySet(models.QuerySet):
    def standing(self, *, on: date) -> Self:
        """Not withdrawn, and its day is not over."""
        return self.filter(withdrawn_at=None, promised_date__gte=on)

    def holding(self, *, on: date) -> Self:
        """Standing, and keeping reminders back: an amount named all that was open then, and covers what is
        open now."""
        most = Greatest(Coalesce(F("open_amount"), 0), self._left("paid_amount", "reserved_amount"))
        return self.standing(on=on).filter(Q(amount=None) | Q(amount__gte=most))

    def broken(self, *, on: date) -> Self:
        """The day is over and what was promised is still open: the invoice, or any invoice of the account
        that was issued when the promise was made and was due by the promised day; of an amount, when less was
        paid since."""
        return self.with_broken(on=on).filter(is_broken=True)

    def with_broken(self, *, on: date) -> Self:
        """`is_broken`."""
        invoices = self.model._meta.get_field("invoice").related_model.objects.open()
        promised = invoices.filter(
            account=OuterRef("account"),
            sent_at__lte=OuterRef("created_at"),
            due_date__lte=OuterRef("promised_date"),
        )
        of_account = Q(invoice=None) & Exists(promised)
        of_all = Q(amount=None) & (of_account | Q(invoice__status="sent"))
        of_amount = Q(unpaid__gt=Coalesce(F("open_amount"), F("amount")) - F("amount"))
        over = Q(withdrawn_at=None, promised_date__lt=on)
        return self.annotate(
            unpaid=self._left("paid_amount"),
            is_broken=Case(When(over & (of_all | of_amount), then=True), default=False),
        )

    def _left(self, *taken: str) -> Case:
        """What is open, less these columns, of the invoice that a promise is about, or of the account's in
        its currency that were issued when it was made."""
        invoices = self.model._meta.get_field("invoice").related_model.objects.open().order_by()
        there = invoices.filter(
            account=OuterRef("account"), currency=OuterRef("currency"), sent_at__lte=OuterRef("created_at")
        )
        left = reduce(sub, map(F, ("total_amount", *taken)))
        summed = there.values("account").annotate(left=Sum(left)).values("left")
        return Case(
            When(invoice=None, then=Coalesce(Subquery(summed), 0)),
            When(
                invoice__status="sent",
                then=reduce(sub, (F(f"invoice__{name}") for name in ("total_amount", *taken))),
            ),
            default=0,
        )
