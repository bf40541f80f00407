"""Recurring invoices: what is invoiced again and again, and what came of each of its days."""

from collections.abc import Iterator
from datetime import date, timedelta
from itertools import count

from dateutil.relativedelta import relativedelta
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import F, Q

from accounts.models import Account
from accounts.models.validators import check_one_line
from invoices.models.invoices import Invoice


class Frequency(models.TextChoices):
    WEEKLY = "weekly", "Weekly"
    MONTHLY = "monthly", "Monthly"
    QUARTERLY = "quarterly", "Quarterly"
    YEARLY = "yearly", "Yearly"


MONTHS = {Frequency.MONTHLY: 1, Frequency.QUARTERLY: 3, Frequency.YEARLY: 12}


def date_of(frequency: str, start: date, number: int) -> date:
    """The day of the run of this number, the first being 0. Counted in calendar months from the start, not
    from the run before: 31 January, 28 or 29 February, 31 March."""
    if frequency == Frequency.WEEKLY:
        return start + timedelta(weeks=number)
    return start + relativedelta(months=MONTHS[Frequency(frequency)] * number)


def dates_of(frequency: str, start: date, end: date | None = None, *, first: int = 0) -> Iterator[date]:
    """The days of all runs until the end, which is included; from the run of the number `first`."""
    for number in count(first):
        try:
            day = date_of(frequency, start, number)
        except (OverflowError, ValueError):  # the calendar ends
            return
        if end is not None and day > end:
            return
        yield day


class RecurringInvoice(models.Model):
    """A template of invoices for an account and the days on which it makes one: a draft, or with
    `issues_itself` an issued invoice. `runs_done` counts the days that are over, made or skipped."""

    account = models.ForeignKey(
        "accounts.Account", on_delete=models.PROTECT, related_name="recurring_invoices"
    )
    region = models.ForeignKey("accounts.Region", on_delete=models.PROTECT, related_name="recurring_invoices")
    title = models.CharField(max_length=300, validators=[check_one_line])
    notes = models.TextField(blank=True)
    frequency = models.CharField(max_length=10, choices=Frequency)
    start_date = models.DateField(help_text="Of the first invoice. In shorter months, the last day.")
    end_date = models.DateField(null=True, blank=True, help_text="The last day on which one is made.")
    issues_itself = models.BooleanField(
        "issues by itself", default=False, help_text="Otherwise each is a draft until somebody issues it."
    )
    is_paused = models.BooleanField("paused", default=False)
    ended_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="When its account was closed."
    )
    runs_done = models.PositiveIntegerField(default=0, editable=False)
    refusal = models.CharField(max_length=300, blank=True, editable=False)
    refused_at = models.DateTimeField(null=True, blank=True, editable=False, help_text="The first time.")
    form_key = models.UUIDField(
        null=True, blank=True, help_text="The form that made it; sent twice, made once."
    )
    created_at = models.DateTimeField(editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", editable=False
    )

    class Meta:
        ordering = ("account", "pk")
        constraints = (
            models.CheckConstraint(
                condition=Q(end_date=None) | Q(end_date__gte=F("start_date")),
                name="recurring_ends_after_it_starts",
                violation_error_message="The end date must be after the start date",
            ),
            models.CheckConstraint(
                condition=Q(refusal="", refused_at=None) | (~Q(refusal="") & Q(refused_at__isnull=False)),
                name="recurring_refused_at_when_refused",
            ),
            models.UniqueConstraint(
                fields=["form_key"],
                condition=Q(form_key__isnull=False),
                name="recurring_once_per_form",
                violation_error_message="This form was saved already: its recurring invoice is in the list",
            ),
        )

    def __str__(self) -> str:
        return f"{self.title} for {self.account}"

    @property
    def next_date(self) -> date | None:
        """The day of the next run; None when it has ended."""
        return next(self.coming(), None)

    def coming(self) -> Iterator[date]:
        """The days that are left."""
        if self.ended_at:
            return iter(())
        return dates_of(self.frequency, self.start_date, self.end_date, first=self.runs_done)

    def clean(self) -> None:
        start: date | None = self.start_date  # None when the form could not read it
        if start is not None and not 2000 <= start.year <= 2999:
            raise ValidationError({"start_date": "Enter a day between 2000 and 2999"})
        if self._state.adding and self.account_id and self.account.status == Account.Status.CLOSED:
            raise ValidationError({"account": f"Account {self.account.number} is closed"})


class RecurringLine(models.Model):
    """A line of the invoices to be: the price in major units of the region's currency, tax in percent."""

    recurring = models.ForeignKey(RecurringInvoice, on_delete=models.CASCADE, related_name="lines")
    description = models.CharField(max_length=300, validators=[check_one_line])
    quantity = models.DecimalField(max_digits=12, decimal_places=3, default=1)
    unit_price = models.DecimalField(max_digits=19, decimal_places=4, validators=[MinValueValidator(0)])
    tax_rate = models.DecimalField(
        max_digits=6, decimal_places=3, default=0, validators=[MinValueValidator(0)]
    )

    class Meta:
        ordering = ("pk",)
        constraints = (
            models.CheckConstraint(
                condition=Q(quantity__gt=0),
                name="recurring_quantity_positive",
                violation_error_message="Item quantity must be positive",
            ),
        )

    def __str__(self) -> str:
        return self.description


class RecurringRun(models.Model):
    """What came of one day of a recurring invoice: an invoice, or nothing because it was skipped."""

    recurring = models.ForeignKey(RecurringInvoice, on_delete=models.PROTECT, related_name="runs")
    date = models.DateField()
    invoice = models.OneToOneField(
        Invoice, on_delete=models.PROTECT, null=True, blank=True, related_name="recurring_run"
    )
    note = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField()

    class Meta:
        ordering = ("-date",)
        constraints = (models.UniqueConstraint(fields=["recurring", "date"], name="recurring_once_per_day"),)

    def __str__(self) -> str:
        return f"{self.recurring}: {self.date}"
