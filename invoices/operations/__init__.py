"""Everything that writes to invoices."""

from invoices.operations.documenting import document_of, make_documents
from invoices.operations.drafting import (
    Draft,
    FreeLine,
    create_draft,
    discard_draft,
    duplicate_invoice,
    edit_draft,
    issuable,
    issue_draft,
    preview_of,
    version_of,
)
from invoices.operations.freezing import parties
from invoices.operations.issuing import bill_line_items, create_invoice_from_line_items
from invoices.operations.settling import cancel_invoice, release, reserve, set_paid_amount
from invoices.operations.viewing import mark_viewed

__all__ = [
    "Draft",
    "FreeLine",
    "bill_line_items",
    "cancel_invoice",
    "create_draft",
    "create_invoice_from_line_items",
    "discard_draft",
    "document_of",
    "duplicate_invoice",
    "edit_draft",
    "issuable",
    "issue_draft",
    "make_documents",
    "mark_viewed",
    "parties",
    "preview_of",
    "release",
    "reserve",
    "set_paid_amount",
    "version_of",
]
