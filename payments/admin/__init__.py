"""The back office of money: payments and what became of them, invoices, traces, and the trail of the site."""

from payments.admin import (
    attempts,
    audit,
    bank,
    correcting,
    invoices,
    issues,
    ledger,
    payments,
    refunds,
    traces,
)

__all__ = [
    "attempts",
    "audit",
    "bank",
    "correcting",
    "invoices",
    "issues",
    "ledger",
    "payments",
    "refunds",
    "traces",
]
