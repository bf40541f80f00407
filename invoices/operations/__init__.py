"""Everything that writes to invoices."""

from invoices.operations.billing import Unbilled, bill_unbilled, unbilled_by_account
from invoices.operations.crediting import (
    creditable_lines,
    document_of_credit_note,
    left_of_line,
    make_credit_note_document,
    write_credit_note,
)
from invoices.operations.documenting import document_of, make_documents
from invoices.operations.drafting import (
    Draft,
    FreeLine,
    create_draft,
    discard_draft,
    discardable,
    duplicate_invoice,
    edit_draft,
    issuable,
    issue_draft,
    may_draft,
    preview_of,
    version_of,
)
from invoices.operations.freezing import parties
from invoices.operations.issuing import bill_line_items, create_invoice_from_line_items
from invoices.operations.settling import cancel_invoice, cancellable, release, reserve, set_paid_amount
from invoices.operations.viewing import mark_viewed

__all__ = [
    "Draft",
    "FreeLine",
    "Unbilled",
    "bill_line_items",
    "bill_unbilled",
    "cancel_invoice",
    "cancellable",
    "create_draft",
    "create_invoice_from_line_items",
    "creditable_lines",
    "discard_draft",
    "discardable",
    "document_of",
    "document_of_credit_note",
    "duplicate_invoice",
    "edit_draft",
    "issuable",
    "issue_draft",
    "left_of_line",
    "make_credit_note_document",
    "make_documents",
    "mark_viewed",
    "may_draft",
    "parties",
    "preview_of",
    "release",
    "reserve",
    "set_paid_amount",
    "unbilled_by_account",
    "version_of",
    "write_credit_note",
]
