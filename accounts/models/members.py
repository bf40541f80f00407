"""People: users, their memberships of accounts, and the tokens their programs use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar

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
OWN_LEVEL, COMPANY_LEVEL, SUBSIDIARY_LEVEL = 1, 2, 3


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
        self.permissions = checked_permissions(self.role, self.permissions)

    def is_last_admin(self) -> bool:
        """Whether the company would have no Admin without this one: nobody then could give anybody rights."""
        others = Membership.objects.admins_of(self.account_id).exclude(pk=self.pk)
        return self.role == self.Role.ADMIN and not others.exists()

    def level(self, permission: str) -> int:
        """How far this place allows `permission`: 0 not at all, 1 on what the member ordered or paid, 2 on
        the company, 3 on its subsidiaries too."""
        if self.role == self.Role.ADMIN:
            return COMPANY_LEVEL
        if self.role == self.Role.SENIOR_BUYER:
            return 0 if permission == "pay_invoice" else COMPANY_LEVEL
        if self.role == self.Role.CUSTOM and isinstance(self.permissions, dict):
            level = self.permissions.get(permission)
            return level if type(level) is int and level in (1, 2, 3) else 0
        return 0

    def tokens_of_it_alone(self) -> CustomerTokenQuerySet:
        """The member's tokens that open no other company, so that they end with this place."""
        is_elsewhere = self.user.memberships.exclude(pk=self.pk).exists()
        tokens = self.user.tokens.filter(revoked_at=None)
        return tokens.none() if is_elsewhere else tokens

    @property
    def reaches_subsidiaries(self) -> bool:
        return any(self.level(permission) == SUBSIDIARY_LEVEL for permission in PERMISSIONS)


def checked_permissions(role: str, permissions: Any) -> dict[str, int]:
    """The permissions that a place in a company has of its own: a custom role's, none of the other roles."""
    levels = checked_levels(permissions, PERMISSIONS)
    if levels and role != Membership.Role.CUSTOM:
        raise ValidationError({"permissions": "Only a custom role has permissions of its own"})
    return levels


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
    subsidiaries: Mapping[int, tuple[int, ...]] = field(
        default_factory=dict
    )  # of memberships that reach them

    def account_ids(self, permission: str) -> list[int]:
        """Accounts on the whole of which this customer holds a permission: their companies', and those of
        their companies' subsidiaries where it reaches so far."""
        held = dict.fromkeys(
            place.account_id for place in self.memberships if place.level(permission) >= COMPANY_LEVEL
        )
        for place in self.memberships:
            if place.level(permission) == SUBSIDIARY_LEVEL:
                held |= dict.fromkeys(self.subsidiaries.get(place.account_id, ()))
        return list(held)

    def own_account_ids(self, permission: str) -> list[int]:
        """Accounts on which this customer holds a permission for what they ordered or paid themselves."""
        return [place.account_id for place in self.memberships if place.level(permission) == OWN_LEVEL]

    def reached_ids(self) -> list[int]:
        """Accounts whose pages this customer may open: their companies', whatever their role sees there, and
        the subsidiaries that a permission of theirs reaches."""
        mine = [place.account_id for place in self.memberships]
        return list(dict.fromkeys([*mine, *(one for below in self.subsidiaries.values() for one in below)]))

    def is_admin_of(self, account_id: int) -> bool:
        admin = Membership.Role.ADMIN
        return any(place.account_id == account_id and place.role == admin for place in self.memberships)

    def may(self, permission: str, *, account_id: int) -> bool:
        """Whether a permission is held on the whole account."""
        return account_id in self.account_ids(permission)

    def may_some(self, permission: str, *, account_id: int) -> bool:
        """Whether a permission is held on the account or on the customer's own part of it."""
        return self.may(permission, account_id=account_id) or account_id in self.own_account_ids(permission)

    def require(self, permission: str) -> None:
        """Refuse when the permission is missing everywhere although the user is somebody's member."""
        held = self.account_ids(permission) or self.own_account_ids(permission)
        if self.memberships and not held:
            raise Forbidden

    @property
    def actor(self) -> Actor:
        """This customer as the audit trail names them."""
        if self.token is None:
            return self.user.actor
        return Actor(kind="token", id=str(self.token.pk), label=self.user.email, user_id=self.user.pk)
