"""Above which amounts what goes back to customers is typed again."""

from decimal import Decimal

from accounts.models import ConfirmationLimit, Organization

LIMITS = (("USD", 5_000), ("EUR", 5_000), ("JPY", 500_000))


def show_limits() -> None:
    """Made once: run again it changes nothing."""
    if ConfirmationLimit.objects.exists():
        return
    organization = Organization.objects.get()
    for currency, amount in LIMITS:
        ConfirmationLimit.objects.create(organization=organization, currency=currency, amount=Decimal(amount))
