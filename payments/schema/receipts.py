"""The storefront's door to a company's payments and their receipts."""

import graphene

from accounts.models import Organization
from core.doors import asked_fields, customer_of
from core.errors import Invalid
from payments.models import Allocation, Payment, Receipt
from payments.schema.filters import day_of, text_of
from payments.types.connections import PAGING, page_of, told
from payments.types.receipts import (
    InvoicePaymentConnection,
    InvoicePaymentEdge,
    InvoicePaymentType,
    ReceiptConnection,
    ReceiptEdge,
    ReceiptLineConnection,
    ReceiptLineEdge,
    ReceiptLineType,
    ReceiptType,
)

HISTORY = "get_invoice_payments_history"
NEWEST_FIRST = ("-pk",)
RECEIPT_ORDERS = {
    "createdAt": ("issued_at", "pk"),
    "total": ("payment__amount", "pk"),
    "externalId": ("number_year", "number_sequence", "pk"),
}


class ReceiptsQuery:
    """What a customer sees of their companies' payments."""

    invoice_payments = graphene.Field(
        InvoicePaymentConnection,
        invoice_id=graphene.Decimal(),
        date_created_begin_at=graphene.Date(),
        date_created_end_at=graphene.Date(),
        **PAGING,
    )
    invoice_payment = graphene.Field(InvoicePaymentType, payment_id=graphene.Int(required=True))
    receipts = graphene.Field(
        ReceiptConnection,
        payment_status=graphene.List(graphene.Int),
        search=graphene.String(),
        order_by=graphene.String(),
        **PAGING,
    )
    receipt = graphene.Field(ReceiptType, id=graphene.Int(required=True))
    all_receipt_lines = graphene.Field(
        ReceiptLineConnection,
        payment_status=graphene.List(graphene.Int),
        invoice_id=graphene.String(),
        **PAGING,
    )
    receipt_lines = graphene.Field(ReceiptLineConnection, receipt_id=graphene.Int(required=True), **PAGING)
    receipt_line = graphene.Field(ReceiptLineType, id=graphene.Int(required=True))

    @staticmethod
    def resolve_invoice_payments(
        root, info, invoice_id=None, date_created_begin_at=None, date_created_end_at=None, **paging
    ):
        customer = customer_of(info, may=HISTORY)
        zone = Organization.objects.values_list("time_zone", flat=True).get()
        rows = Payment.objects.visible_to(customer, HISTORY)
        if invoice_id is not None:
            rows = rows.filter(pk__in=Payment.objects.on_invoice(_whole(invoice_id)))
        begin = day_of(date_created_begin_at, zone, field="dateCreatedBeginAt")
        end = day_of(date_created_end_at, zone, field="dateCreatedEndAt", following=True)
        rows = rows.filter(created_at__gte=begin) if begin else rows
        rows = rows.filter(created_at__lt=end) if end else rows
        part = page_of(rows.with_company_details(), NEWEST_FIRST, **paging)
        return told(
            InvoicePaymentConnection,
            InvoicePaymentEdge,
            part,
            InvoicePaymentType.of,
            total=_total(info, rows),
        )

    @staticmethod
    def resolve_invoice_payment(root, info, payment_id):
        customer = customer_of(info, may=HISTORY)
        rows = Payment.objects.with_company_details()
        return InvoicePaymentType.of(rows.get_for(customer, payment_id, may=HISTORY))

    @staticmethod
    def resolve_receipts(root, info, payment_status=None, search=None, order_by=None, **paging):
        customer = customer_of(info, may=HISTORY)
        rows = known = Receipt.objects.visible_to(customer, HISTORY)
        if payment_status:
            rows = rows.filter(payment__in=Payment.objects.processing(_states(payment_status)))
        if wanted := text_of(search, field="search"):
            rows = rows.searched(wanted)
        part = page_of(rows.with_details(), _order(order_by), known=known, **paging)
        return told(ReceiptConnection, ReceiptEdge, part, ReceiptType.of, total=_total(info, rows))

    @staticmethod
    def resolve_receipt(root, info, id):
        customer = customer_of(info, may=HISTORY)
        return ReceiptType.of(Receipt.objects.with_details().get_for(customer, id, may=HISTORY))

    @staticmethod
    def resolve_all_receipt_lines(root, info, payment_status=None, invoice_id=None, **paging):
        customer = customer_of(info, may=HISTORY)
        rows = known = Allocation.objects.visible_to(customer, HISTORY).receipted()
        if payment_status:
            rows = rows.filter(payment__in=Payment.objects.processing(_states(payment_status)))
        if invoice_id is not None:
            rows = rows.filter(invoice=_whole(invoice_id))
        return _lines(info, rows, {**paging, "known": known})

    @staticmethod
    def resolve_receipt_lines(root, info, receipt_id, **paging):
        customer = customer_of(info, may=HISTORY)
        receipt = Receipt.objects.get_for(customer, receipt_id, may=HISTORY)
        return _lines(info, Allocation.objects.receipted().filter(payment=receipt.payment_id), paging)

    @staticmethod
    def resolve_receipt_line(root, info, id):
        customer = customer_of(info, may=HISTORY)
        rows = Allocation.objects.receipted().with_details()
        return ReceiptLineType.of(rows.get_for(customer, id, may=HISTORY))


def _lines(info, rows, paging):
    part = page_of(rows.with_details(), NEWEST_FIRST, **paging)
    return told(ReceiptLineConnection, ReceiptLineEdge, part, ReceiptLineType.of, total=_total(info, rows))


def _total(info, rows):
    return rows.count() if "totalCount" in asked_fields(info) else None


def _whole(text):
    """An id that came as a number or as text; what cannot be one is no row's."""
    word = str(text)
    return int(word) if word.isascii() and word.isdigit() and len(word) < 19 else 0


def _states(numbers):
    if any(number not in range(5) for number in numbers):
        raise Invalid("paymentStatus must be 0, 1, 2, 3 or 4", field="paymentStatus")
    return numbers


def _order(text):
    if not text:
        return NEWEST_FIRST
    columns = RECEIPT_ORDERS.get(text.removeprefix("-"))
    if columns is None:
        known = ", ".join(RECEIPT_ORDERS)
        raise Invalid(f"orderBy must be one of {known}, with or without a minus in front", field="orderBy")
    return tuple(f"-{column}" for column in columns) if text.startswith("-") else columns
