"""Invoices and what belongs to them."""

from invoices.models.credit_notes import CreditNote, CreditNoteDocument, CreditNoteLine
from invoices.models.invoices import Invoice, InvoiceDocument, InvoiceLineItem

__all__ = [
    "CreditNote",
    "CreditNoteDocument",
    "CreditNoteLine",
    "Invoice",
    "InvoiceDocument",
    "InvoiceLineItem",
]
