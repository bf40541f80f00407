"""Every read of collections, sessions and payments."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import TYPE_CHECKING, Self

from django.db import models
from django.db.models import Exists, OuterRef, Prefetch, Q, Sum

from accounts.querysets import OwnedQuerySet

if TYPE_CHECKING:
    from accounts.models import User
    from invoices.models import Invoice

LIVE = ("created", "initiated", "capturing", "pending_verification")


class PaymentProviderQuerySet(models.QuerySet):
    def installed_in(self, region_id: int | None) -> Self:
        """What customers of a region can pay with, in the order they are offered."""
        return self.filter(is_installed=True, regions=region_id).order_by("position", "pk")


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
        rows = rows.exclude(sessions__status="succeeded")
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

    def unfinished_at_provider(self) -> Self:
        """Sessions of which a provider knows and whose end we do not."""
        return self.filter(status__in=("initiated", "capturing")).exclude(reference="")

    def due_for_reconciliation(self, *, at: datetime) -> Self:
        return self.unfinished_at_provider().filter(Q(look_again_at=None) | Q(look_again_at__lte=at))


class CreditQuerySet(OwnedQuerySet):
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

    def on_invoice(self, invoice: Invoice) -> Self:
        """Payments of the invoice's company that were put on it or promised for it. What staff gave to
        another company, and nobody's money, may have come by its sessions: its readers see neither."""
        about = Q(allocations__invoice=invoice) | Q(session__collection__covered__invoice=invoice)
        return self.filter(about, account=invoice.account_id).distinct()

    def captured(self) -> Self:
        """Money that moved to us, sent back later or not."""
        return self.filter(status__in=("captured", "partially_refunded", "refunded"))

    def with_details(self) -> Self:
        return self.select_related("account", "provider", "session", "payer", "verified_by").prefetch_related(
            "allocations__invoice"
        )

    def with_refunds(self) -> Self:
        return self.prefetch_related("refunds")


class ReceiptQuerySet(OwnedQuerySet):
    account_field = "payment__account_id"
    missing = "Receipt not found"

    def own(self, user: User) -> Q:
        """Receipts of payments that the member made."""
        return Q(payment__payer=user)
