"""Money coming in: how it may be paid, attempts to pay, what was paid, and where it went."""

from payments.models.attempts import (
    PaymentCollection,
    PaymentCollectionInvoice,
    PaymentProvider,
    PaymentSession,
)
from payments.models.bank import BankLine, BankMapping, BankStatement
from payments.models.corrections import WriteOff
from payments.models.ledger import AccountCredit, Allocation, Payment, Receipt, RecordedMethod, Refund
from payments.models.traces import Comparison, ProviderCall, ProviderEvent, ReconciliationIssue

__all__ = [
    "AccountCredit",
    "Allocation",
    "BankLine",
    "BankMapping",
    "BankStatement",
    "Comparison",
    "Payment",
    "PaymentCollection",
    "PaymentCollectionInvoice",
    "PaymentProvider",
    "PaymentSession",
    "ProviderCall",
    "ProviderEvent",
    "Receipt",
    "ReconciliationIssue",
    "RecordedMethod",
    "Refund",
    "WriteOff",
]
