"""Shapes of the storefront: plain values, loaded at the root and made eagerly."""

from payments.types.overview import account_overview, paid_invoice, unpaid_by_region
from payments.types.storefront import Invoice, InvoiceCreationResult, InvoicePaymentResult, PaymentSession

__all__ = [
    "Invoice",
    "InvoiceCreationResult",
    "InvoicePaymentResult",
    "PaymentSession",
    "account_overview",
    "paid_invoice",
    "unpaid_by_region",
]
