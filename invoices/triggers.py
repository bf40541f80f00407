"""What the database keeps of an issued invoice, whoever asks and however (docs/invariants.md, 10 and 11).

An invoice is issued once it has a number. Every column of the two tables is either frozen then or may move,
and a new one must be put on one side (tests/invoices/test_triggers.py).
"""

from core.triggers import Trigger

NUMBER = ("number", "number_year", "number_sequence")
FROZEN = (
    "id uuid account_id region_id title description notes order_numbers purchase_order_numbers currency "
    "total_amount issue_date due_date asked_issue_date asked_due_date created_at sent_at snapshot "
    "snapshot_hash form_key"
).split()
MOVES = "status paid_amount reserved_amount viewed_at paid_at cancelled_at external_id".split()

FROZEN_OF_LINE = (
    "id invoice_id account_line_item_id description quantity unit_price unit_price_currency tax_rate "
    "net_amount tax_amount amount"
).split()
MOVES_OF_LINE = ["is_live"]

_ISSUED = "OLD.number IS NOT NULL"
_ON_ISSUED = "EXISTS (SELECT 1 FROM invoices_invoice WHERE number IS NOT NULL AND id IN ({}))"
_INVOICE, _LINE, _PDF = "invoices_invoice", "invoices_invoicelineitem", "invoices_invoicedocument"
_KEPT, _FIXED = "An issued invoice is never deleted", "The number of an issued invoice never changes"
_WRITTEN, _LINES = "An issued invoice is frozen", "The lines of an issued invoice are frozen"

ISSUED_INVOICES = (
    Trigger("guard_invoice_delete", 10, _INVOICE, "DELETE", _KEPT, when=_ISSUED),
    Trigger("guard_invoice_truncate", 10, _INVOICE, "TRUNCATE", _KEPT),
    Trigger("guard_invoice_number", 10, _INVOICE, "UPDATE", _FIXED, NUMBER, when=_ISSUED),
    Trigger("guard_invoice_frozen", 11, _INVOICE, "UPDATE", _WRITTEN, tuple(FROZEN), when=_ISSUED),
    Trigger("guard_line_insert", 11, _LINE, "INSERT", _LINES, when=_ON_ISSUED.format("NEW.invoice_id")),
    Trigger(
        "guard_line_update",
        11,
        _LINE,
        "UPDATE",
        _LINES,
        tuple(FROZEN_OF_LINE),
        when=_ON_ISSUED.format("OLD.invoice_id, NEW.invoice_id"),
    ),
    Trigger("guard_line_delete", 11, _LINE, "DELETE", _LINES, when=_ON_ISSUED.format("OLD.invoice_id")),
    Trigger("guard_line_truncate", 11, _LINE, "TRUNCATE", _LINES),
    *(
        Trigger(f"guard_document_{event.lower()}", 11, _PDF, event, "The PDF of an invoice never changes")
        for event in ("UPDATE", "DELETE", "TRUNCATE")
    ),
)
CREDIT_NOTES = tuple(
    Trigger(f"guard_{what}_{event.lower()}", 10, f"invoices_{what}", event, "A credit note never changes")
    for what in ("creditnote", "creditnoteline", "creditnotedocument")
    for event in ("UPDATE", "DELETE", "TRUNCATE")
)
