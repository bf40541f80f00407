"""The field in which an amount above the organization's limit is typed again."""

from django.forms import Form

from accounts import operations as accounts
from accounts.admin.amounts import AmountField
from accounts.templatetags.wording import plain_money


def ask_again(form: Form, *, below: str, most: int, currency: str) -> None:
    """Add the field below another, where up to `most` minor units can go and that is above the limit."""
    limit = accounts.confirmation_limit(currency)
    if limit is None or most <= limit:
        return
    again = AmountField(
        label="Amount again",
        currency=currency,
        required=False,
        help_text=f"Above {plain_money(limit, currency)}, type the whole amount a second time.",
    )
    names = [*form.fields]
    names.insert(names.index(below) + 1, "confirmed_amount")
    form.fields["confirmed_amount"] = again
    form.order_fields(names)
