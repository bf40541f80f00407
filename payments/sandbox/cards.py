"""Stripe's test cards, and what the bank says to each."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Decline:
    """The bank's no, as it stands in a charge and in an error."""

    code: str
    message: str
    decline_code: str | None = None


@dataclass(frozen=True)
class Card:
    number: str
    token: str  # the ready-made payment method of this card
    brand: str = "visa"
    decline: Decline | None = None
    challenge: bool = False  # the bank asks for 3-D Secure
    last4: str = ""


GENERIC = Decline("card_declined", "Your card was declined.", "generic_decline")
POOR = Decline("card_declined", "Your card has insufficient funds.", "insufficient_funds")
LOST = Decline("card_declined", "Your card was declined.", "lost_card")
STOLEN = Decline("card_declined", "Your card was declined.", "stolen_card")
EXPIRED = Decline("expired_card", "Your card has expired.")
WRONG_CVC = Decline("incorrect_cvc", "Your card's security code is incorrect.")
TROUBLE = Decline(
    "processing_error", "An error occurred while processing your card. Try again in a little bit."
)
NOT_A_TEST_CARD = Decline(
    "card_declined",
    "Your card was declined. Your request was in test mode, but used a non test card. "
    "For a list of valid test cards, visit: https://stripe.com/docs/testing.",
    "test_mode_live_card",
)
WRONG_NUMBER = Decline("incorrect_number", "Your card number is incorrect.")

CARDS = (
    Card("4242424242424242", "pm_card_visa"),
    Card("5555555555554444", "pm_card_mastercard", brand="mastercard"),
    Card("378282246310005", "pm_card_amex", brand="amex"),
    Card("4000000000000002", "pm_card_visa_chargeDeclined", decline=GENERIC),
    Card("4000000000009995", "pm_card_visa_chargeDeclinedInsufficientFunds", decline=POOR),
    Card("4000000000009987", "pm_card_visa_chargeDeclinedLostCard", decline=LOST),
    Card("4000000000009979", "pm_card_visa_chargeDeclinedStolenCard", decline=STOLEN),
    Card("4000000000000069", "pm_card_chargeDeclinedExpiredCard", decline=EXPIRED),
    Card("4000000000000127", "pm_card_chargeDeclinedIncorrectCvc", decline=WRONG_CVC),
    Card("4000000000000119", "pm_card_chargeDeclinedProcessingError", decline=TROUBLE),
    Card("4000002500003155", "pm_card_authenticationRequired", challenge=True),
    Card("4000008400001629", "pm_card_threeDSecure2RequiredChargeDeclined", decline=GENERIC, challenge=True),
)
STRANGERS = {"unknown": NOT_A_TEST_CARD, "wrong": WRONG_NUMBER}
BY_NUMBER = {card.number: card for card in CARDS}
BY_TOKEN = {card.token: card for card in CARDS}


def is_luhn(number: str) -> bool:
    """Whether the check digit fits."""
    doubled = [int(digit) * (2 if place % 2 else 1) for place, digit in enumerate(reversed(number))]
    return sum(digit - 9 if digit > 9 else digit for digit in doubled) % 10 == 0


def card_numbered(number: str) -> Card:
    """The test card of this number. Any other is declined, and no more than its last four digits is kept."""
    digits = "".join(character for character in number if character.isdigit())
    if digits in BY_NUMBER:
        return BY_NUMBER[digits]
    return _stranger("unknown" if digits and is_luhn(digits) else "wrong", digits[-4:])


def card_of(method: dict[str, Any]) -> Card:
    """The card behind a stored payment method."""
    kept = method["_card"]
    return BY_NUMBER[kept] if kept in BY_NUMBER else _stranger(kept, method["card"]["last4"])


def _stranger(kind: str, last4: str) -> Card:
    return Card(kind, "", brand="unknown", decline=STRANGERS[kind], last4=last4)


def payment_method(
    card: Card, *, id: str, at: int, exp_month: int = 12, exp_year: int = 2034
) -> dict[str, Any]:
    """A Stripe PaymentMethod object. `_card` is ours and never leaves the sandbox."""
    return {
        "id": id,
        "object": "payment_method",
        "allow_redisplay": "unspecified",
        "billing_details": {"address": None, "email": None, "name": None, "phone": None, "tax_id": None},
        "card": {
            "brand": card.brand,
            "country": "US",
            "display_brand": card.brand,
            "exp_month": exp_month,
            "exp_year": exp_year,
            "funding": "credit",
            "last4": card.last4 or card.number[-4:],
            "wallet": None,
        },
        "created": at,
        "customer": None,
        "livemode": False,
        "metadata": {},
        "type": "card",
        "_card": card.number,
    }
