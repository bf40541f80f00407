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
from invoices.operations.freezing import parties, with_logo
from invoices.operations.issuing import bill_line_items, create_invoice_from_line_items
from invoices.operations.mailing import (
    enqueue_mail,
    last_mailing,
    mail_stoppable,
    stop_mail,
    waiting_mail,
)
from invoices.operations.promising import (
    pausable,
    pause_reminders,
    promise_to_pay,
    withdraw_promise,
    withdrawable,
)
from invoices.operations.recurring import make_next, make_recurring_invoices, skip_next, skippable
from invoices.operations.reminding import (
    Due,
    due_reminders,
    fee_of,
    release_reminder,
    remindable,
    run_reminders,
    send_reminder,
    stop_reminder,
    stoppable,
)
from invoices.operations.settling import cancel_invoice, cancellable, release, reserve, set_paid_amount
from invoices.operations.viewing import mark_viewed

__all__ = [
    "Draft",
    "Due",
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
    "due_reminders",
    "duplicate_invoice",
    "edit_draft",
    "enqueue_mail",
    "fee_of",
    "issuable",
    "issue_draft",
    "last_mailing",
    "left_of_line",
    "mail_stoppable",
    "make_credit_note_document",
    "make_documents",
    "make_next",
    "make_recurring_invoices",
    "mark_viewed",
    "may_draft",
    "parties",
    "pausable",
    "pause_reminders",
    "preview_of",
    "promise_to_pay",
    "release",
    "release_reminder",
    "remindable",
    "reserve",
    "run_reminders",
    "send_reminder",
    "set_paid_amount",
    "skip_next",
    "skippable",
    "stop_mail",
    "stop_reminder",
    "stoppable",
    "unbilled_by_account",
    "version_of",
    "waiting_mail",
    "with_logo",
    "withdraw_promise",
    "withdrawable",
    "write_credit_note",
]
