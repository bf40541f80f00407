"""Opening a business account."""

from datetime import datetime
from typing import Any

from django.db import transaction
from moneyed import Money

from accounts.models import Account, Organization
from accounts.operations.numbering import allot_number
from core.audit import Actor, record
from core.money import to_minor


def open_account(
    *, company_name: str, credit_limit: Money, at: datetime, by: Actor, **details: Any
) -> Account:
    """Open an account in the currency of its credit limit, with the next number, `ACC-2025-000001`."""
    year = Organization.objects.get().today(at).year
    with transaction.atomic():
        account = Account.objects.create(
            number=f"ACC-{year}-{allot_number('account', year=year):06d}",
            company_name=company_name,
            currency=credit_limit.currency.code,
            credit_limit=to_minor(credit_limit),
            created_at=at,
            **details,
        )
        record(account, "account.opened", at=at, by=by, after={"credit_limit": account.credit_limit})
    return account
