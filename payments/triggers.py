"""What the database keeps of receipts, whoever asks and however (docs/invariants.md, 10)."""

from core.triggers import Trigger

RECEIPTS = tuple(
    Trigger(f"guard_receipt_{event.lower()}", 10, "payments_receipt", event, "A receipt never changes")
    for event in ("UPDATE", "DELETE", "TRUNCATE")
)
