"""The merchant: one organization per installation, its regions, exchange rates and number series."""

from datetime import date, datetime
from email.utils import formataddr
from zoneinfo import ZoneInfo

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.encoding import punycode
from djmoney.models.fields import CurrencyField

from accounts.models.validators import (
    LONGEST_TERMS,
    PlainJSON,
    check_locale,
    check_number_format,
    check_one_line,
    check_time_zone,
    checked_countries,
)
from accounts.querysets import ExchangeRateQuerySet


class Organization(models.Model):
    """The merchant. Exactly one row, with id 1."""

    legal_name = models.CharField(max_length=200)
    name = models.CharField(
        max_length=200,
        validators=[check_one_line],
        help_text="As customers know it; on pages and in mails.",
    )
    email = models.EmailField()
    phone = models.CharField(max_length=40, blank=True)
    address_line_1 = models.CharField(max_length=200)
    address_line_2 = models.CharField(max_length=200, blank=True)
    postal_code = models.CharField(max_length=20, blank=True)
    city = models.CharField(max_length=100)
    state = models.CharField(max_length=100, blank=True)
    country = models.CharField(max_length=2, help_text="ISO 3166-1 alpha-2.")
    tax_id = models.CharField(max_length=40, blank=True)
    bank_account_holder = models.CharField(max_length=70, blank=True)
    bank_name = models.CharField(max_length=100, blank=True)
    iban = models.CharField("IBAN or account number", max_length=42, blank=True)
    bic = models.CharField("BIC or routing number", max_length=20, blank=True)
    bank_changed_date = models.DateField(
        null=True, blank=True, editable=False, help_text="Papers of the next three months say so."
    )
    logo = models.ForeignKey(
        "accounts.Logo", on_delete=models.PROTECT, null=True, blank=True, editable=False, related_name="+"
    )
    terms = models.TextField(
        "terms on invoices",
        blank=True,
        max_length=2000,
        help_text="Printed below the totals of every invoice.",
    )
    zero_tax_reason = models.CharField(
        "reason for 0 % tax", max_length=200, blank=True, help_text="Printed beside lines without tax."
    )
    mail_note = models.TextField(
        "note in mails", blank=True, max_length=1000, help_text="Stands in every mail that brings an invoice."
    )
    time_zone = models.CharField(max_length=64, default="UTC", validators=[check_time_zone])
    locale = models.CharField(max_length=16, default="en_US", validators=[check_locale])
    payment_terms_days = models.PositiveIntegerField(
        default=30, validators=[MaxValueValidator(LONGEST_TERMS)]
    )
    tax_rate = models.DecimalField(
        "usual tax rate",
        max_digits=6,
        decimal_places=3,
        default=0,
        validators=[MinValueValidator(0), MaxValueValidator(100)],
        help_text="In percent; of new lines of a draft.",
    )
    invoice_number_format = models.CharField(
        max_length=60, default="INV-{year}-{sequence:03d}", validators=[check_number_format]
    )
    credit_note_number_format = models.CharField(
        max_length=60, default="CN-{year}-{sequence:03d}", validators=[check_number_format]
    )
    hold_overdue_accounts = models.BooleanField(
        default=False, help_text="Refuse new charges while an account has overdue ones."
    )
    send_reminders_automatically = models.BooleanField(
        default=False, help_text="Send the reminders that are due once a day, without anybody looking."
    )

    class Meta:
        verbose_name_plural = "organization"
        constraints = (models.CheckConstraint(condition=models.Q(pk=1), name="organization_is_one"),)

    def __str__(self) -> str:
        return self.name

    @property
    def mail_sender(self) -> str:
        """As mails name it: a name may hold commas and line breaks, an address a domain beyond ASCII."""
        local_part, _, domain = self.email.rpartition("@")
        return formataddr((" ".join(self.name.split()), f"{local_part}@{punycode(domain)}"))

    def today(self, at: datetime) -> date:
        """The calendar day of an instant where the organization is."""
        return at.astimezone(ZoneInfo(self.time_zone)).date()


class Region(models.Model):
    """A market with a currency; charges belong to one, and an invoice covers one."""

    name = models.CharField(max_length=100, unique=True)
    currency = CurrencyField(max_length=3)
    countries = models.JSONField(
        default=list, blank=True, decoder=PlainJSON, help_text="ISO 3166-1 alpha-2 codes."
    )

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        self.countries = checked_countries(self.countries)


class ExchangeRate(models.Model):
    """One unit of `base` is worth `rate` units of `quote`, from a moment until the next row's."""

    base = CurrencyField(max_length=3)
    quote = CurrencyField(max_length=3)
    rate = models.DecimalField(max_digits=20, decimal_places=10)
    valid_from = models.DateTimeField()

    objects = ExchangeRateQuerySet.as_manager()

    class Meta:
        ordering = ("base", "quote", "-valid_from")
        constraints = (
            models.UniqueConstraint(fields=["base", "quote", "valid_from"], name="rate_once_per_moment"),
            models.CheckConstraint(condition=models.Q(rate__gt=0), name="rate_positive"),
            models.CheckConstraint(
                condition=~models.Q(base=models.F("quote")),
                name="rate_of_two_currencies",
                violation_error_message="Choose two currencies",
            ),
        )

    def __str__(self) -> str:
        return f"1 {self.base} = {self.rate} {self.quote}"

    def clean(self) -> None:
        given: datetime | None = self.valid_from  # None when the form could not read it
        if given is not None and not 1970 <= given.year <= 2999:
            raise ValidationError({"valid_from": "Enter a day between 1970 and 2999"})


class NumberSeries(models.Model):
    """The last number given in a series and year. Gapless: allotted in the issuing transaction."""

    code = models.CharField(max_length=20)
    year = models.PositiveIntegerField()
    last_number = models.PositiveIntegerField(default=0)

    class Meta:
        verbose_name_plural = "number series"
        constraints = (models.UniqueConstraint(fields=["code", "year"], name="series_once_per_year"),)

    def __str__(self) -> str:
        return f"{self.code} {self.year}"
