"""The merchant's own: above which amounts what goes back to customers is typed again, and a bank account that
waits for a second person."""

from datetime import datetime
from decimal import Decimal

from accounts import operations as accounts
from accounts.models import BankAccountChange, ConfirmationLimit, Organization, User

LIMITS = (("USD", 5_000), ("EUR", 5_000), ("JPY", 500_000))
ASKS = "olivia@example.com"


def show_organization(now: datetime) -> None:
    """Made once: run again it changes nothing."""
    if ConfirmationLimit.objects.exists() or BankAccountChange.objects.exists():
        return
    organization = Organization.objects.get()
    for currency, amount in LIMITS:
        ConfirmationLimit.objects.create(organization=organization, currency=currency, amount=Decimal(amount))
    new = accounts.BankAccount(
        "Northwind Supply GmbH", "Example Bank", "DE02120300000000202051", "BYLADEM1001"
    )
    reason = "Lower fees at the new bank"
    accounts.ask_for_bank_account(account=new, reason=reason, at=now, staff=User.objects.get(email=ASKS))
