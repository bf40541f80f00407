"""People: users, their memberships of accounts, and the tokens their programs use."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import PermissionsMixin
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models.functions import Lower

from accounts.models.validators import PlainJSON, check_locale, checked_levels
from accounts.querysets import CustomerTokenQuerySet, MembershipQuerySet, UserManager
from core.audit import Actor
from core.errors import Forbidden

PERMISSIONS = (
    "get_invoices",
    "get_invoice_detail",
    "get_invoice_pdf",
    "export_invoices",
    "get_invoice_payments_history",
    "pay_invoice",
)
COMPANY_LEVEL = 2


class User(AbstractBaseUser, PermissionsMixin):
    """A person who signs in with an e-mail address: a company's buyer, or the merchant's staff."""

    email = models.EmailField("e-mail", unique=True)
    name = models.CharField(max_length=150, blank=True)
    locale = models.CharField(
        max_length=16,
        blank=True,
        validators=[check_locale],
        help_text="Such as en_US; empty follows the browser.",
    )
    is_staff = models.BooleanField("staff", default=False, help_text="May open the back office.")
    is_active = models.BooleanField("active", default=True)
    date_joined = models.DateTimeField(auto_now_add=True)

    objects = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        ordering = ("email",)
        constraints = (models.UniqueConstraint(Lower("email"), name="user_email_any_case"),)

    def __str__(self) -> str:
        return self.name or self.email

    def get_full_name(self) -> str:
        return self.name or self.email

    def get_short_name(self) -> str:
        return self.name or self.email

    @property
    def actor(self) -> Actor:
        """This person as the audit trail names them."""
        kind = "staff" if self.is_staff else "user"
        return Actor(kind=kind, id=str(self.pk), label=self.email, user_id=self.pk)


class Membership(models.Model):
    """A user's place in a company, and what it allows there."""

    class Role(models.TextChoices):
        ADMIN = "admin", "Admin"
        SENIOR_BUYER = "senior_buyer", "Senior Buyer"
        JUNIOR_BUYER = "junior_buyer", "Junior Buyer"
        CUSTOM = "custom", "Custom"

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    account = models.ForeignKey("accounts.Account", on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=20, choices=Role)
    permissions = models.JSONField(
        default=dict,
        blank=True,
        decoder=PlainJSON,
        help_text="Of a custom role: permission to level (1 own, 2 company, 3 company and subsidiaries).",
    )
    created_at = models.DateTimeField(auto_now_add=True)

    objects = MembershipQuerySet.as_manager()

    class Meta:
        ordering = ("account_id", "user_id")
        constraints = (models.UniqueConstraint(fields=["user", "account"], name="member_once_per_account"),)

    def __str__(self) -> str:
        return f"{self.user} at {self.account}: {self.get_role_display()}"

    def clean(self) -> None:
        self.permissions = checked_levels(self.permissions, PERMISSIONS)
        if self.permissions and self.role != self.Role.CUSTOM:
            raise ValidationError({"permissions": "Only a custom role has permissions of its own"})

    def may(self, permission: str) -> bool:
        """Whether this place allows `permission` on the whole company."""
        if self.role == self.Role.ADMIN:
            return True
        if self.role == self.Role.SENIOR_BUYER:
            return permission != "pay_invoice"
        if self.role == self.Role.CUSTOM:
            level = self.permissions.get(permission) if isinstance(self.permissions, dict) else None
            return isinstance(level, int) and level >= COMPANY_LEVEL
        return False


class CustomerToken(models.Model):
    """A bearer token of a user's own program. Only its SHA-256 is stored; the token is shown once."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="tokens")
    name = models.CharField(max_length=100)
    token_hash = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    objects = CustomerTokenQuerySet.as_manager()

    class Meta:
        ordering = ("-created_at", "-pk")

    def __str__(self) -> str:
        return self.name

    def is_usable(self, *, at: datetime) -> bool:
        """Neither revoked nor expired, and its user may sign in: what `usable()` asks of many."""
        is_over = self.expires_at is not None and self.expires_at <= at
        return self.revoked_at is None and not is_over and self.user.is_active


@dataclass(frozen=True)
class Customer:
    """Who asks at a customer's door: a user, the memberships that give rights, the token, if one came, and
    the network address by which attempts are counted."""

    user: User
    memberships: tuple[Membership, ...]
    token: CustomerToken | None = None
    address: str = ""

    def account_ids(self, permission: str) -> list[int]:
        """Accounts on which this customer holds a permission."""
        return [place.account_id for place in self.memberships if place.may(permission)]

    def may(self, permission: str, *, account_id: int) -> bool:
        return account_id in self.account_ids(permission)

    def require(self, permission: str, *, account_id: int | None = None) -> None:
        """Refuse when the permission is missing on this account; without one, when it is missing everywhere
        although the user is somebody's member."""
        held = self.account_ids(permission)
        if (account_id is None and self.memberships and not held) or (
            account_id is not None and account_id not in held
        ):
            raise Forbidden

    @property
    def actor(self) -> Actor:
        """This customer as the audit trail names them."""
        if self.token is None:
            return self.user.actor
        return Actor(kind="token", id=str(self.token.pk), label=self.user.email, user_id=self.user.pk)
