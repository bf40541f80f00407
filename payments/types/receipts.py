"""GraphQL types of a company's payments and receipts. Amounts are decimal strings of four places beside their
currency's code; instants are Unix seconds."""

from typing import Any, Self

import graphene
from graphene.types.generic import GenericScalar

from invoices.models import Invoice
from payments.models import Allocation, Payment, Receipt, RecordedMethod
from payments.types.company import decimal_string, seconds, store_hash
from payments.types.connections import connection_of, whole

Status = Payment.Status
# 0 incomplete, 1 awaiting processing, 2 processing, 3 completed, 4 refunded.
PROCESSING = {
    Status.FAILED: 0,
    Status.PENDING: 1,
    Status.CAPTURED: 3,
    Status.PARTIALLY_REFUNDED: 3,
    Status.REFUNDED: 4,
}
OFFLINE = "Offline"
PAID = "Paid"


class ReceiptLineType(graphene.ObjectType):
    """How much of a payment was put on one invoice. `amount` is `{code, value}`."""

    id = graphene.ID(required=True)
    created_at = graphene.Int()
    updated_at = graphene.Int()
    store_hash = graphene.String()
    customer_id = graphene.String(description="The id of the company.")
    external_id = graphene.String()
    external_customer_id = graphene.String()
    receipt_id = graphene.Int()
    payment_id = graphene.Int()
    invoice_id = graphene.Int()
    invoice_number = graphene.String()
    amount = GenericScalar()
    amount_code = graphene.String()
    payment_status = graphene.Int()
    payment_type = graphene.String()
    transaction_type = graphene.String()
    reference_number = graphene.String()

    @classmethod
    def of(cls, row: Allocation) -> Self:
        """Needs its invoice, and its payment with receipt, account and provider."""
        payment = row.payment
        moment = seconds(row.created_at)
        return cls(
            id=row.pk,
            created_at=moment,
            updated_at=moment,
            store_hash=store_hash(),
            customer_id=str(payment.account_id),
            external_id="",
            external_customer_id=payment.account.external_id,
            receipt_id=payment.receipt.pk,
            payment_id=payment.pk,
            invoice_id=row.invoice_id,
            invoice_number=row.invoice.number,
            amount={"code": row.currency, "value": decimal_string(row.amount, row.currency)},
            amount_code=row.currency,
            payment_status=PROCESSING[Status(payment.status)],
            payment_type=payment_type(payment),
            transaction_type=PAID,
            reference_number=payment.reference,
        )


ReceiptLineConnection, ReceiptLineEdge = connection_of(ReceiptLineType, "ReceiptLineType")


class ReceiptType(graphene.ObjectType):
    """The receipt of a captured payment; its number is in `externalId`."""

    id = graphene.ID(required=True)
    created_at = graphene.Int()
    updated_at = graphene.Int()
    store_hash = graphene.String()
    customer_id = graphene.String(description="The id of the company.")
    external_id = graphene.String(description="The number of the receipt.")
    external_customer_id = graphene.String()
    payer_name = graphene.String()
    payer_customer_id = graphene.String()
    details = GenericScalar()
    payment_id = graphene.Int()
    payment_status = graphene.Int()
    payment_type = graphene.String()
    transaction_type = graphene.String()
    reference_number = graphene.String()
    total_code = graphene.String()
    total_amount = graphene.String()
    receipt_line_set = graphene.Field(ReceiptLineConnection)

    @classmethod
    def of(cls, row: Receipt) -> Self:
        """Needs `with_details()`."""
        payment = row.payment
        moment = seconds(row.issued_at)
        return cls(
            id=row.pk,
            created_at=moment,
            updated_at=moment,
            store_hash=store_hash(),
            customer_id=str(payment.account_id),
            external_id=row.number,
            external_customer_id=payment.account.external_id,
            payer_name=payer_name(payment),
            payer_customer_id=str(payment.payer_id or ""),
            details={},
            payment_id=payment.pk,
            payment_status=PROCESSING[Status(payment.status)],
            payment_type=payment_type(payment),
            transaction_type=PAID,
            reference_number=payment.reference,
            total_code=payment.currency,
            total_amount=decimal_string(payment.amount, payment.currency),
            receipt_line_set=whole(
                ReceiptLineConnection, ReceiptLineEdge, _lines(payment), ReceiptLineType.of
            ),
        )


ReceiptConnection, ReceiptEdge = connection_of(ReceiptType, "ReceiptType")


class InvoicePaymentType(graphene.ObjectType):
    """A payment of the company's. `processingStatus`: 0 incomplete, 1 awaiting processing, 2 processing, 3
    completed, 4 refunded. `appliedStatus`: 0 on no invoice, 1 in part, 2 wholly. `fundingStatus`: 0 not here
    yet, 1 here, 2 sent back."""

    id = graphene.ID(required=True)
    created_at = graphene.Int()
    updated_at = graphene.Int()
    processing_status = graphene.Int()
    applied_status = graphene.Int()
    funding_status = graphene.Int()
    module_name = graphene.String()
    module_data = GenericScalar()
    details = GenericScalar()
    fees = GenericScalar()
    payer_name = graphene.String()
    payer_customer_id = graphene.String()
    total_code = graphene.String()
    total_amount = graphene.String()
    company_id = graphene.String()
    company_name = graphene.String()
    customer_name = graphene.String()
    channel_id = graphene.Int()
    channel_name = graphene.String()
    external_id = graphene.String()
    payment_receipt_set = graphene.Field(ReceiptConnection)

    @classmethod
    def of(cls, row: Payment) -> Self:
        """Needs `with_company_details()`."""
        receipts = [row.receipt] if hasattr(row, "receipt") else []
        region = _region(row)
        moved = (row.created_at, row.captured_at, row.verified_at, row.rejected_at)
        return cls(
            id=row.pk,
            created_at=seconds(row.created_at),
            updated_at=seconds(max(moment for moment in moved if moment)),
            processing_status=PROCESSING[Status(row.status)],
            applied_status=_applied(row),
            funding_status={0: 0, 1: 0, 3: 1, 4: 2}[PROCESSING[Status(row.status)]],
            module_name=RecordedMethod(row.method).label if _is_told(row) else row.provider.name,
            module_data={"code": row.provider.code, **row.method_details},
            details={"memo": row.reason if row.status == Status.FAILED else ""},
            fees=[],
            payer_name=payer_name(row),
            payer_customer_id=str(row.payer_id or ""),
            total_code=row.currency,
            total_amount=decimal_string(row.amount, row.currency),
            company_id=str(row.account_id),
            company_name=row.account.company_name,
            customer_name=row.account.company_name,
            channel_id=region.pk if region else None,
            channel_name=region.name if region else None,
            external_id=row.reference,
            payment_receipt_set=whole(ReceiptConnection, ReceiptEdge, receipts, ReceiptType.of),
        )


InvoicePaymentConnection, InvoicePaymentEdge = connection_of(InvoicePaymentType, "InvoicePaymentType")


def payer_name(payment: Payment) -> str:
    return str(payment.payer) if payment.payer else ""


def payment_type(payment: Payment) -> str:
    """`Visa ending in 4242`, the provider's name, or `Offline` for what staff verified."""
    details = payment.method_details
    if details.get("last4"):
        return f"{details.get('brand', 'card').capitalize()} ending in {details['last4']}"
    return OFFLINE if payment.verified_at or payment.method == "bank_transfer" else payment.provider.name


def _is_told(payment: Payment) -> bool:
    """Whether staff recorded by what method it came."""
    return payment.is_recorded and payment.method in RecordedMethod.values


def _lines(payment: Payment) -> list[Allocation]:
    """What was put on invoices; what was taken back later is the payment's refunds."""
    return [one for one in payment.allocations.all() if one.amount > 0]


def _applied(payment: Payment) -> int:
    net = sum(one.amount for one in payment.allocations.all())
    return 0 if net <= 0 else 1 if net < payment.amount else 2


def _region(payment: Payment) -> Any:
    invoices: list[Invoice] = [one.invoice for one in payment.allocations.all()]
    return invoices[0].region if invoices else None
