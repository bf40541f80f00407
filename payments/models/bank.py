"""Bank statements: what came in at the bank, line by line, and which payment each line became."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from djmoney.models.fields import CurrencyField

from payments.models.ledger import Payment
from payments.querysets import BankLineQuerySet


class BankMapping(models.Model):
    """How a bank's own CSV is read: which heading stands over what, and how dates and amounts are written."""

    class DateFormat(models.TextChoices):
        ISO = "%Y-%m-%d", "2025-12-31"
        POINTS = "%d.%m.%Y", "31.12.2025"
        SLASHES = "%d/%m/%Y", "31/12/2025"
        AMERICAN = "%m/%d/%Y", "12/31/2025"

    class Encoding(models.TextChoices):
        UTF_8 = "utf-8", "UTF-8"
        WESTERN = "cp1252", "Windows Western European"
        CENTRAL = "cp1250", "Windows Central European"
        UTF_16 = "utf-16", "UTF-16"

    class Delimiter(models.TextChoices):
        SEMICOLON = ";", "Semicolon"
        COMMA = ",", "Comma"
        TAB = "\t", "Tab"

    class Mark(models.TextChoices):
        POINT = ".", "Point: 1,234.50"
        COMMA = ",", "Comma: 1.234,50"

    name = models.CharField(max_length=100, unique=True)
    bank_account = models.CharField(max_length=64, help_text="IBAN or number of the account it is about.")
    delimiter = models.CharField(max_length=1, choices=Delimiter, default=Delimiter.SEMICOLON)
    encoding = models.CharField(max_length=20, choices=Encoding, default=Encoding.UTF_8)
    date_format = models.CharField(max_length=20, choices=DateFormat, default=DateFormat.ISO)
    decimal_mark = models.CharField(max_length=1, choices=Mark, default=Mark.POINT)
    currency = CurrencyField(max_length=3, help_text="Of all lines, where no column has it.")
    date_column = models.CharField(max_length=100, help_text="The heading over the day of booking.")
    amount_column = models.CharField(max_length=100, help_text="What went out is negative.")
    currency_column = models.CharField(max_length=100, blank=True)
    reference_column = models.CharField(max_length=100, blank=True)
    payer_name_column = models.CharField(max_length=100, blank=True)
    payer_account_column = models.CharField(max_length=100, blank=True)

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name


class BankStatement(models.Model):
    """A file that was imported, once."""

    sha256 = models.CharField(max_length=64, unique=True)
    file_name = models.CharField(max_length=200, blank=True)
    format = models.CharField(max_length=20)
    bank_account = models.CharField(max_length=64)
    first_date = models.DateField()
    last_date = models.DateField()
    line_count = models.PositiveIntegerField(help_text="Lines of the file.")
    known_count = models.PositiveIntegerField(help_text="How many of them an earlier file had.")
    mapping = models.ForeignKey(BankMapping, on_delete=models.PROTECT, null=True, blank=True)
    imported_at = models.DateTimeField()
    imported_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ("-id",)
        constraints = (
            models.CheckConstraint(
                condition=Q(first_date__lte=models.F("last_date")), name="bank_statement_days_in_order"
            ),
        )

    def __str__(self) -> str:
        return f"{self.bank_account}, {self.first_date} to {self.last_date}"


class BankLine(models.Model):
    """One booked movement at the bank. `amount` is in minor units, negative where it went out. `key` is the
    same in every file of a format that has the line; of one that may be in another file too, see
    `double_of`. A line that was accepted says which payment it became."""

    class Status(models.TextChoices):
        OPEN = "open", "Open"
        BOOKED = "booked", "Booked"
        DISMISSED = "dismissed", "Not ours"
        OUT = "out", "Went out"

    TRANSITIONS = {
        Status.OPEN: {Status.BOOKED, Status.DISMISSED},
        Status.BOOKED: {Status.OPEN},
        Status.DISMISSED: {Status.OPEN},
        Status.OUT: set(),
    }

    statement = models.ForeignKey(BankStatement, on_delete=models.PROTECT, related_name="lines")
    bank_account = models.CharField(max_length=64)
    key = models.CharField(max_length=64)
    day = models.DateField()
    currency = CurrencyField(max_length=3)
    amount = models.BigIntegerField()
    reference = models.CharField(max_length=500, blank=True)
    payer_name = models.CharField(max_length=200, blank=True)
    payer_account = models.CharField(max_length=64, blank=True)
    double_of = models.ForeignKey(
        "self",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="doubles",
        help_text="The line of an earlier file that it may be.",
    )
    status = models.CharField(max_length=10, choices=Status, default=Status.OPEN)
    payment = models.ForeignKey(
        Payment, on_delete=models.PROTECT, null=True, blank=True, related_name="bank_lines"
    )
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    decided_at = models.DateTimeField(null=True, blank=True)
    reason = models.CharField(max_length=500, blank=True)

    objects = BankLineQuerySet.as_manager()

    class Meta:
        ordering = ("id",)
        constraints = (
            models.UniqueConstraint(fields=["bank_account", "key"], name="bank_line_once"),
            models.UniqueConstraint(fields=["payment"], name="bank_line_once_per_payment"),
            models.CheckConstraint(condition=~Q(amount=0), name="bank_line_not_zero"),
            models.CheckConstraint(
                condition=Q(status="booked", payment__isnull=False) | (~Q(status="booked") & Q(payment=None)),
                name="bank_line_booked_with_payment",
            ),
            models.CheckConstraint(
                condition=Q(status="out", amount__lt=0) | (~Q(status="out") & Q(amount__gt=0)),
                name="bank_line_out_when_negative",
            ),
            models.CheckConstraint(
                condition=Q(double_of=None) | Q(status__in=["open", "dismissed"]),
                name="bank_line_double_never_booked",
            ),
        )
        indexes = (
            models.Index(fields=["payer_account"], name="bank_line_by_payer"),
            models.Index(fields=["status", "day"], name="bank_line_by_status"),
        )

    def __str__(self) -> str:
        return f"Bank line {self.pk}"

    @property
    def is_doubtful(self) -> bool:
        """Whether it may be here twice, and waits for somebody to say so."""
        return self.status == self.Status.OPEN and self.double_of_id is not None
