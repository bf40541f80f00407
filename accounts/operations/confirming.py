"""Amounts that are typed twice: above the organization's limit for their currency."""

from accounts.models import ConfirmationLimit
from core.errors import Invalid
from core.money import format_minor


def confirmation_limit(currency: str) -> int | None:
    """Above how much staff type an amount again, in minor units of its currency; None for never."""
    limit = ConfirmationLimit.objects.filter(currency=currency).first()
    return limit.minor if limit else None


def require_confirmed(*, amount: int, confirmed_amount: int | None, currency: str) -> None:
    """Refuses an amount above the limit that was not typed again, or typed again as another one. All are
    minor units of `currency`."""
    limit = confirmation_limit(currency)
    if limit is None or amount <= limit or amount == confirmed_amount:
        return
    above, wanted = format_minor(limit, currency), format_minor(amount, currency)
    if confirmed_amount is None:
        told = f"This is {wanted}. Above {above}, type the amount again"
    else:
        told = f"This is {wanted}, and you typed {format_minor(confirmed_amount, currency)} again"
    raise Invalid(told, field="confirmed_amount")
