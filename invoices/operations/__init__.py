"""Everything that writes to invoices."""

from invoices.operations.documenting import document_of, make_documents
from invoices.operations.issuing import bill_line_items, create_invoice_from_line_items, parties
from invoices.operations.settling import cancel_invoice, release, reserve, set_paid_amount
from invoices.operations.viewing import mark_viewed

__all__ = [
    "bill_line_items",
    "cancel_invoice",
    "create_invoice_from_line_items",
    "document_of",
    "make_documents",
    "mark_viewed",
    "parties",
    "release",
    "reserve",
    "set_paid_amount",
]
