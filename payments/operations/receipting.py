"""Receipts: each captured payment of an account gets a number, in the transaction that books it."""

from datetime import datetime

from accounts import operations as accounts
from accounts.models import Organization
from core.reading import Composed
from payments.models import Payment, Receipt

_organization = Composed(Organization.objects.all)


def issue_receipt(payment: Payment, *, at: datetime) -> Receipt:
    """Number the receipt of a payment that has just been captured. Call under the account's lock, last of
    all: the number series is locked until the transaction ends."""
    year = _organization.get().today(at).year
    sequence = accounts.allot_number("receipt", year=year)
    return Receipt.objects.create(
        payment=payment,
        number=f"{year}-{sequence:06d}",
        number_year=year,
        number_sequence=sequence,
        issued_at=at,
    )
