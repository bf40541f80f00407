"""Links that a program hands to a browser: signed, short-lived, and worth only what their maker may do."""

from datetime import datetime, timedelta
from typing import Any

from django.core import signing

from accounts.models import Customer, CustomerToken, User
from accounts.operations.tokens import customer_for_user
from core.errors import NotFound

LASTS = timedelta(minutes=10)
SALT = "accounts.links"


def sign_link(*, customer: Customer, what: dict[str, Any], at: datetime) -> str:
    """Text for an address that opens `what`, plain JSON, in this customer's name for ten minutes."""
    claim = {"by": customer.user.pk, "at": int(at.timestamp()), "what": what}
    if customer.token is not None:
        claim["token"] = customer.token.pk
    return signing.dumps(claim, salt=SALT, compress=True)


def open_link(text: str, *, at: datetime) -> tuple[Customer, dict[str, Any]]:
    """Who made a link, with the rights that they have now, and what it opens. A link that is over, was
    changed, or whose maker may not sign in or has lost the token since is not found."""
    try:
        claim = signing.loads(text, salt=SALT)
    except signing.BadSignature:
        raise NotFound("This link is over") from None
    age = int(at.timestamp()) - claim["at"]
    user = User.objects.filter(pk=claim["by"], is_active=True).first()
    if user is None or not 0 <= age <= LASTS.total_seconds():
        raise NotFound("This link is over")
    token = None
    if "token" in claim:
        token = CustomerToken.objects.usable(at=at).filter(pk=claim["token"], user=user).first()
        if token is None:
            raise NotFound("This link is over")
    return customer_for_user(user, token=token), claim["what"]
