"""GraphQL types of the business-account payment flow. Amounts are integers in minor units."""

from collections.abc import Collection
from typing import Self

import graphene

from accounts.types import JSON, Currency
from core.money import end_of_day, format_minor, iso
from invoices.models import Invoice as InvoiceRow
from invoices.models import InvoiceLineItem as LineRow
from payments.models import PaymentCollection as CollectionRow
from payments.models import PaymentProvider as ProviderRow
from payments.models import PaymentSession as SessionRow
from payments.operations import PaymentOutcome

Amount = graphene.BigInt


class BilledLineItem(graphene.ObjectType):
    """The charge that an invoice line bills."""

    class Meta:
        name = "AccountLineItem"

    id = graphene.ID(required=True)
    description = graphene.String(required=True)
    order_display_id = graphene.String(required=True)
    item_count = graphene.Int(required=True)


class InvoiceLineItem(graphene.ObjectType):
    """One line of an invoice."""

    id = graphene.ID(required=True)
    account_line_item = graphene.Field(BilledLineItem)


class PaymentProvider(graphene.ObjectType):
    """A way to pay; `code` is what `initiateInvoicePaymentSession` takes."""

    id = graphene.ID(required=True)
    code = graphene.String(required=True)
    name = graphene.String(required=True)

    @classmethod
    def of(cls, row: ProviderRow) -> Self:
        return cls(id=row.pk, code=row.code, name=row.name)


class PaymentSession(graphene.ObjectType):
    """An attempt to pay with one provider. `data` is for the payer's client; only payers see it."""

    id = graphene.ID(required=True)
    is_selected = graphene.Boolean(required=True)
    is_initiated = graphene.Boolean(required=True)
    amount = Amount(required=True)
    data = JSON()
    status = graphene.String(required=True)
    payment_provider = graphene.Field(PaymentProvider, required=True)

    @classmethod
    def of(cls, row: SessionRow, *, with_data: bool) -> Self:
        return cls(
            id=row.pk,
            is_selected=row.is_selected,
            is_initiated=row.is_initiated,
            amount=row.amount,
            data=row.data if with_data else {},
            status=row.status,
            payment_provider=PaymentProvider.of(row.provider),
        )


class PaymentCollection(graphene.ObjectType):
    """What one payment is for, with a session for each provider."""

    id = graphene.ID(required=True)
    amount = Amount(required=True)
    description = graphene.String(required=True)
    payment_sessions = graphene.List(graphene.NonNull(PaymentSession), required=True)

    @classmethod
    def of(cls, row: CollectionRow, *, with_data: bool) -> Self:
        return cls(
            id=row.pk,
            amount=row.amount,
            description=row.description,
            payment_sessions=[PaymentSession.of(one, with_data=with_data) for one in row.attempts],
        )


class Invoice(graphene.ObjectType):
    """An invoice as the payment flow shows it."""

    id = graphene.ID(required=True)
    invoice_number = graphene.String(required=True)
    title = graphene.String(required=True)
    description = graphene.String(required=True)
    total_amount = Amount(required=True)
    formatted_total = graphene.String(required=True)
    open_balance = Amount(required=True)
    formatted_open_balance = graphene.String(required=True)
    status = graphene.String(required=True)
    due_date = graphene.String(required=True)
    created_at = graphene.String(required=True)
    paid_at = graphene.String()
    currency = graphene.Field(Currency, required=True)
    line_items = graphene.List(graphene.NonNull(InvoiceLineItem), required=True)
    item_count = graphene.Int(required=True)
    payment_collection = graphene.Field(PaymentCollection)

    @classmethod
    def of(
        cls,
        row: InvoiceRow,
        *,
        lines: Collection[LineRow],
        zone: str,
        locale: str,
        collection: CollectionRow | None = None,
        with_data: bool = True,
    ) -> Self:
        """Needs the lines with their charges, and the collection's attempts."""
        return cls(
            id=row.pk,
            invoice_number=row.number,
            title=row.title,
            description=row.description,
            total_amount=row.total_amount,
            formatted_total=format_minor(row.total_amount, row.currency, locale),
            open_balance=row.open_balance,
            formatted_open_balance=format_minor(row.open_balance, row.currency, locale),
            status=row.status,
            due_date=iso(end_of_day(row.due_date, zone)),
            created_at=iso(row.created_at),
            paid_at=iso(row.paid_at),
            currency=Currency.of(row.currency, locale),
            line_items=[_line(line) for line in lines],
            item_count=len(lines),
            payment_collection=PaymentCollection.of(collection, with_data=with_data) if collection else None,
        )


def _line(line: LineRow) -> InvoiceLineItem:
    billed = line.account_line_item
    return InvoiceLineItem(
        id=line.pk,
        account_line_item=billed
        and BilledLineItem(
            id=billed.pk,
            description=billed.description,
            order_display_id=billed.order_display_id,
            item_count=billed.item_count,
        ),
    )


class InvoiceCreationResult(graphene.ObjectType):
    """The invoice that was made."""

    success = graphene.Boolean(required=True)
    invoice = graphene.Field(Invoice)
    invoice_id = graphene.ID()
    message = graphene.String()
    error = graphene.String()


class InvoicePaymentResult(graphene.ObjectType):
    """How a payment stands. `id` is the invoice's; a decline is told in `error`."""

    id = graphene.ID()
    status = graphene.String()
    success = graphene.Boolean(required=True)
    message = graphene.String()
    error = graphene.String()

    @classmethod
    def of(cls, outcome: PaymentOutcome) -> Self:
        return cls(
            id=outcome.invoice_id,
            status=outcome.status,
            success=outcome.success,
            message=outcome.message,
            error=outcome.error,
        )
