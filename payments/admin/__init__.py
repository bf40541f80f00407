"""The back office of money: payments and what became of them, invoices and their
reminders, traces, and the trail of the site."""

from payments.admin import (
    accounts,
    attempts,
    audit,
    bank,
    correcting,
    invoices,
    issues,
    ledger,
    pages,
    payments,
    recurring,
    refunds,
    reminders,
    traces,
)

__all__ = [
    "accounts",
    "attempts",
    "audit",
    "bank",
    "correcting",
    "invoices",
    "issues",
    "ledger",
    "pages",
    "payments",
    "recurring",
    "refunds",
    "reminders",
    "traces",
]
