"""Money that went back, and the list of all that moved: the same questions of every provider."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from uuid import uuid4

import pytest
from moneyed import Money

from core.errors import Invalid
from payments.providers import PROVIDERS, paypal
from payments.providers import stripe as stripe_module
from payments.providers.base import (
    Observation,
    ProviderForgot,
    ProviderRefused,
    ProviderUnavailable,
    Refunded,
    State,
    Transaction,
)
from tests.factories import MANUAL, NOW, PAYPAL, STRIPE
from tests.payments.faults import BROKEN, LOST_ANSWER, LOST_QUESTION, Fault, refused
from tests.payments.test_providers import PRICE, authorized, every, opened, outside

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("the_clock")]
NINE = Money("9.40", "USD")
DAY = timedelta(days=1)
SECOND = NOW.replace(microsecond=0)
APART = count(-9000, 200)


def captured(code: str, sandbox) -> Observation:
    seen = PROVIDERS[code].capture(reference=authorized(code, sandbox), amount=PRICE, key=str(uuid4()))
    assert seen.state is State.CAPTURED
    return seen


def given_back(sandbox, seen: Observation) -> list[int]:
    return [one.amount for one in sandbox.ledger() if (one.reference, one.kind) == (seen.reference, "refund")]


def moved(code: str, since: datetime, until: datetime) -> list[Transaction]:
    return list(PROVIDERS[code].transactions(since=since, until=until))


@pytest.fixture
def apart(time_machine):
    """A moment with months around it that no other test has, so that its report has nothing else."""
    day = NOW + timedelta(days=next(APART))
    time_machine.move_to(day, tick=False)
    return day


# Refunds


@outside
def test_a_refund_is_found_by_its_key(code, sandbox):
    seen, provider = captured(code, sandbox), PROVIDERS[code]
    assert provider.refunds(reference=seen.capture_reference) == []
    made = provider.refund(reference=seen.capture_reference, amount=NINE, key="refund-key-" + code)
    assert made == Refunded(made.reference, NINE, "done", "refund-key-" + code)
    assert provider.refunds(reference=seen.capture_reference) == [made]
    assert given_back(sandbox, seen) == [940]


@outside
def test_refunding_twice_with_one_key_sends_the_money_once(code, sandbox):
    seen, provider, key = captured(code, sandbox), PROVIDERS[code], str(uuid4())
    first = provider.refund(reference=seen.capture_reference, amount=NINE, key=key)
    assert provider.refund(reference=seen.capture_reference, amount=NINE, key=key) == first
    other = provider.refund(reference=seen.capture_reference, amount=NINE, key=str(uuid4()))
    assert other.reference != first.reference
    assert given_back(sandbox, seen) == [940, 940]


@outside
def test_a_refund_whose_answer_was_lost_is_among_the_refunds(code, sandbox, line):
    seen, provider, key = captured(code, sandbox), PROVIDERS[code], str(uuid4())
    line.next_calls = [("refund", LOST_ANSWER)]
    with pytest.raises(ProviderUnavailable):
        provider.refund(reference=seen.capture_reference, amount=NINE, key=key)
    assert [
        (made.key, made.amount, made.state) for made in provider.refunds(reference=seen.capture_reference)
    ] == [(key, NINE, "done")]
    assert given_back(sandbox, seen) == [940]


@outside
def test_a_refund_made_at_the_provider_has_no_key(code, sandbox):
    seen, provider = captured(code, sandbox), PROVIDERS[code]
    ours = provider.refund(reference=seen.capture_reference, amount=NINE, key="ours-" + seen.reference)
    sandbox.refund_at_dashboard(seen.capture_reference, 1000)
    sandbox.refund_at_dashboard(seen.reference)
    found = provider.refunds(reference=seen.capture_reference)
    assert ours in found
    others = [(made.amount, made.state, made.key) for made in found if made != ours]
    assert sorted(others) == [(Money("10.00", "USD"), "done", ""), (Money("20.00", "USD"), "done", "")]
    assert given_back(sandbox, seen) == [940, 1000, 2000]


@outside
def test_more_than_was_captured_is_refused(code, sandbox):
    seen, provider = captured(code, sandbox), PROVIDERS[code]
    for amount in (Money("39.41", "USD"), Money("39.40", "USD"), Money("0.01", "USD")):
        if amount == PRICE:
            provider.refund(reference=seen.capture_reference, amount=PRICE, key=str(uuid4()))
            continue
        with pytest.raises(ProviderRefused):
            provider.refund(reference=seen.capture_reference, amount=amount, key=str(uuid4()))
    assert given_back(sandbox, seen) == [3940]
    assert provider.lookup(reference=seen.reference).state is State.CAPTURED


@outside
def test_what_took_no_money_gives_none_back(code, sandbox):
    reference = authorized(code, sandbox)
    with pytest.raises(ProviderRefused):
        PROVIDERS[code].refund(reference=reference, amount=NINE, key=str(uuid4()))
    for act in (
        lambda: PROVIDERS[code].refund(reference="nothing", amount=NINE, key=str(uuid4())),
        lambda: PROVIDERS[code].refunds(reference="nothing"),
    ):
        with pytest.raises(ProviderForgot):
            act()


@outside
def test_an_amount_that_it_cannot_express_is_not_asked_for(code, sandbox):
    seen = captured(code, sandbox)
    calls = len(sandbox.calls)
    with pytest.raises(Invalid):
        PROVIDERS[code].refund(reference=seen.capture_reference, amount=Money("0.001", "USD"), key="k")
    assert len(sandbox.calls) == calls


def test_all_pages_of_stripe_s_refunds_are_read(sandbox, monkeypatch):
    monkeypatch.setattr(stripe_module, "PAGE", 2)
    seen = captured(STRIPE, sandbox)
    for _ in range(5):
        sandbox.refund_at_dashboard(seen.reference, 100)
    calls = len(sandbox.calls)
    assert len({made.reference for made in PROVIDERS[STRIPE].refunds(reference=seen.reference)}) == 5
    assert len(sandbox.calls) - calls == 3


REFUND_WORDS = [
    (STRIPE, "pending", "pending"),
    (STRIPE, "requires_action", "pending"),
    (STRIPE, "failed", "failed"),
    (STRIPE, "canceled", "failed"),
    (PAYPAL, "PENDING", "pending"),
    (PAYPAL, "FAILED", "failed"),
    (PAYPAL, "CANCELLED", "failed"),
]


def refund_is(sandbox, code: str, seen: Observation, status: str) -> None:
    """The provider's only refund of this capture, as it stands from now on."""
    [entry] = [one for one in sandbox.ledger() if (one.reference, one.kind) == (seen.reference, "refund")]
    if code == STRIPE:
        made = sandbox.store.get("refund", entry.transaction)
        return sandbox.store.put("refund", {**made, "status": status}, at=0)
    order = sandbox.store.get("order", seen.reference)
    order["purchase_units"][0]["payments"]["refunds"][0]["status"] = status
    return sandbox.store.put("order", order, at=0)


@pytest.mark.parametrize(("code", "word", "state"), REFUND_WORDS)
def test_how_a_refund_stands(sandbox, code, word, state):
    seen = captured(code, sandbox)
    sandbox.refund_at_dashboard(seen.capture_reference, 940)
    refund_is(sandbox, code, seen, word)
    [found] = PROVIDERS[code].refunds(reference=seen.capture_reference)
    assert (found.amount, found.state) == (NINE, state)


@outside
def test_a_word_that_nobody_knows_says_nothing(code, sandbox):
    seen = captured(code, sandbox)
    sandbox.refund_at_dashboard(seen.capture_reference, 940)
    refund_is(sandbox, code, seen, "novel")
    with pytest.raises(ProviderUnavailable):
        PROVIDERS[code].refunds(reference=seen.capture_reference)


# What moved


@outside
def test_captures_and_refunds_are_listed(code, sandbox, apart):
    seen, provider = captured(code, sandbox), PROVIDERS[code]
    authorized(code, sandbox)  # no money moved
    ours = provider.refund(reference=seen.capture_reference, amount=NINE, key=str(uuid4()))
    day = apart.replace(microsecond=0)
    found = [replace(one, opened_reference="") for one in moved(code, apart - DAY, apart + DAY)]
    assert sorted(found, key=lambda one: one.kind) == [
        Transaction("capture", seen.capture_reference, PRICE, day, seen.capture_reference),
        Transaction("refund", ours.reference, NINE, day, seen.capture_reference),
    ]


@outside
@pytest.mark.parametrize("microsecond", [0, 596000])
def test_neighbouring_times_share_nothing_and_leave_nothing_out(
    code, sandbox, apart, microsecond, time_machine
):
    time_machine.move_to(apart.replace(microsecond=microsecond), tick=False)
    seen = captured(code, sandbox)
    half = timedelta(milliseconds=500)
    for moment in (apart - half, apart, apart + half, apart.replace(microsecond=0)):
        before, after = moved(code, apart - DAY, moment), moved(code, moment, apart + DAY)
        assert [one.reference for one in before + after] == [seen.capture_reference]
    assert moved(code, apart, apart) == []
    assert moved(code, apart + timedelta(seconds=1), apart + DAY) == []


@pytest.mark.parametrize(("code", "calls"), [(STRIPE, 3), (PAYPAL, 3)])
def test_all_pages_are_read(code, calls, sandbox, apart, monkeypatch):
    monkeypatch.setattr(stripe_module, "PAGE", 2)
    monkeypatch.setattr(paypal, "PAGE", 2)
    references = {captured(code, sandbox).capture_reference for _ in range(5)}
    begun = len(sandbox.calls)
    found = [one.reference for one in moved(code, apart - DAY, apart + DAY)]
    assert (len(found), set(found)) == (5, references)
    assert len(sandbox.calls) - begun == calls


@outside
def test_the_next_page_is_asked_for_when_it_is_wanted(code, sandbox, apart, monkeypatch):
    monkeypatch.setattr(stripe_module, "PAGE", 2)
    monkeypatch.setattr(paypal, "PAGE", 2)
    for _ in range(3):
        captured(code, sandbox)
    begun = len(sandbox.calls)
    listing = PROVIDERS[code].transactions(since=apart - DAY, until=apart + DAY)
    assert len(sandbox.calls) == begun
    next(listing)
    assert len(sandbox.calls) - begun == 1


def test_paypal_is_asked_for_31_days_at_most(sandbox, apart, line):
    seen = captured(PAYPAL, sandbox)
    found = moved(PAYPAL, apart - 80 * DAY, apart + DAY)
    assert [one.reference for one in found] == [seen.capture_reference]
    assert line.calls("/v1/reporting") == 3
    edge = captured(PAYPAL, sandbox)  # at the very moment at which one call ends and the next begins
    found = moved(PAYPAL, apart - 31 * DAY, apart + 2 * DAY)
    assert sorted(one.reference for one in found) == sorted([seen.capture_reference, edge.capture_reference])


def test_a_report_of_too_many_rows_is_asked_for_in_parts(sandbox, apart, line):
    seen = captured(PAYPAL, sandbox)
    too_many = Fault(400, json.dumps({"name": "RESULTSET_TOO_LARGE", "message": "Too large"}))
    line.next_calls = [("/v1/reporting", too_many)] * 2
    found = moved(PAYPAL, apart - 3 * DAY, apart + DAY)
    assert [one.reference for one in found] == [seen.capture_reference]
    assert line.calls("/v1/reporting") == 6  # of four days, of two, and four times of one
    line.always = [("/v1/reporting", too_many)]
    with pytest.raises(ProviderRefused, match="RESULTSET_TOO_LARGE"):
        moved(PAYPAL, apart - DAY, apart)


def report_row(**changes) -> dict:
    return {
        "transaction_id": "T1",
        "transaction_event_code": "T0006",
        "transaction_status": "S",
        "transaction_amount": {"value": "39.40", "currency_code": "USD"},
        "transaction_initiation_date": "2025-09-03T05:21:07+0000",
        "paypal_reference_id": "ORDER",
        **changes,
    }


def report(*rows: dict) -> Fault:
    told = {"total_pages": 1, "transaction_details": [{"transaction_info": row} for row in rows]}
    return Fault(200, json.dumps(told))


def test_only_what_moved_is_read_from_paypal_s_report(sandbox, line):
    amount = {"value": "-1.00", "currency_code": "USD"}
    line.always = [
        (
            "/v1/reporting",
            report(
                report_row(),
                report_row(transaction_id="back later", transaction_status="V"),
                report_row(transaction_id="pending", transaction_status="P"),
                report_row(transaction_id="denied", transaction_status="D"),
                report_row(transaction_id="we paid", transaction_amount=amount),
                report_row(transaction_id="a fee", transaction_event_code="T0106", transaction_amount=amount),
                report_row(transaction_id="R", transaction_event_code="T1107", transaction_amount=amount),
                report_row(transaction_id="R2", transaction_event_code="T1107", transaction_status="P"),
            ),
        )
    ]
    found = moved(PAYPAL, NOW - DAY, NOW + DAY)
    assert [(one.kind, one.reference, one.amount, one.at, one.capture_reference) for one in found] == [
        ("capture", "T1", PRICE, SECOND, "T1"),
        ("capture", "back later", PRICE, SECOND, "back later"),
        ("refund", "R", Money("1.00", "USD"), SECOND, "ORDER"),
    ]


def test_a_card_refund_that_came_back_moved_nothing(sandbox, apart):
    seen = captured(STRIPE, sandbox)
    sandbox.refund_at_dashboard(seen.reference, 940)
    refund_is(sandbox, STRIPE, seen, "failed")
    assert [one.kind for one in moved(STRIPE, apart - DAY, apart + DAY)] == ["capture"]


def test_a_card_held_last_week_and_captured_today_moved_today(sandbox, apart, time_machine):
    """Stripe's list of charges would date it to the day of the hold."""
    reference = authorized(STRIPE, sandbox)
    later = apart + 3 * DAY
    time_machine.move_to(later, tick=False)
    PROVIDERS[STRIPE].capture(reference=reference, amount=PRICE, key=str(uuid4()))
    assert moved(STRIPE, apart - DAY, apart + DAY) == []
    [found] = moved(STRIPE, later - DAY, later + DAY)
    assert (found.reference, found.at) == (reference, later.replace(microsecond=0))


@outside
@pytest.mark.parametrize("fault", [LOST_QUESTION, refused(500), refused(429), BROKEN, Fault(200, "{}")])
def test_nobody_knows_of_refunds_and_transactions(code, fault, sandbox, line):
    seen, provider = captured(code, sandbox), PROVIDERS[code]
    line.always = [(word, fault) for word in ("/v1/refunds", "/v1/balance", "/v1/reporting", "/v2/payments")]
    for act in (
        lambda: provider.refund(reference=seen.capture_reference, amount=NINE, key=str(uuid4())),
        lambda: provider.refunds(reference=seen.capture_reference),
        lambda: moved(code, NOW - DAY, NOW + DAY),
    ):
        with pytest.raises(ProviderUnavailable):
            act()


@every
def test_an_hour_of_long_ago_has_nothing(code, sandbox):
    long_ago = datetime(2001, 1, 1, tzinfo=UTC)
    assert moved(code, long_ago, long_ago + timedelta(hours=1)) == []


def test_staff_send_a_bank_transfer_back_themselves():
    manual, reference = PROVIDERS[MANUAL], opened(MANUAL).reference
    with pytest.raises(ProviderRefused, match="staff send the money back themselves"):
        manual.refund(reference=reference, amount=PRICE, key=str(uuid4()))
    assert manual.refunds(reference=reference) == []
