"""Invitations: a place in a company that is offered by e-mail."""

from __future__ import annotations

from datetime import datetime

from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower

from accounts.models.members import Membership, User, checked_permissions
from accounts.models.validators import PlainJSON
from accounts.querysets import InvitationQuerySet


class Invitation(models.Model):
    """A membership offered to an e-mail address. Only the SHA-256 of its token is stored: the token stands in
    the mail alone, and whoever has it may take the place."""

    account = models.ForeignKey("accounts.Account", on_delete=models.CASCADE, related_name="invitations")
    email = models.EmailField("e-mail")
    role = models.CharField(max_length=20, choices=Membership.Role)
    permissions = models.JSONField(default=dict, blank=True, decoder=PlainJSON)
    token_hash = models.CharField(max_length=64, unique=True)
    invited_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="invitations_sent")
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True, blank=True)
    withdrawn_at = models.DateTimeField(null=True, blank=True)

    objects = InvitationQuerySet.as_manager()

    class Meta:
        ordering = ("email", "pk")
        constraints = (
            models.UniqueConstraint(
                "account",
                Lower("email"),
                name="invitation_open_once",
                condition=Q(accepted_at=None, withdrawn_at=None),
            ),
            models.CheckConstraint(
                condition=Q(accepted_at=None) | Q(withdrawn_at=None), name="invitation_ends_once"
            ),
        )

    def __str__(self) -> str:
        return f"{self.email} to {self.account}: {self.get_role_display()}"

    def clean(self) -> None:
        self.permissions = checked_permissions(self.role, self.permissions)

    def is_usable(self, *, at: datetime) -> bool:
        """Neither accepted nor withdrawn, and its seven days are not over."""
        return self.accepted_at is None and self.withdrawn_at is None and at < self.expires_at
