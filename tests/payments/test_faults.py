"""Every call to a provider under every fault: each ends finished or visibly pending, nothing is booked that
the provider has not, and when the faults are over two passes of reconciliation make both books the same."""

from contextlib import nullcontext, suppress
from datetime import timedelta
from itertools import count
from uuid import uuid4

import pytest

from core.errors import Conflict
from core.outbox import OutboxMessage, drain
from invoices.operations.settling import CLOSED
from payments import operations
from payments.models import Payment, PaymentSession, ReconciliationIssue
from payments.providers import PROVIDERS
from payments.providers.base import Observation, ProviderRefused, ProviderUnavailable, State
from payments.providers.stripe import Stripe
from payments.sandbox.faults import ALL, Chances, Schedule
from tests import factories
from tests.books import assert_sound
from tests.factories import NOW, PAYPAL, STRIPE
from tests.payments.test_operations_completing import agreed, complete
from tests.payments.test_provider_refunds import NINE

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("the_clock")]
MINUTE = timedelta(minutes=1)
EITHER_WAY = ("stored_error", "broken_json", "reset")  # whether it was done is the seed's
LOOKED_UP = {STRIPE: r"GET /v1/payment_intents/\w+", PAYPAL: r"GET /v2/checkout/orders/\w+"}
CALLS = {
    "open": {STRIPE: "POST /v1/payment_intents", PAYPAL: "POST /v2/checkout/orders"},
    "capture": dict.fromkeys((STRIPE, PAYPAL), "POST .+/capture"),
    "lookup": LOOKED_UP,
    "cancel": {STRIPE: "POST .+/cancel", PAYPAL: LOOKED_UP[PAYPAL]},
    "refund": dict.fromkeys((STRIPE, PAYPAL), "POST .+/refunds?"),
}
CONCERNED = {  # all others concern every call
    "wrong_amount": ("capture", "lookup"),
    "wrong_currency": ("capture", "lookup"),
    "expired": ("capture", "lookup", "cancel"),
    "pending": ("capture", "refund"),
    "stored_error": ("open", "capture", "cancel", "refund"),
}


def concerns(kind: str, call: str, code: str) -> bool:
    asked = "lookup" if (call, code) == ("cancel", PAYPAL) else call  # PayPal's cancel is a lookup
    return asked in CONCERNED.get(kind, CALLS)


def cells(*calls: str) -> pytest.MarkDecorator:
    """A row of the table for each provider and fault; what the seed decides is tried both ways."""
    rows = [
        pytest.param(call, code, kind, after, id=f"{call}-{code}-{kind}{'-done' if after else ''}")
        for call in calls
        for code in (STRIPE, PAYPAL)
        for kind in ALL
        for after in ((False, True) if kind in EITHER_WAY else (kind.endswith("_after"),))
        if concerns(kind, call, code)
    ]
    return pytest.mark.parametrize(("call", "code", "kind", "after"), rows)


def agree(session, sandbox) -> None:
    """The payer agrees at the provider."""
    if session.provider.code == STRIPE:
        sandbox.confirm_card(session.reference, "4242424242424242")
    else:
        sandbox.approve_paypal(session.reference)


@pytest.fixture
def under(sandbox, settings):
    """`under(call, code, kind, after)`: from now on every such call has this fault."""
    begun = len(sandbox.ledger())

    def set_up(call, code, kind, after) -> Schedule:
        settings.PROVIDER_TIMEOUT = 0.5 if kind.startswith("timeout") else 20
        either = kind in EITHER_WAY
        seed = next(n for n in count() if not either or Chances(n, 1, [kind], ALL).next().after is after)
        sandbox.faults = Schedule(seed, 1, [kind], on=CALLS[call][code], hold=3, delay=0.05)
        return sandbox.faults

    set_up.begun = begun
    return set_up


def books(sandbox, begun: int) -> tuple[list[tuple], list[tuple]]:
    """What the provider took since then, and what we booked of it: the payment's reference and amount."""
    theirs = [
        (entry.transaction if entry.provider == "paypal" else entry.reference, entry.amount, entry.currency)
        for entry in sandbox.ledger()[begun:]
        if entry.kind == "capture"
    ]
    ours = Payment.objects.filter(provider__code__in=(STRIPE, PAYPAL), status="captured")
    return sorted(theirs), sorted(ours.values_list("reference", "amount", "currency"))


def assert_nothing_wrong(sandbox, begun: int, at) -> None:
    """What we booked the provider has; what is not finished will be looked at again; what does not fit is an
    issue."""
    theirs, ours = books(sandbox, begun)
    assert set(ours) <= set(theirs)
    for session in PaymentSession.objects.filter(provider__code__in=(STRIPE, PAYPAL)).exclude(reference=""):
        assert session.has_ended or session.look_again_at is not None, session.status
    unassigned = Payment.objects.filter(status="unassigned")
    assert (
        unassigned.count()
        == ReconciliationIssue.objects.filter(
            payment__in=unassigned, kind="mismatch", resolved_at=None
        ).count()
    )
    assert_sound(at)


def settled(sandbox, settings, begun: int, at) -> tuple[list[tuple], list[tuple]]:
    """The books after the faults are over and two passes."""
    sandbox.faults, settings.PROVIDER_TIMEOUT = None, 20
    for minutes in (2, 17):
        operations.reconcile(at=at + minutes * MINUTE, everything=True)
        assert_nothing_wrong(sandbox, begun, at + minutes * MINUTE)
    return books(sandbox, begun)


@cells("open")
def test_opening(call, code, kind, after, invoice, sandbox, settings, under):
    schedule = under(call, code, kind, after)
    with nullcontext() if kind == "slow" else pytest.raises(Conflict, match="is not available right now"):
        factories.an_initiated_session(invoice, code)
    opened = PaymentSession.objects.get(provider__code=code)
    assert opened.status == ("initiated" if kind == "slow" else "created")
    assert schedule.dealt
    assert_nothing_wrong(sandbox, under.begun, NOW)
    sandbox.faults, settings.PROVIDER_TIMEOUT = None, 20
    session = agreed(invoice, sandbox, code)
    assert complete(session).status == "succeeded"
    theirs, ours = settled(sandbox, settings, under.begun, NOW)
    assert theirs == ours
    assert [amount for _, amount, _ in ours] == [3940]


FOR_STAFF = {
    # PayPal forgot the order after we had begun to capture it: nobody knows what came of it.
    (PAYPAL, "capture", "expired"): ("undecided", 0),
}
NOT_TAKEN = {"expired"}


@cells("capture", "lookup")
def test_completing(call, code, kind, after, invoice, sandbox, settings, under):
    session = agreed(invoice, sandbox, code)
    schedule = under(call, code, kind, after)
    complete(session)
    assert schedule.dealt
    assert_nothing_wrong(sandbox, under.begun, NOW)
    for minutes in (2, 17):  # and nobody gives up or guesses while it goes on
        operations.reconcile(at=NOW + minutes * MINUTE, everything=True)
        assert_nothing_wrong(sandbox, under.begun, NOW + minutes * MINUTE)
    theirs, ours = settled(sandbox, settings, under.begun, NOW + 17 * MINUTE)
    session.refresh_from_db()
    invoice.refresh_from_db()
    if (code, call, kind) in FOR_STAFF:  # and nobody pays a second time meanwhile
        issue, taken = FOR_STAFF[code, call, kind]
        assert (len(theirs), ours, session.status, invoice.open_balance) == (taken, [], "capturing", 0)
        assert ReconciliationIssue.objects.get(resolved_at=None).kind == issue
        return
    assert theirs == ours
    assert [amount for _, amount, _ in ours] == ([] if kind in NOT_TAKEN else [3940])
    assert (invoice.status, invoice.reserved_amount) == ("sent" if kind in NOT_TAKEN else "paid", 0)
    assert session.has_ended
    assert not ReconciliationIssue.objects.filter(resolved_at=None).exists()


@cells("cancel")
def test_ending(call, code, kind, after, invoice, sandbox, settings, stella, under):
    """Another payment closes the invoice: the card that is held, or the approved order, takes no money."""
    session = agreed(invoice, sandbox, code)
    promise = factories.a_promised_payment(invoice)
    operations.verify_manual_payment(payment=promise, at=NOW, staff=stella)
    schedule = under(call, code, kind, after)
    drain(at=NOW)
    assert schedule.dealt
    assert_nothing_wrong(sandbox, under.begun, NOW)
    session.refresh_from_db()
    waits = OutboxMessage.objects.filter(kind=CLOSED, status="waiting").exists()
    assert waits or session.has_ended
    assert settled(sandbox, settings, under.begun, NOW) == ([], [])
    session.refresh_from_db()
    assert session.status == "cancelled"
    assert not OutboxMessage.objects.exclude(status="done").exists()


def refund_when_not_found(code: str, reference: str, keys: list[str]) -> bool:
    """Send nine dollars back unless a refund of ours is there already, as `refund` asks for; whether it is
    known to be there."""
    provider = PROVIDERS[code]
    if any(made.key in keys and made.state != "failed" for made in provider.refunds(reference=reference)):
        return True
    keys.append(str(uuid4()))
    try:
        return provider.refund(reference=reference, amount=NINE, key=keys[-1]).key == keys[-1]
    except (ProviderUnavailable, ProviderRefused):
        return False


@cells("refund")
def test_refunding(call, code, kind, after, invoice, sandbox, settings, under):
    session = agreed(invoice, sandbox, code)
    complete(session)
    reference, keys = Payment.objects.get().reference, []
    schedule = under(call, code, kind, after)
    known = [refund_when_not_found(code, reference, keys) for _ in range(2)]
    assert schedule.dealt
    sandbox.faults, settings.PROVIDER_TIMEOUT = None, 20
    known += [refund_when_not_found(code, reference, keys) for _ in range(2)]
    assert known[-1]
    [made] = [one for one in PROVIDERS[code].refunds(reference=reference) if one.state != "failed"]
    assert (made.key in keys, made.amount, made.state) == (True, NINE, "done")
    moved = [(entry.kind, entry.amount) for entry in sandbox.ledger()[under.begun :]]
    assert moved == [("capture", 3940), ("refund", 940)]


# Controls: what the table would show if we were careless


@pytest.mark.control
@pytest.mark.parametrize("code", [STRIPE, PAYPAL])
def test_a_refund_that_nobody_looks_for_is_made_twice(code, invoice, sandbox, under):
    complete(agreed(invoice, sandbox, code))
    reference = Payment.objects.get().reference
    under("refund", code, "error_after", True)
    for _ in range(2):
        with pytest.raises(ProviderUnavailable):
            PROVIDERS[code].refund(reference=reference, amount=NINE, key=str(uuid4()))
    refunds = [entry.amount for entry in sandbox.ledger()[under.begun :] if entry.kind == "refund"]
    assert refunds == [940, 940]


@pytest.mark.control
def test_a_capture_that_is_taken_for_failed_is_lost(invoice, sandbox, settings, under, monkeypatch):
    honest = Stripe.capture

    def hasty(self, *, reference, amount, key):
        try:
            return honest(self, reference=reference, amount=amount, key=key)
        except ProviderUnavailable:
            return Observation(state=State.FAILED, reference=reference, status="canceled")

    monkeypatch.setattr(Stripe, "capture", hasty)
    session = agreed(invoice, sandbox)
    under("capture", STRIPE, "error_after", True)
    complete(session)
    theirs, ours = settled(sandbox, settings, under.begun, NOW)
    assert (len(theirs), ours) == (1, [])


# All at once


def pressed_until_open(invoice, code) -> PaymentSession:
    """The customer chooses a way to pay until it opens."""
    for _ in range(20):
        with suppress(Conflict):
            return factories.an_initiated_session(invoice, code)
    raise AssertionError("It never opened")


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_bad_day(seed, account, sandbox, settings, under):
    """Every kind but those that lie about amounts, on a third of all calls, whichever they are."""
    schedule = Schedule(
        seed, 0.35, [kind for kind in ALL if not kind.startswith("wrong_")], hold=3, delay=0.05
    )
    settings.PROVIDER_TIMEOUT = 0.3
    for code in (STRIPE, PAYPAL) * 12:
        invoice = factories.an_open_invoice(account)
        sandbox.faults = schedule
        session = pressed_until_open(invoice, code)
        sandbox.faults = None
        agree(session, sandbox)
        sandbox.faults = schedule
        complete(session)
        assert_nothing_wrong(sandbox, under.begun, NOW)
    operations.reconcile(at=NOW + 2 * MINUTE, everything=True)
    assert_nothing_wrong(sandbox, under.begun, NOW + 2 * MINUTE)
    assert len({dealt.kind for dealt in schedule.dealt}) > 5
    theirs, ours = settled(sandbox, settings, under.begun, NOW + 2 * MINUTE)
    assert theirs == ours
    assert len(ours) >= 12
    for forgotten in PaymentSession.objects.filter(status="capturing"):
        assert (forgotten.provider.code, forgotten.issues.get().kind) == (PAYPAL, "undecided")
