"""Everything that writes to invoices."""

from invoices.operations.documenting import document_of, make_documents
from invoices.operations.issuing import bill_line_items, create_invoice_from_line_items, parties
from invoices.operations.promising import (
    pausable,
    pause_reminders,
    promise_to_pay,
    withdraw_promise,
    withdrawable,
)
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
from invoices.operations.settling import cancel_invoice, release, reserve, set_paid_amount
from invoices.operations.viewing import mark_viewed

__all__ = [
    "Due",
    "bill_line_items",
    "cancel_invoice",
    "create_invoice_from_line_items",
    "document_of",
    "due_reminders",
    "fee_of",
    "make_documents",
    "mark_viewed",
    "parties",
    "pausable",
    "pause_reminders",
    "promise_to_pay",
    "release",
    "release_reminder",
    "remindable",
    "reserve",
    "run_reminders",
    "send_reminder",
    "set_paid_amount",
    "stop_reminder",
    "stoppable",
    "withdraw_promise",
    "withdrawable",
]
