"""Asking for overdue money: the levels of reminders, what they say and cost, those that were written, and
what companies promised."""

from string import Formatter

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator
from django.db import models
from django.db.models import F, Q
from djmoney.models.fields import CurrencyField

from accounts.models import AmountInCurrency
from accounts.models.validators import check_one_line
from invoices.models.invoices import Invoice
from invoices.querysets import PromiseQuerySet, ReminderQuerySet

PLACES = ("number", "amount", "due_date", "days")
LANGUAGES = (
    ("en", "English"),
    ("de", "German"),
    ("fr", "French"),
    ("es", "Spanish"),
    ("it", "Italian"),
    ("nl", "Dutch"),
    ("ja", "Japanese"),
    ("ar", "Arabic"),
)
LATEST = 3650  # days: ten years


def check_places(text: str) -> None:
    """Refuses a text in which braces stand for anything but one of the named places."""
    wrong = ValidationError(f"Between braces can stand: {', '.join(f'{{{name}}}' for name in PLACES)}")
    try:
        parts = list(Formatter().parse(text))
    except ValueError:
        raise wrong from None
    if any(name is not None and (name not in PLACES or how or to) for _, name, how, to in parts):
        raise wrong


class ReminderLevel(models.Model):
    """One step of asking, so many days after the due date; the next step is firmer. A level that is not used
    any more stays for the reminders that were sent at it."""

    name = models.CharField(max_length=60, unique=True, validators=[check_one_line])
    days = models.PositiveIntegerField(
        "days after the due date", validators=[MaxValueValidator(LATEST)], help_text="0: on the due date."
    )
    is_active = models.BooleanField("in use", default=True)

    class Meta:
        ordering = ("days", "pk")
        constraints = (
            models.UniqueConstraint(
                fields=["days"],
                condition=Q(is_active=True),
                name="one_level_a_day",
                violation_error_message="Another level in use has this number of days",
            ),
        )

    def __str__(self) -> str:
        return self.name


class ReminderText(models.Model):
    """What a level says to accounts of a language, in the merchant's own words. Languages without a text get
    the words of this site. `{number}`, `{amount}`, `{due_date}` and `{days}` are filled in."""

    level = models.ForeignKey(ReminderLevel, on_delete=models.CASCADE, related_name="texts")
    language = models.CharField(max_length=2, choices=LANGUAGES)
    subject = models.CharField(max_length=200, validators=[check_one_line, check_places])
    text = models.TextField(max_length=4000, validators=[check_places])

    class Meta:
        ordering = ("language",)
        constraints = (
            models.UniqueConstraint(fields=["level", "language"], name="reminder_text_once_per_language"),
        )

    def __str__(self) -> str:
        return f"{self.level}: {self.get_language_display()}"


class ReminderFee(AmountInCurrency):
    """What a reminder of a level costs the company in a currency, in major units; without a row: nothing."""

    level = models.ForeignKey(ReminderLevel, on_delete=models.CASCADE, related_name="fees")

    class Meta:
        ordering = ("currency",)
        constraints = (
            models.UniqueConstraint(fields=["level", "currency"], name="reminder_fee_once_per_currency"),
            models.CheckConstraint(
                condition=Q(amount__gt=0),
                name="reminder_fee_positive",
                violation_error_message="A fee must be positive",
            ),
        )

    def __str__(self) -> str:
        return f"{self.level}: {self.amount.normalize():f} {self.currency}"


class Reminder(models.Model):
    """A reminder of an invoice at a level: written once, leaves half a minute later, and until then can be
    stopped. Amounts in minor units of the invoice's currency.

    `fee_line` is the charge that it cost. Where it could not be charged, `fee_refusal` says why: the reminder
    goes out all the same, and says nothing of a fee.
    """

    invoice = models.ForeignKey(Invoice, on_delete=models.PROTECT, related_name="reminders")
    level = models.ForeignKey(ReminderLevel, on_delete=models.PROTECT, related_name="reminders")
    created_at = models.DateTimeField()
    days_overdue = models.PositiveIntegerField()
    open_amount = models.BigIntegerField()
    staff = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="Who sent it; nobody, when the daily run did.",
    )
    message = models.OneToOneField(
        "core.OutboxMessage", on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    fee_line = models.OneToOneField(
        "accounts.AccountLineItem", on_delete=models.PROTECT, null=True, blank=True, related_name="reminder"
    )
    fee_refusal = models.CharField(max_length=300, blank=True)
    sent_at = models.DateTimeField(null=True, blank=True)
    stopped_at = models.DateTimeField(null=True, blank=True)
    stopped_because = models.CharField(max_length=300, blank=True)

    objects = ReminderQuerySet.as_manager()

    class Meta:
        ordering = ("-created_at", "-id")
        constraints = (
            models.UniqueConstraint(
                fields=["invoice", "level"], condition=Q(stopped_at=None), name="reminded_once_per_level"
            ),
            models.CheckConstraint(
                condition=Q(sent_at=None) | Q(stopped_at=None), name="reminder_sent_or_stopped"
            ),
            models.CheckConstraint(
                condition=Q(fee_line=None) | Q(sent_at__isnull=False, fee_refusal=""),
                name="reminder_fee_when_sent",
            ),
            models.CheckConstraint(condition=Q(open_amount__gt=0), name="reminder_of_open_amount"),
        )

    def __str__(self) -> str:
        return f"{self.level} of {self.invoice}"

    @property
    def is_waiting(self) -> bool:
        return self.sent_at is None and self.stopped_at is None


class PaymentPromise(models.Model):
    """A company said that it will pay until a day: one invoice, or whatever is open. Until that day is over,
    nobody reminds it, unless `amount` is less than `open_amount`, what was open then: a promise of a part
    holds nothing back. Amounts in minor units; without `amount` it is about all of it."""

    account = models.ForeignKey("accounts.Account", on_delete=models.PROTECT, related_name="payment_promises")
    invoice = models.ForeignKey(
        Invoice, on_delete=models.PROTECT, null=True, blank=True, related_name="payment_promises"
    )
    promised_date = models.DateField()
    currency = CurrencyField(max_length=3)
    amount = models.BigIntegerField(null=True, blank=True)
    open_amount = models.BigIntegerField(
        "open then", null=True, blank=True, help_text="In its currency, on what it is about."
    )
    note = models.TextField(blank=True)
    staff = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField()
    withdrawn_at = models.DateTimeField(null=True, blank=True)

    is_broken: bool  # with_broken()

    objects = PromiseQuerySet.as_manager()

    class Meta:
        ordering = ("-created_at", "-id")
        constraints = (
            models.CheckConstraint(
                condition=Q(amount=None) | Q(amount__gt=0), name="promised_amount_positive"
            ),
            models.CheckConstraint(
                condition=Q(amount=None) | Q(open_amount=None) | Q(amount__lte=F("open_amount")),
                name="promised_within_open",
            ),
        )

    def __str__(self) -> str:
        return f"Promise of {self.account} for {self.promised_date}"

    @property
    def is_of_a_part(self) -> bool:
        return self.amount is not None and self.open_amount is not None and self.amount < self.open_amount

    def is_about(self, invoice: Invoice) -> bool:
        """Of an invoice of its account: about it alone, or about all; with an amount, about those in its
        currency that were issued by then."""
        if self.invoice_id:
            return self.invoice_id == invoice.pk
        if self.amount is None:
            return True
        issued = invoice.sent_at is not None and invoice.sent_at <= self.created_at
        return issued and self.currency == invoice.currency
