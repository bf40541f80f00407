"""The same questions of every provider in the table."""

import inspect
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from django.db import transaction
from moneyed import Money

from core.errors import Invalid
from payments.providers import PROVIDERS
from payments.providers.base import (
    BadSignature,
    CspOrigins,
    Opened,
    PaymentProvider,
    ProviderForgot,
    State,
)
from payments.providers.paypal import paypal_amount
from payments.providers.stripe import stripe_amount
from tests.factories import MANUAL, PAYPAL, STRIPE

pytestmark = pytest.mark.django_db
PRICE = Money("39.40", "USD")
TODAY = datetime(2025, 9, 3, tzinfo=UTC)
OUTSIDE = [code for code, provider in PROVIDERS.items() if not provider.is_promise]
every = pytest.mark.parametrize("code", PROVIDERS)
outside = pytest.mark.parametrize("code", OUTSIDE)


def opened(code: str, key: str = "", amount: Money = PRICE, session: str = "a-session") -> Opened:
    metadata = {
        "session": session,
        "account": "7",
        "reference": "INV-2025-001-7",
        "description": "Invoice INV-2025-001",
        "payee": "Northwind Supply GmbH",
        "total": "$39.40",
    }
    return PROVIDERS[code].open(
        amount=amount, key=key or str(uuid4()), metadata=metadata, return_url="http://testserver/back"
    )


def authorized(code: str, sandbox) -> str:
    """The reference of a payment that its payer agreed to."""
    reference = opened(code).reference
    if code == STRIPE:
        sandbox.confirm_card(reference, "4242424242424242")
    else:
        sandbox.approve_paypal(reference)
    return reference


def captures(sandbox, reference: str) -> list[int]:
    return [entry.amount for entry in sandbox.ledger() if entry.reference == reference]


@every
def test_it_is_a_provider(code):
    provider = PROVIDERS[code]
    assert (provider.code, bool(provider.label), bool(provider.hint)) == (code, True, True)
    assert isinstance(provider.is_promise, bool)
    for name, wanted in inspect.getmembers(PaymentProvider, inspect.isfunction):
        if not name.startswith("_"):
            given = inspect.signature(getattr(type(provider), name))
            assert given == inspect.signature(wanted), name


def test_the_table_is_complete():
    assert list(PROVIDERS) == [STRIPE, PAYPAL, MANUAL]


@every
def test_what_the_payment_page_must_allow(code):
    origins = PROVIDERS[code].csp_origins()
    assert isinstance(origins, CspOrigins)
    for origin in (*origins.script, *origins.frame, *origins.connect, *origins.form_action):
        parts = urlsplit(origin)
        assert parts.scheme in ("http", "https")
        assert origin == f"{parts.scheme}://{parts.netloc}"
        assert parts.netloc
    script = PROVIDERS[code].script_url(currency="EUR")
    if script:
        parts = urlsplit(script)
        assert f"{parts.scheme}://{parts.netloc}" in origins.script
    else:
        assert origins == CspOrigins()


@outside
def test_without_keys_it_is_not_offered(code, settings):
    assert PROVIDERS[code].is_configured() is True
    settings.STRIPE_SECRET_KEY = settings.PAYPAL_CLIENT_SECRET = ""
    assert PROVIDERS[code].is_configured() is False


def test_live_or_test_mode_follows_the_key(settings):
    assert {provider.is_live() for provider in PROVIDERS.values()} == {False}
    settings.PAYMENTS, settings.STRIPE_SECRET_KEY = "live", "sk_live_1"
    settings.PAYPAL_API_BASE = "https://api-m.paypal.com"
    assert [PROVIDERS[code].is_live() for code in (STRIPE, PAYPAL, MANUAL)] == [True, True, False]
    settings.STRIPE_SECRET_KEY, settings.PAYPAL_API_BASE = "sk_test_1", "https://api-m.sandbox.paypal.com"
    assert [PROVIDERS[code].is_live() for code in (STRIPE, PAYPAL)] == [False, False]


@outside
def test_opening_twice_with_one_key_opens_once(code, sandbox):
    first = opened(code, "key-of-a-call")
    assert opened(code, "key-of-a-call") == first
    assert opened(code, "another-key").reference != first.reference


@every
def test_what_was_opened_is_found(code, sandbox):
    made = opened(code)
    seen = PROVIDERS[code].lookup(reference=made.reference)
    assert seen.reference == made.reference
    assert seen.is_live is False
    if PROVIDERS[code].is_promise:
        assert (seen.state, seen.status) == (State.PENDING, "manual_pending")
    else:
        assert (seen.state, seen.amount, seen.session) == (State.AWAITING_PAYER, PRICE, "a-session")


@outside
def test_what_it_does_not_know_it_forgot(code, sandbox):
    with pytest.raises(ProviderForgot):
        PROVIDERS[code].lookup(reference="nothing")


@every
def test_capturing_before_the_payer_agreed_takes_nothing(code, sandbox):
    reference = opened(code).reference
    seen = PROVIDERS[code].capture(reference=reference, amount=PRICE, key=str(uuid4()))
    assert seen.state is (State.PENDING if PROVIDERS[code].is_promise else State.AWAITING_PAYER)
    assert captures(sandbox, reference) == []


@outside
def test_capturing_twice_takes_the_money_once(code, sandbox):
    reference = authorized(code, sandbox)
    provider = PROVIDERS[code]
    assert provider.lookup(reference=reference).state is State.CAPTURABLE
    first = provider.capture(reference=reference, amount=PRICE, key="one-capture" + reference)
    assert (first.state, first.amount, first.session) == (State.CAPTURED, PRICE, "a-session")
    assert first.capture_reference
    for key in ("one-capture" + reference, "another-capture" + reference):
        assert provider.capture(reference=reference, amount=PRICE, key=key) == first
    assert provider.lookup(reference=reference) == first
    assert captures(sandbox, reference) == [3940]


@every
def test_what_was_cancelled_takes_no_money(code, sandbox):
    reference = opened(code).reference
    for key in ("cancel-1" + reference, "cancel-2" + reference):
        seen = PROVIDERS[code].cancel(reference=reference, key=key)
        assert (seen.state, seen.status, seen.reference) == (State.FAILED, "canceled", reference)


@outside
def test_an_authorized_payment_can_be_cancelled(code, sandbox):
    reference = authorized(code, sandbox)
    assert PROVIDERS[code].cancel(reference=reference, key=str(uuid4())).state is State.FAILED
    assert captures(sandbox, reference) == []


@outside
def test_what_was_paid_cannot_be_cancelled(code, sandbox):
    reference = authorized(code, sandbox)
    paid = PROVIDERS[code].capture(reference=reference, amount=PRICE, key=str(uuid4()))
    assert PROVIDERS[code].cancel(reference=reference, key=str(uuid4())) == paid


@outside
def test_22_it_is_never_called_inside_a_transaction(code, sandbox):
    provider, reference = PROVIDERS[code], opened(code).reference
    calls = len(sandbox.calls)
    for act in (
        lambda: opened(code),
        lambda: provider.lookup(reference=reference),
        lambda: provider.capture(reference=reference, amount=PRICE, key="k"),
        lambda: provider.cancel(reference=reference, key="k"),
        lambda: provider.refund(reference=reference, amount=PRICE, key="k"),
        lambda: provider.refunds(reference=reference),
        lambda: next(provider.transactions(since=TODAY, until=TODAY + timedelta(days=1))),
    ):
        with pytest.raises(RuntimeError, match="inside a transaction"), transaction.atomic():
            act()
    assert len(sandbox.calls) == calls


@every
def test_an_unsigned_event_is_refused(code, sandbox):
    with pytest.raises(BadSignature):
        PROVIDERS[code].parse_webhook(headers={}, body=b'{"id": "evt_1"}')


def test_a_declined_paypal_payment_names_its_reason(sandbox):
    reference = opened(PAYPAL).reference
    sandbox.approve_paypal(reference, funding="declined")
    seen = PROVIDERS[PAYPAL].capture(reference=reference, amount=PRICE, key=str(uuid4()))
    assert (seen.state, seen.status, seen.reason) == (
        State.AWAITING_PAYER,
        "PAYER_ACTION_REQUIRED",
        "declined",
    )
    assert (seen.amount, seen.session) == (PRICE, "a-session")


@pytest.mark.parametrize(
    ("card", "reason"),
    [
        ("4000000000009995", "insufficient_funds"),
        ("4000000000000069", "expired_card"),
        ("4000000000000127", "incorrect_cvc"),
        ("4000000000000002", "generic_decline"),
    ],
)
def test_a_declined_card_names_its_reason(sandbox, card, reason):
    reference = opened(STRIPE).reference
    sandbox.confirm_card(reference, card)
    seen = PROVIDERS[STRIPE].lookup(reference=reference)
    assert (seen.state, seen.status, seen.reason) == (
        State.AWAITING_PAYER,
        "requires_payment_method",
        reason,
    )


def test_a_bank_that_could_not_confirm_the_payer(sandbox):
    reference = opened(STRIPE).reference
    sandbox.confirm_card(reference, "4000002500003155")
    assert PROVIDERS[STRIPE].lookup(reference=reference).status == "requires_action"
    sandbox.authenticate(reference, passed=False)
    assert PROVIDERS[STRIPE].lookup(reference=reference).reason == "authentication_failure"


STRIPE_AMOUNTS = [
    (Money("39.40", "USD"), 3940),
    (Money(1182, "JPY"), 1182),
    (Money("3.940", "KWD"), 3940),
    (Money(100, "ISK"), 10000),  # no decimals in ISO 4217, two at Stripe
    (Money(500, "UGX"), 50000),
    (Money("100.50", "HUF"), 10050),
    (Money(700, "XAF"), 700),
]


@pytest.mark.parametrize(("amount", "units"), STRIPE_AMOUNTS)
def test_an_amount_as_stripe_writes_it_and_back(sandbox, amount, units):
    assert stripe_amount(amount) == units
    made = opened(STRIPE, amount=amount)
    assert sandbox.intent(made.reference)["amount"] == units
    assert PROVIDERS[STRIPE].lookup(reference=made.reference).amount == amount


@pytest.mark.parametrize(
    "amount", [Money("3.941", "KWD"), Money("0.001", "USD"), Money("0.5", "JPY"), Money("1.005", "ISK")]
)
def test_an_amount_that_stripe_cannot_express_is_refused(sandbox, amount):
    calls = len(sandbox.calls)
    with pytest.raises(Invalid, match="cannot be paid by card: too many decimal places"):
        opened(STRIPE, amount=amount)
    assert len(sandbox.calls) == calls


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (Money("39.4", "USD"), "39.40"),
        (Money(1182, "JPY"), "1182"),
        (Money("100.00", "HUF"), "100"),
        (Money(90, "TWD"), "90"),
        (Money("0.01", "EUR"), "0.01"),
        (Money(1_000_000, "USD"), "1000000.00"),
    ],
)
def test_an_amount_as_paypal_writes_it_and_back(sandbox, amount, text):
    assert paypal_amount(amount) == text
    made = opened(PAYPAL, amount=amount)
    assert PROVIDERS[PAYPAL].lookup(reference=made.reference).amount == amount


@pytest.mark.parametrize(
    "amount",
    [
        Money("100.50", "HUF"),
        Money("0.5", "JPY"),
        Money("3.940", "KWD"),
        Money(4, "KWD"),
        Money("0.001", "USD"),
    ],
)
def test_an_amount_that_paypal_cannot_express_is_refused(sandbox, amount):
    calls = len(sandbox.calls)
    with pytest.raises(Invalid, match="cannot be paid with PayPal"):
        opened(PAYPAL, amount=amount)
    assert len(sandbox.calls) == calls
