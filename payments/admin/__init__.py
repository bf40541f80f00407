"""The back office of money: payments and what became of them, invoices, traces, and the trail of the site."""

from payments.admin import (
    attempts,
    audit,
    correcting,
    invoices,
    issues,
    ledger,
    pages,
    payments,
    refunds,
    traces,
)

__all__ = [
    "attempts",
    "audit",
    "correcting",
    "invoices",
    "issues",
    "ledger",
    "pages",
    "payments",
    "refunds",
    "traces",
]
