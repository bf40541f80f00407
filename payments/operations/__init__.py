"""Everything that writes to payments: claim, call, settle."""

from payments.operations.accepting import (
    accept_line,
    acceptable,
    dismiss_line,
    dismissible,
    proposals_for,
    record_line,
    undecided,
    undo_line,
)
from payments.operations.closing import closable, close_account
from payments.operations.collecting import (
    MOST_INVOICES,
    Share,
    change_method,
    choose_provider,
    create_payment_sessions,
    initiate_payment,
    offered_anywhere,
    offered_for,
    offered_in,
    open_first,
    share_of,
    start_joint_payment,
    start_payment,
)
from payments.operations.comparing import compare
from payments.operations.completing import complete_payment, finish_payment, look_at
from payments.operations.correcting import (
    can_undo_write_off,
    can_write_off,
    credit_invoice,
    creditable,
    effect_of_crediting,
    effect_of_settling,
    left_to_correct,
    left_to_write_off,
    undo_write_off,
    write_off,
)
from payments.operations.crediting import applicable, apply_credit, use_credit
from payments.operations.documenting import (
    came_back,
    left_as_credit,
    papers_of,
    receipt_document,
    statement_document,
)
from payments.operations.doubles import doubtful, overlapping, tell_apart
from payments.operations.events import process_event, receive_event
from payments.operations.explaining import figures_of_account, figures_of_invoice
from payments.operations.foreseeing import (
    effect_of_paying,
    effect_of_refunding,
    effect_of_rejecting,
    effect_of_verifying,
    effects_of_rejecting,
    effects_of_verifying,
)
from payments.operations.importing import import_statement
from payments.operations.installing import install_providers
from payments.operations.invariants import broken_invariants
from payments.operations.issues import resolvable, resolve_issue
from payments.operations.mailing_statements import mail_statement, send_statement, statement_mailable
from payments.operations.notifying import recipients_of
from payments.operations.opening import initiate_session
from payments.operations.outcomes import PaymentOutcome, outcome_of
from payments.operations.reconciling import end_sessions_of_invoice, reconcile
from payments.operations.recording import (
    Received,
    may_record,
    record_payment,
    require_recordable,
    reversible,
    undo_recording,
)
from payments.operations.refunding import (
    find_refunds,
    left_of,
    pursue,
    refund_payment,
    refundable,
    settle_refund,
)
from payments.operations.releasing import assign_payment, assignable, releasable, release_session
from payments.operations.returning import look_now, renewed, replaced
from payments.operations.sending import send_again, sendable
from payments.operations.settling import settle
from payments.operations.standing import RUNNING, Stand, Standing, standing_of, standing_of_invoice
from payments.operations.stating import Entry, Statement, What, statement_of
from payments.operations.verifying import (
    decidable,
    reject_manual_payment,
    require_decidable,
    verify_manual_payment,
)

__all__ = [
    "MOST_INVOICES",
    "RUNNING",
    "Entry",
    "PaymentOutcome",
    "Received",
    "Share",
    "Stand",
    "Standing",
    "Statement",
    "What",
    "accept_line",
    "acceptable",
    "applicable",
    "apply_credit",
    "assign_payment",
    "assignable",
    "broken_invariants",
    "came_back",
    "can_undo_write_off",
    "can_write_off",
    "change_method",
    "choose_provider",
    "closable",
    "close_account",
    "compare",
    "complete_payment",
    "create_payment_sessions",
    "credit_invoice",
    "creditable",
    "decidable",
    "dismiss_line",
    "dismissible",
    "doubtful",
    "effect_of_crediting",
    "effect_of_paying",
    "effect_of_refunding",
    "effect_of_rejecting",
    "effect_of_settling",
    "effect_of_verifying",
    "effects_of_rejecting",
    "effects_of_verifying",
    "end_sessions_of_invoice",
    "figures_of_account",
    "figures_of_invoice",
    "find_refunds",
    "finish_payment",
    "import_statement",
    "initiate_payment",
    "initiate_session",
    "install_providers",
    "left_as_credit",
    "left_of",
    "left_to_correct",
    "left_to_write_off",
    "look_at",
    "look_now",
    "mail_statement",
    "may_record",
    "offered_anywhere",
    "offered_for",
    "offered_in",
    "open_first",
    "outcome_of",
    "overlapping",
    "papers_of",
    "process_event",
    "proposals_for",
    "pursue",
    "receipt_document",
    "receive_event",
    "recipients_of",
    "reconcile",
    "record_line",
    "record_payment",
    "refund_payment",
    "refundable",
    "reject_manual_payment",
    "releasable",
    "release_session",
    "renewed",
    "replaced",
    "require_decidable",
    "require_recordable",
    "resolvable",
    "resolve_issue",
    "reversible",
    "send_again",
    "send_statement",
    "sendable",
    "settle",
    "settle_refund",
    "share_of",
    "standing_of",
    "standing_of_invoice",
    "start_joint_payment",
    "start_payment",
    "statement_document",
    "statement_mailable",
    "statement_of",
    "tell_apart",
    "undecided",
    "undo_line",
    "undo_recording",
    "undo_write_off",
    "undoable",
    "use_credit",
    "verify_manual_payment",
    "write_off",
]
