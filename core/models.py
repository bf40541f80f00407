"""Django finds models here; each lives beside the code that writes it."""

from core.audit import AuditEntry
from core.outbox import OutboxMessage

__all__ = ["AuditEntry", "OutboxMessage"]
