"""Invoices and what belongs to them."""

from invoices.models.credit_notes import CreditNote, CreditNoteDocument, CreditNoteLine
from invoices.models.invoices import Invoice, InvoiceDocument, InvoiceLineItem
from invoices.models.recurring import RecurringInvoice, RecurringLine, RecurringRun
from invoices.models.reminders import PaymentPromise, Reminder, ReminderFee, ReminderLevel, ReminderText

__all__ = [
    "CreditNote",
    "CreditNoteDocument",
    "CreditNoteLine",
    "Invoice",
    "InvoiceDocument",
    "InvoiceLineItem",
    "PaymentPromise",
    "RecurringInvoice",
    "RecurringLine",
    "RecurringRun",
    "Reminder",
    "ReminderFee",
    "ReminderLevel",
    "ReminderText",
]
