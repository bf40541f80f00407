"""How often something was tried: what the limits of settings.LIMITS are counted in."""

from django.db import models


class AttemptCount(models.Model):
    """Attempts of one kind from one source (an account, a network address) in one window of time. Kept in a
    table, so that all server processes count together; nothing here is history, old windows are swept."""

    kind = models.CharField(max_length=40)
    source = models.CharField(max_length=64)  # a SHA-256: no address is kept
    until = models.BigIntegerField(db_index=True)  # the window's end, in seconds since 1970
    tries = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["kind", "source", "until"], name="attempts_once_per_window"),
        )

    def __str__(self) -> str:
        return f"{self.kind}: {self.tries}"
