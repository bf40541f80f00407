"""Invoices and what belongs to them."""

from invoices.models.invoices import Invoice, InvoiceDocument, InvoiceLineItem
from invoices.models.reminders import PaymentPromise, Reminder, ReminderFee, ReminderLevel, ReminderText

__all__ = [
    "Invoice",
    "InvoiceDocument",
    "InvoiceLineItem",
    "PaymentPromise",
    "Reminder",
    "ReminderFee",
    "ReminderLevel",
    "ReminderText",
]
