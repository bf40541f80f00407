"""Money coming in: how it may be paid, attempts to pay, what was paid, and where it went."""

from payments.models.attempts import (
    PaymentCollection,
    PaymentCollectionInvoice,
    PaymentProvider,
    PaymentSession,
)
from payments.models.ledger import AccountCredit, Allocation, Payment
from payments.models.traces import ProviderCall, ProviderEvent, ReconciliationIssue

__all__ = [
    "AccountCredit",
    "Allocation",
    "Payment",
    "PaymentCollection",
    "PaymentCollectionInvoice",
    "PaymentProvider",
    "PaymentSession",
    "ProviderCall",
    "ProviderEvent",
    "ReconciliationIssue",
]
