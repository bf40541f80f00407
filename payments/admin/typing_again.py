"""The field in which an amount above the organization's limit is typed again."""

from decimal import Decimal

from django.forms import DecimalField, Form
from moneyed import Money
from unfold.widgets import UnfoldAdminDecimalFieldWidget

from accounts import operations as accounts
from accounts.templatetags.wording import plain_money
from core.errors import Invalid
from core.money import to_minor


def ask_again(form: Form, *, most: int, currency: str) -> None:
    """Add the field, where up to `most` minor units can go and that is above the limit."""
    limit = accounts.confirmation_limit(currency)
    if limit is None or most <= limit:
        return
    form.fields["confirmed_amount"] = DecimalField(
        label="Amount again",
        required=False,
        max_digits=15,
        widget=UnfoldAdminDecimalFieldWidget(),
        help_text=f"Above {plain_money(limit, currency)}, type the whole amount a second time.",
    )


def typed_again(amount: Decimal | None, currency: str) -> int | None:
    """In minor units. Refuses more decimals than the currency has, beside the field."""
    if amount is None:
        return None
    try:
        return to_minor(Money(amount, currency))
    except Invalid as refusal:
        raise Invalid(refusal.message, field="confirmed_amount") from refusal
