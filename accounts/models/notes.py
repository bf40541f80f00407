"""Notes of staff about a company."""

from django.db import models
from django.db.models import Q

from accounts.models.members import User


class AccountNote(models.Model):
    """What somebody should know about an account. Notes are added, never edited or deleted: who reads one
    must be able to rely on what stood there."""

    account = models.ForeignKey("accounts.Account", on_delete=models.PROTECT, related_name="notes")
    text = models.TextField(max_length=4000)
    staff = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField()

    class Meta:
        ordering = ("-created_at", "-id")
        constraints = (models.CheckConstraint(condition=~Q(text=""), name="note_says_something"),)

    def __str__(self) -> str:
        return f"Note {self.pk} on {self.account}"
