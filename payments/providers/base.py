"""What a payment provider is: plain data in, plain data out, no request, no model, no database."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Literal, Protocol
from urllib.parse import urlsplit

from django.conf import settings
from django.db import connection
from moneyed import CurrencyDoesNotExist, Money

# What reading an answer of another shape than the provider documents can raise.
MALFORMED = (LookupError, TypeError, AttributeError, ValueError, ArithmeticError, CurrencyDoesNotExist)
CONNECT_SECONDS = 5.0
# The status of a payment whose instrument was declined though it still reads as capturable: whether the payer
# chose another one cannot be seen.
INSTRUMENT_DECLINED = "INSTRUMENT_DECLINED"


class State(StrEnum):
    """What is known about a payment at its provider."""

    AWAITING_PAYER = "awaiting_payer"  # nothing was paid; the payer must act (also after a decline)
    CAPTURABLE = "capturable"  # authorized: the money moves when we capture
    PENDING = "pending"  # the provider has not decided
    CAPTURED = "captured"  # the money moved
    FAILED = "failed"  # cancelled or expired at the provider: it can never be paid any more
    UNKNOWN = "unknown"  # nobody knows


@dataclass(frozen=True)
class Opened:
    """What opening a payment made: the provider's reference, and what the payer's client may know."""

    reference: str
    data: dict[str, Any]
    redirect_url: str = ""


@dataclass(frozen=True)
class Observation:
    """What a provider says about one payment, now.

    `reference` is the object that was opened, `capture_reference` what the captured money is known by, once
    for each capture. `session` is our uuid out of the provider's metadata. `status` is the provider's own
    word; `reason` why it was declined: insufficient_funds, expired_card, incorrect_cvc, limit_exceeded,
    not_supported, authentication_failure or another code of the provider's.
    """

    state: State
    reference: str
    status: str = ""
    capture_reference: str = ""
    amount: Money | None = None
    session: str = ""
    is_live: bool = False
    reason: str = ""
    method: str = ""
    method_details: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Refunded:
    """A refund as its provider knows it. `key` is the uuid that we asked with, empty when somebody refunded
    at the provider without us. Not done yet is pending; failed gave nothing back."""

    reference: str
    amount: Money
    state: Literal["done", "pending", "failed"]
    key: str = ""


# A chargeback is money that the payer's bank took back; reinstated is what came back to us of one.
Movement = Literal["capture", "chargeback", "refund", "reinstated"]


@dataclass(frozen=True)
class Transaction:
    """Money that moved at the provider: a capture by its capture reference, everything else by its own.
    `capture_reference` is empty where the provider does not say of which capture it was."""

    kind: Movement
    reference: str
    amount: Money
    at: datetime
    capture_reference: str
    opened_reference: str = ""  # the object that was opened, where the provider names it


@dataclass(frozen=True)
class ProviderEvent:
    """A verified webhook, reduced to a hint: which object to look up. `capture_reference` is the capture that
    it is about, where it is about money that moved back, or that the payer wants back."""

    event_id: str
    kind: str
    reference: str
    capture_reference: str = ""


@dataclass(frozen=True)
class CspOrigins:
    """Origins that the payment page must allow for this provider, and no other page does."""

    script: tuple[str, ...] = ()
    frame: tuple[str, ...] = ()
    connect: tuple[str, ...] = ()
    form_action: tuple[str, ...] = ()


class ProviderUnavailable(Exception):
    """Nobody knows whether the call had an effect: the session waits for reconciliation."""


class ProviderRefused(Exception):
    """The provider answered that it will not do this; nothing happened there."""


class ProviderForgot(ProviderRefused):
    """The provider does not know the object: it ran out there, or it belongs to another merchant account."""


class BadSignature(Exception):
    """A webhook that the provider did not sign."""


class PaymentProvider(Protocol):
    """One way to pay. `tests/payments/test_providers.py` asks every entry of the table the same questions."""

    code: str
    label: str
    hint: str
    is_promise: bool  # the payer promises, staff verify

    def is_configured(self) -> bool: ...
    def is_live(self) -> bool: ...
    def csp_origins(self) -> CspOrigins: ...
    def script_url(self, *, currency: str) -> str: ...
    def open(self, *, amount: Money, key: str, metadata: dict[str, str], return_url: str) -> Opened: ...
    def capture(self, *, reference: str, amount: Money, key: str) -> Observation: ...
    def lookup(self, *, reference: str) -> Observation: ...
    def cancel(self, *, reference: str, key: str) -> Observation: ...
    def refund(self, *, reference: str, amount: Money, key: str) -> Refunded:
        """Send money of a capture back, once for each key. Look at `refunds` first: a refund whose answer
        was lost is found there by its key, and a key that was answered with an error may only repeat it."""
        ...

    def refunds(self, *, reference: str) -> list[Refunded]:
        """Every refund of a capture, ours and those that somebody made at the provider."""
        ...

    def transactions(self, *, since: datetime, until: datetime) -> Iterator[Transaction]:
        """Captures, refunds and chargebacks that moved money, in any order: from the second of `since` until
        before that of `until`. Asks for the next page only when it is wanted."""
        ...

    def parse_webhook(self, *, headers: Mapping[str, str], body: bytes) -> ProviderEvent: ...


def timeouts() -> tuple[float, float]:
    """Seconds to connect, and to wait for the next bytes of an answer."""
    return CONNECT_SECONDS, settings.PROVIDER_TIMEOUT


def whole_second(instant: datetime) -> datetime:
    """The second in which an instant lies, in UTC: providers date what they did no finer."""
    return instant.astimezone(UTC).replace(microsecond=0)


def outside_transactions() -> None:
    """Never hold the database while talking to the outside: every provider call begins here."""
    blocks = [block for block in connection.atomic_blocks if not getattr(block, "_from_testcase", False)]
    if blocks:
        raise RuntimeError("A provider was called inside a transaction")


def origin_of(url: str) -> str:
    """Scheme, host and port of an address, as a content security policy names it."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
