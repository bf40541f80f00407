"""Every read of collections, sessions and payments."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import TYPE_CHECKING, Self

from django.db import models
from django.db.models import Count, Exists, F, Max, OuterRef, Prefetch, Q, Subquery, Sum
from django.db.models.functions import Coalesce, Greatest

from accounts.querysets import READ, OwnedQuerySet

if TYPE_CHECKING:
    from accounts.models import Customer, User
    from invoices.models import Invoice

ALLOCATION_TOLD = (
    "invoice__region",
    "payment__account",
    "payment__provider",
    "payment__receipt",
    "payment__payer",
)
PROCESSING = {
    0: ("failed",),
    1: ("pending",),
    3: ("captured", "partially_refunded"),
    4: ("refunded",),
}
LIVE = ("created", "initiated", "capturing", "pending_verification")


class PaymentProviderQuerySet(models.QuerySet):
    def installed_in(self, region_id: int | None) -> Self:
        """What customers of a region can pay with, in the order they are offered."""
        return self.filter(is_installed=True, regions=region_id).order_by("position", "pk")

    def with_health(self) -> Self:
        """`answered_at`, `told_at` and `compared_at`: when a provider answered last, sent an event last, and
        was compared with the books last; `differing`: in how many rows they differed then."""
        rows = {name: self.model._meta.get_field(name).related_model for name in ("sessions", "events")}
        calls = rows["sessions"]._meta.get_field("calls").related_model._default_manager
        events = rows["events"]._default_manager
        comparisons = self.model._meta.get_field("comparisons").related_model._default_manager
        answered = calls.filter(session__provider=OuterRef("pk"), answered_at__isnull=False)
        told = events.filter(provider=OuterRef("pk"))
        compared = comparisons.filter(provider=OuterRef("pk")).order_by("-pk")
        return self.annotate(
            answered_at=Subquery(answered.order_by("-pk").values("answered_at")[:1]),
            told_at=Subquery(told.order_by("-pk").values("received_at")[:1]),
            compared_at=Subquery(compared.values("made_at")[:1]),
            differing=Subquery(compared.values("differing")[:1]),
        )


class CollectionQuerySet(OwnedQuerySet):
    missing = "Payment not found"

    def own(self, user: User) -> Q:
        """Collections over invoices that are all the member's."""
        rows = self.model._meta.get_field("covered").related_model
        invoices = rows._meta.get_field("invoice").related_model.objects.all()
        theirs = Q(invoice__in=invoices.filter(invoices.own(user)))
        covered = rows.objects.filter(collection=OuterRef("pk"))
        return Q(Exists(covered.filter(theirs)), ~Exists(covered.exclude(theirs)))

    def with_details(self) -> Self:
        """The sessions with their providers, and the invoices that are covered."""
        sessions = self.model._meta.get_field("sessions").related_model.objects.in_order()
        covered = self.model._meta.get_field("covered").related_model.objects.select_related("invoice")
        return self.select_related("account").prefetch_related(
            Prefetch("sessions", queryset=sessions), Prefetch("covered", queryset=covered)
        )

    def with_attempts(self) -> Self:
        """`attempts`: all sessions with their providers, in the order they are offered."""
        sessions = self.model._meta.get_field("sessions").related_model.objects.in_order()
        return self.prefetch_related(Prefetch("sessions", queryset=sessions, to_attr="attempts"))

    def for_invoice_alone(self, invoice_id: int) -> Self:
        """Collections that cover this invoice and nothing else, newest first."""
        return self.filter(covered__invoice=invoice_id, invoice_count=1).order_by("-pk")

    def started_for(self, invoices: Collection[Invoice]) -> dict[int, int]:
        """By invoice, the newest collection that covers all that is open on it and can be taken up again."""
        open_on = {invoice.pk: invoice.open_balance for invoice in invoices}
        rows = self.filter(covered__invoice__in=open_on, invoice_count=1, sessions__status__in=LIVE)
        over = ("succeeded", "pending_verification")
        rows = rows.filter(closed_at=None).exclude(sessions__status__in=over)
        found = rows.order_by("pk").values_list("covered__invoice", "amount", "pk")
        return {invoice: pk for invoice, amount, pk in found if open_on[invoice] == amount}


class SessionQuerySet(OwnedQuerySet):
    missing = "Payment session not found"

    def own(self, user: User) -> Q:
        """Sessions of collections that are the member's."""
        collections = self.model._meta.get_field("collection").related_model.objects.all()
        return Q(collection__in=collections.filter(collections.own(user)))

    def in_order(self) -> Self:
        return self.select_related("provider").order_by("provider__position", "pk")

    def live(self) -> Self:
        """Sessions that have not ended."""
        return self.filter(status__in=LIVE)

    def deciding_on(self, invoices: Collection[Invoice]) -> Self:
        """Sessions that are being captured or await verification on any of these invoices, oldest first."""
        return (
            self.filter(collection__covered__invoice__in=invoices)
            .filter(status__in=("capturing", "pending_verification"))
            .select_related("provider", "payer")
            .order_by("pk")
            .distinct()
        )

    def pending_on(self, invoice_ids: Collection[int]) -> dict[int, int]:
        """By invoice, how many payments await verification or are being processed."""
        pending = self.filter(
            status__in=("capturing", "pending_verification"), collection__covered__invoice__in=invoice_ids
        ).order_by()
        return dict(pending.values_list("collection__covered__invoice").annotate(Count("pk")))

    def unfinished_at_provider(self) -> Self:
        """Sessions of which a provider knows and whose end we do not."""
        return self.filter(status__in=("initiated", "capturing")).exclude(reference="")

    def due_for_reconciliation(self, *, at: datetime) -> Self:
        return self.unfinished_at_provider().filter(Q(look_again_at=None) | Q(look_again_at__lte=at))


class CreditQuerySet(OwnedQuerySet):
    def with_left(self) -> Self:
        """`left`, in minor units: what no invoice used and no refund took or is to take; oldest first."""
        allocations = self.model._meta.get_field("allocations").related_model.objects
        refunds = self.model._meta.get_field("payment").related_model._meta.get_field("refunds").related_model
        used = allocations.filter(credit=OuterRef("pk")).order_by().values("credit")
        back = refunds.objects.filter(payment=OuterRef("payment"), status="done").order_by().values("payment")
        asked = refunds.objects.unfinished().filter(payment=OuterRef("payment")).order_by().values("payment")
        left = (
            F("amount")
            - Coalesce(Subquery(used.annotate(sum=Sum("amount")).values("sum")), 0)
            - Coalesce(Subquery(back.annotate(sum=Sum("credit_amount")).values("sum")), 0)
            - Coalesce(Subquery(asked.annotate(sum=Sum("amount")).values("sum")), 0)
        )
        return self.annotate(left=Greatest(left, 0)).order_by("created_at", "pk")

    def left_by_currency(self) -> list[tuple[str, int]]:
        """What is left of these credits after what was put on invoices or sent back, in minor units; nothing,
        no entry."""
        kept = dict(self.order_by().values_list("currency").annotate(Sum("amount")))
        used = self.order_by().filter(allocations__isnull=False).values_list("currency")
        back = self.order_by().filter(payment__refunds__status="done").values_list("currency")
        for currency, amount in (
            *used.annotate(Sum("allocations__amount")),
            *back.annotate(Sum("payment__refunds__credit_amount")),
        ):
            kept[currency] -= amount
        return sorted((currency, left) for currency, left in kept.items() if left > 0)


class RefundQuerySet(models.QuerySet):
    def with_details(self) -> Self:
        return self.select_related(
            "payment__account", "payment__provider", "payment__payer", "provider", "staff"
        ).prefetch_related("allocations__invoice", "payment__allocations__invoice")

    def counting(self) -> Self:
        """Refunds that take of what was captured: all but those that failed."""
        return self.exclude(status="failed")

    def unfinished(self) -> Self:
        """Reserved, or asked for and not answered for certain."""
        return self.filter(status__in=("reserved", "requested"))

    def due_for_reconciliation(self, *, at: datetime) -> Self:
        return self.unfinished().filter(Q(look_again_at=None) | Q(look_again_at__lte=at))


class PaymentQuerySet(OwnedQuerySet):
    missing = "Payment not found"

    def own(self, user: User) -> Q:
        """Payments that the member made."""
        return Q(payer=user)

    def to_verify(self) -> Self:
        """Promises that staff must check."""
        return self.filter(status="pending", provider__code="pp_system_default")

    def told_to(self, customer: Customer, may: str = READ) -> Self:
        """Those that a reader of what they paid is told of: the company's, or where the reader sees only what
        is theirs, those that they made and those that paid nothing else."""
        sessions = self.model._meta.get_field("session").related_model.objects.visible_to(customer, may)
        return self.filter(Q(pk__in=self.model.objects.visible_to(customer, may)) | Q(session__in=sessions))

    def on_invoice(self, invoice_id: int) -> Self:
        """Payments of the invoice's company that were put on it or promised for it. What staff gave to
        another company, and nobody's money, may have come by its sessions: neither company is told of it."""
        promised = Q(session__collection__covered__invoice=invoice_id, session__account=F("account"))
        return self.filter(Q(allocations__invoice=invoice_id) | promised).distinct()

    def captured(self) -> Self:
        """Money that moved to us, sent back later or not."""
        return self.filter(status__in=("captured", "partially_refunded", "refunded"))

    def collected(self) -> Self:
        """Money that moved to us, sent back later or not; not what was entered by mistake."""
        return self.captured().filter(~self._reversed())

    def undone(self) -> Self:
        """Recordings that were entered by mistake and taken out again."""
        return self.filter(self._reversed())

    def sent_back(self) -> Self:
        """Money of which something went back to the payer or was taken back; not what was never there."""
        return self.filter(~self._reversed(), status__in=("partially_refunded", "refunded"))

    def _reversed(self) -> Exists:
        refunds = self.model._meta.get_field("refunds").related_model.objects
        return Exists(refunds.filter(payment=OuterRef("pk"), kind="reversal"))

    def with_details(self) -> Self:
        return self.select_related("account", "provider", "session", "payer", "verified_by").prefetch_related(
            "allocations__invoice"
        )

    def with_refunds(self) -> Self:
        return self.prefetch_related("refunds")

    def with_company_details(self) -> Self:
        """What a company is told of its payments."""
        return self.select_related("account", "provider", "payer", "receipt").prefetch_related(
            Prefetch("allocations", queryset=self._told_allocations())
        )

    def _told_allocations(self) -> models.QuerySet:
        allocations = self.model._meta.get_field("allocations").related_model.objects
        return allocations.select_related(*ALLOCATION_TOLD)

    def processing(self, statuses: Collection[int]) -> Self:
        """Those whose state is one of the numbers of the company's face: 0 rejected, 1 promised, 3 captured,
        4 sent back."""
        words = [word for number in statuses for word in PROCESSING.get(number, ())]
        return self.filter(status__in=words)


class ReceiptQuerySet(OwnedQuerySet):
    account_field = "payment__account_id"
    missing = "Receipt not found"

    def own(self, user: User) -> Q:
        """Receipts of payments that the member made."""
        return Q(payment__payer=user)

    def searched(self, text: str) -> Self:
        """Part of a receipt's number, of what the provider calls the payment, or of an invoice's number."""
        allocations = self.model._meta.get_field("payment").related_model._meta.get_field("allocations")
        paid = allocations.related_model.objects.filter(invoice__number__icontains=text).values("payment")
        named = Q(number__icontains=text) | Q(payment__reference__icontains=text)
        return self.filter(named | Q(payment__in=paid))

    def with_details(self) -> Self:
        allocations = self.model._meta.get_field("payment").related_model._meta.get_field("allocations")
        told = allocations.related_model.objects.select_related(*ALLOCATION_TOLD)
        return self.select_related(
            "payment__account", "payment__provider", "payment__payer"
        ).prefetch_related(Prefetch("payment__allocations", queryset=told))


class AllocationQuerySet(OwnedQuerySet):
    account_field = "payment__account_id"
    missing = "Receipt line not found"

    def own(self, user: User) -> Q:
        """Of payments that the member made."""
        return Q(payment__payer=user)

    def last_on(self, invoice_ids: Collection[int]) -> dict[int, datetime]:
        """By invoice, when money was put on it or taken back last."""
        moved = self.filter(invoice__in=invoice_ids).order_by()
        return dict(moved.values_list("invoice").annotate(Max("created_at")))

    def receipted(self) -> Self:
        """What receipts list: money of a captured payment that was put on an invoice."""
        return self.filter(amount__gt=0, payment__receipt__isnull=False)

    def with_details(self) -> Self:
        return self.select_related(*ALLOCATION_TOLD)


class BankLineQuerySet(models.QuerySet):
    def open(self) -> Self:
        """What came in and waits for somebody to say what it is."""
        return self.filter(status="open")

    def doubtful(self) -> Self:
        """What may be here twice, and waits for somebody to say so."""
        return self.open().filter(double_of__isnull=False)

    def booked(self) -> Self:
        """Lines that became a payment, with that."""
        return self.filter(status="booked").select_related("payment__account")
