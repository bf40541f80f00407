"""Business accounts and the charges on them. Amounts are integers in minor units of the row's currency."""

from datetime import date, datetime, timedelta

from django.conf import settings
from django.core.validators import MaxValueValidator
from django.db import models
from django.db.models import F, Q
from djmoney.models.fields import CurrencyField

from accounts.models.organization import Organization
from accounts.models.validators import LONGEST_TERMS, check_locale
from accounts.querysets import AccountQuerySet, LineItemQuerySet


class Account(models.Model):
    """A company that buys on account: what it may owe, what it was charged and what it has paid.

    `total_amount` and `paid_amount` move together with the line items, under the account's lock, by exactly
    the difference; docs/decisions/0004-one-lock-per-account.md.
    """

    class Status(models.TextChoices):
        ACTIVE = "active", "Active"
        SUSPENDED = "suspended", "Suspended"
        CLOSED = "closed", "Closed"

    class Type(models.TextChoices):
        BUSINESS = "business", "Business"
        PERSONAL = "personal", "Personal"

    TRANSITIONS = {
        Status.ACTIVE: {Status.SUSPENDED, Status.CLOSED},
        Status.SUSPENDED: {Status.ACTIVE, Status.CLOSED},
        Status.CLOSED: set(),
    }

    number = models.CharField(max_length=20, unique=True)
    title = models.CharField(max_length=200, default="Business Account")
    external_id = models.CharField(
        max_length=100, blank=True, help_text="What another system knows the company by."
    )
    company_name = models.CharField(max_length=200)
    account_type = models.CharField(max_length=10, choices=Type, default=Type.BUSINESS)
    status = models.CharField(max_length=10, choices=Status, default=Status.ACTIVE)
    parent = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="subsidiaries"
    )
    currency = CurrencyField(max_length=3)
    credit_limit = models.BigIntegerField(default=0)
    total_amount = models.BigIntegerField(default=0, editable=False)
    paid_amount = models.BigIntegerField(default=0, editable=False)
    payment_terms_days = models.PositiveIntegerField(
        null=True,
        blank=True,
        validators=[MaxValueValidator(LONGEST_TERMS)],
        help_text="Empty: the organization's.",
    )
    locale = models.CharField(max_length=16, default="en_US", validators=[check_locale])
    email = models.EmailField(blank=True)
    phone = models.CharField(max_length=40, blank=True)
    tax_id = models.CharField(max_length=40, blank=True)
    billing_address_line_1 = models.CharField(max_length=200, blank=True)
    billing_address_line_2 = models.CharField(max_length=200, blank=True)
    billing_postal_code = models.CharField(max_length=20, blank=True)
    billing_city = models.CharField(max_length=100, blank=True)
    billing_state = models.CharField(max_length=100, blank=True)
    billing_country = models.CharField(max_length=2, blank=True)
    created_at = models.DateTimeField()
    reminders_paused_until = models.DateField(
        null=True, blank=True, help_text="No payment reminder is sent up to and including this day."
    )
    reminder_note = models.TextField(blank=True, help_text="Why reminders are paused.")
    members = models.ManyToManyField(
        settings.AUTH_USER_MODEL, through="accounts.Membership", related_name="accounts"
    )

    last_payment_at: datetime | None  # with_payment_behaviour()
    next_due_date: date | None  # with_due_date()
    overdue_amount: int  # with_overdue()
    time_to_pay: timedelta | None  # with_payment_behaviour()

    objects = AccountQuerySet.as_manager()

    class Meta:
        ordering = ("number",)
        constraints = (
            models.CheckConstraint(condition=Q(credit_limit__gte=0), name="account_limit_not_negative"),
            models.CheckConstraint(
                condition=Q(paid_amount__gte=0, paid_amount__lte=F("total_amount")),
                name="account_paid_within_total",
            ),
            models.CheckConstraint(condition=~Q(parent=F("id")), name="account_not_its_own_parent"),
        )

    def __str__(self) -> str:
        return f"{self.number} {self.company_name}"

    @property
    def balance_due(self) -> int:
        """What the company owes, in minor units of the account's currency."""
        return self.total_amount - self.paid_amount

    @property
    def available_credit(self) -> int:
        """What it may still charge; never below zero."""
        return max(0, self.credit_limit - self.balance_due)

    def due_date(self, day: date, organization: Organization) -> date:
        """When something of this day is due: by the account's payment terms, else the organization's."""
        terms = self.payment_terms_days
        return day + timedelta(days=organization.payment_terms_days if terms is None else terms)

    @property
    def is_over_limit(self) -> bool:
        return self.balance_due > self.credit_limit

    def has_reminders_paused(self, *, on: date) -> bool:
        return self.reminders_paused_until is not None and on <= self.reminders_paused_until

    @property
    def amount_to_resume(self) -> int:
        """What must be paid before new orders are taken again: everything while the account is suspended,
        else what is over the limit."""
        if self.status == self.Status.SUSPENDED:
            return self.balance_due
        return max(0, self.balance_due - self.credit_limit)


class AccountLineItem(models.Model):
    """A charge on account, usually one order. `account_amount` is what it was worth in the account's currency
    when it was made; paying it in full settles exactly that, so balances never drift."""

    class PaymentStatus(models.TextChoices):
        UNPAID = "unpaid", "Unpaid"
        PENDING = "pending", "Payment pending"
        PAID = "paid", "Paid"

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="line_items")
    region = models.ForeignKey("accounts.Region", on_delete=models.PROTECT, related_name="line_items")
    description = models.CharField(max_length=300)
    order_display_id = models.CharField(max_length=40, blank=True)
    item_count = models.PositiveIntegerField(default=1)
    currency = CurrencyField(max_length=3)
    amount = models.BigIntegerField()
    account_amount = models.BigIntegerField()
    exchange_rate = models.DecimalField(max_digits=20, decimal_places=10, default=1)
    settled_amount = models.BigIntegerField(default=0, editable=False)
    settled_account_amount = models.BigIntegerField(default=0, editable=False)
    is_billed = models.BooleanField(default=False, editable=False)  # stands on a live invoice line
    due_date = models.DateField()
    created_at = models.DateTimeField()

    has_pending_payment: bool  # with_payment_status()

    objects = LineItemQuerySet.as_manager()

    class Meta:
        ordering = ("created_at", "id")
        indexes = (
            models.Index(fields=["account", "-created_at", "-id"], name="line_item_newest"),
            models.Index(
                fields=["account", "region"],
                name="line_item_open",
                condition=Q(settled_amount__lt=F("amount")),
            ),
            models.Index(fields=["created_at", "id"], name="line_item_oldest"),
            models.Index(
                fields=["created_at", "id"],
                name="line_item_billed",
                condition=Q(settled_amount__lt=F("amount"), is_billed=True),
            ),
            models.Index(
                fields=["created_at", "id", "currency", "amount"],
                name="line_item_unbilled",
                condition=Q(settled_amount__lt=F("amount"), is_billed=False),
            ),
        )
        constraints = (
            models.CheckConstraint(condition=Q(amount__gt=0), name="line_item_amount_positive"),
            models.CheckConstraint(condition=Q(account_amount__gte=0), name="line_item_worth_not_negative"),
            models.CheckConstraint(
                condition=Q(settled_amount__gte=0, settled_amount__lte=F("amount")),
                name="line_item_settled_within_amount",
            ),
            models.CheckConstraint(
                condition=Q(settled_account_amount__gte=0, settled_account_amount__lte=F("account_amount")),
                name="line_item_settled_within_worth",
            ),
        )

    def __str__(self) -> str:
        return self.description

    @property
    def payment_status(self) -> str:
        """unpaid, pending or paid. Needs `with_payment_status()` to know of pending payments."""
        if self.settled_amount == self.amount:
            return self.PaymentStatus.PAID
        return self.PaymentStatus.PENDING if self.has_pending_payment else self.PaymentStatus.UNPAID

    def worth_of(self, settled: int) -> int:
        """What `settled` minor units of this charge are worth in the account's currency: rounded down until
        the last settlement, which takes the remainder."""
        return self.account_amount * settled // self.amount
