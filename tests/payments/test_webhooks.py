"""Webhooks through HTTP: a signed hint is stored once and answered at once, all else is refused."""

import json
from datetime import timedelta

import pytest

from core import outbox
from core.audit import AuditEntry
from core.outbox import OutboxMessage, drain
from invoices import operations as invoices
from payments import operations
from payments.models import Payment, PaymentSession, ProviderEvent
from payments.sandbox.webhooks import sign_stripe
from tests import factories
from tests.books import assert_sound, unchanged
from tests.factories import NOW, PAYPAL, STRIPE
from tests.payments.callers import stripe_client
from tests.payments.faults import LOST_QUESTION, refused

pytestmark = pytest.mark.django_db
GOOD = "4242424242424242"
PATHS = {STRIPE: "/webhooks/stripe", PAYPAL: "/webhooks/paypal"}
both = pytest.mark.parametrize("code", [STRIPE, PAYPAL])


@pytest.fixture(autouse=True)
def _clock(time_machine):
    time_machine.move_to(NOW, tick=False)


@pytest.fixture
def invoice(account):
    return factories.an_open_invoice(account, account.line_items.get())


def agreed(invoice, sandbox, code=STRIPE):
    """A session whose payer agreed at the provider, and the provider's signed word about it."""
    session = factories.an_initiated_session(invoice, code)
    if code == STRIPE:
        sandbox.confirm_card(session.reference, GOOD)
    else:
        sandbox.approve_paypal(session.reference)
    return session, sandbox.signed_event(sandbox.events()[-1])


def deliver(client, delivery, body=None, **changes):
    return client.post(
        delivery.path,
        delivery.body if body is None else body,
        content_type="application/json",
        headers={**delivery.headers, **changes},
    )


def told(response):
    return response.status_code, response.json()


@both
def test_a_hint_is_stored_once_and_the_payment_is_taken_without_a_browser(code, client, invoice, sandbox):
    session, delivery = agreed(invoice, sandbox, code)
    assert told(deliver(client, delivery)) == (200, {"received": True, "new": True})
    event = ProviderEvent.objects.get()
    assert (event.provider.code, event.event_id) == (code, json.loads(delivery.body)["id"])
    assert (event.reference, event.received_at, event.processed_at) == (session.reference, NOW, None)
    assert not Payment.objects.exists()  # a webhook is answered before anything is done
    assert_sound()
    assert drain(at=NOW) >= 1
    session.refresh_from_db()
    invoice.refresh_from_db()
    event.refresh_from_db()
    assert (session.status, invoice.status, event.processed_at, event.outcome) == (
        "succeeded",
        "paid",
        NOW,
        "succeeded",
    )
    move = AuditEntry.objects.get(action="paymentsession.succeeded")
    assert (move.actor_kind, move.actor_id, move.actor_label) == (
        "event",
        event.event_id,
        f"{code} {event.kind}",
    )
    drain(at=NOW)
    assert_sound()


@both
def test_duplicates_are_stored_once_and_do_nothing(code, client, invoice, sandbox):
    _, delivery = agreed(invoice, sandbox, code)
    deliver(client, delivery)
    for _ in range(3):
        with unchanged():
            assert told(deliver(client, delivery)) == (200, {"received": True, "new": False})
    drain(at=NOW)
    drain(at=NOW)
    with unchanged():
        deliver(client, delivery)
        operations.process_event(event_id=ProviderEvent.objects.get().pk, at=NOW)
    assert Payment.objects.count() == 1


@both
def test_a_forged_hint_is_refused_and_nothing_is_stored(code, client, invoice, sandbox):
    _, delivery = agreed(invoice, sandbox, code)
    signature = "Stripe-Signature" if code == STRIPE else "PAYPAL-TRANSMISSION-SIG"
    changed = (
        delivery.body.replace(b"3940", b"1") if code == STRIPE else delivery.body.replace(b"39.40", b"1")
    )
    with unchanged():
        for answer in (
            deliver(client, delivery, **{signature: "t=1,v1=forged"}),
            deliver(client, delivery, **{signature: ""}),
            deliver(client, delivery, changed),
            deliver(client, delivery, b"{"),
            client.post(PATHS[code], delivery.body, content_type="application/json"),
        ):
            assert told(answer) == (400, {"error": "signature"})


@pytest.mark.control
@both
def test_without_the_signature_a_forged_hint_is_stored(code, client, invoice, sandbox, monkeypatch):
    _, delivery = agreed(invoice, sandbox, code)
    monkeypatch.setattr("stripe.WebhookSignature.verify_header", lambda *_: True)
    monkeypatch.setattr("payments.providers.paypal.call", lambda *_, **__: {"verification_status": "SUCCESS"})
    signature = "Stripe-Signature" if code == STRIPE else "PAYPAL-TRANSMISSION-SIG"
    answer = deliver(client, delivery, **{signature: "t=1,v1=forged"})
    assert (answer.status_code, ProviderEvent.objects.count()) == (200, 1)


def test_an_old_hint_is_refused(client, invoice, sandbox):
    _, delivery = agreed(invoice, sandbox)
    signature = sign_stripe(delivery.body, "whsec_sandbox", int(NOW.timestamp()) - 301)
    with unchanged():
        assert deliver(client, delivery, **{"Stripe-Signature": signature}).status_code == 400


SIGNED_HEADERS = ("Auth-Algo", "Cert-Url", "Transmission-Id", "Transmission-Sig", "Transmission-Time")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "utf-8-sig", "latin-1"])
def test_a_hint_in_another_encoding_that_paypal_did_not_sign(client, account, sandbox, encoding):
    event = {"id": "WH-1", "event_type": "ä", "resource_type": "checkout-order", "resource": {"id": "O-1"}}
    body = json.dumps(event, ensure_ascii=False).encode(encoding)
    headers = {f"Paypal-{name}": "x" for name in SIGNED_HEADERS}
    with unchanged():
        answer = client.post(PATHS[PAYPAL], body, content_type="application/json", headers=headers)
    assert told(answer) == (400, {"error": "signature"})
    assert not ProviderEvent.objects.exists()


@both
def test_what_is_no_hint_at_all(code, client, account, sandbox):
    with unchanged():
        assert client.get(PATHS[code]).status_code == 405
        assert client.put(PATHS[code]).status_code == 405
        large = client.post(PATHS[code], b"x" * (256 * 1024 + 1), content_type="application/json")
        assert told(large) == (413, {"error": "too large"})
        assert client.post(PATHS[code], b"", content_type="application/json").status_code == 400


def test_a_provider_that_is_not_installed(client, account, sandbox):
    factories.PaymentProvider.objects.all().delete()
    with unchanged():
        answer = client.post(PATHS[STRIPE], b"{}", content_type="application/json")
    assert told(answer) == (404, {"error": "Payment provider not found or not installed"})


def test_no_cookie_or_token_is_needed_and_no_csrf_token(client, invoice, sandbox):
    _, delivery = agreed(invoice, sandbox)
    client.handler.enforce_csrf_checks = True
    assert deliver(client, delivery).status_code == 200


@pytest.mark.parametrize("fault", [LOST_QUESTION, refused(500), refused(429)])
def test_when_paypal_cannot_be_asked_the_hint_must_come_again(client, invoice, sandbox, line, fault):
    _, delivery = agreed(invoice, sandbox, PAYPAL)
    line.always = [("verify-webhook-signature", fault)]
    with unchanged():
        assert told(deliver(client, delivery)) == (503, {"error": "cannot verify now"})
    line.always = []
    assert deliver(client, delivery).status_code == 200


def test_a_hint_that_came_before_its_session_was_stored_is_tried_again(client, invoice, sandbox):
    session, delivery = agreed(invoice, sandbox)
    PaymentSession.objects.filter(pk=session.pk).update(reference="")
    deliver(client, delivery)
    assert drain(at=NOW) == 0
    message = OutboxMessage.objects.get(kind="payments.event")
    assert (message.status, message.last_error) == ("waiting", "NoSessionYet")
    PaymentSession.objects.filter(pk=session.pk).update(reference=session.reference)
    assert drain(at=NOW + outbox.BACK_OFF[0]) >= 1
    assert ProviderEvent.objects.get().outcome == "succeeded"
    assert Payment.objects.count() == 1


def test_a_hint_at_a_payment_that_is_nobody_s_is_put_away_after_hours(client, account, sandbox):
    client_of_another_shop = stripe_client(sandbox)
    intent = client_of_another_shop.payment_intents.create({"amount": 500, "currency": "usd"})
    sandbox.confirm_card(intent.id, GOOD)
    factories.a_region()
    deliver(client, sandbox.signed_event(sandbox.events()[-1]))
    for hours in range(6):
        drain(at=NOW + timedelta(hours=hours))
        assert ProviderEvent.objects.get().processed_at is None
    drain(at=NOW + timedelta(hours=8))
    event = ProviderEvent.objects.get()
    assert event.outcome == "no payment session of ours"
    assert OutboxMessage.objects.get().status == "done"
    assert not Payment.objects.exists()


def test_a_hint_at_nothing_is_put_away_at_once(client, account, sandbox):
    factories.a_region()
    thing = {"id": "po_1", "object": "payout"}
    body = json.dumps({"id": "evt_1", "type": "payout.paid", "data": {"object": thing}}).encode()
    signature = sign_stripe(body, "whsec_sandbox", int(NOW.timestamp()))
    answer = client.post(
        PATHS[STRIPE], body, content_type="application/json", headers={"Stripe-Signature": signature}
    )
    assert answer.status_code == 200
    assert drain(at=NOW) == 1
    assert ProviderEvent.objects.get().outcome == "no payment session of ours"


def test_a_hint_while_the_provider_is_down_is_tried_again(client, invoice, sandbox, line):
    session, delivery = agreed(invoice, sandbox)
    deliver(client, delivery)
    line.always = [("payment_intents", refused(503))]
    assert drain(at=NOW) == 0
    line.always = []
    assert drain(at=NOW + outbox.BACK_OFF[0]) >= 1
    session.refresh_from_db()
    assert session.status == "succeeded"


def test_a_hint_for_an_invoice_that_somebody_else_is_paying_waits_for_reconciliation(
    client, invoice, sandbox, stella
):
    session, delivery = agreed(invoice, sandbox)
    promise = factories.a_promised_payment(invoice)
    deliver(client, delivery)
    assert drain(at=NOW) == 2  # the hint, and the letter about the promise
    event = ProviderEvent.objects.get()
    assert (event.outcome, event.processed_at) == (
        "Invoice INV-2025-001 is awaiting the result of a payment",
        NOW,
    )
    assert sandbox.intent(session.reference)["status"] == "requires_capture"
    operations.reject_manual_payment(payment=promise, at=NOW, staff=stella, reason="Nothing came")
    operations.reconcile(at=NOW + timedelta(minutes=2))
    session.refresh_from_db()
    assert session.status == "succeeded"
    assert_sound()


def test_hints_in_any_order_have_one_effect(client, invoice, sandbox):
    session, first = agreed(invoice, sandbox)
    stripe_client(sandbox).payment_intents.capture(session.reference)
    second = sandbox.signed_event(sandbox.events()[-1])
    for delivery in (second, first, second, first):
        deliver(client, delivery)
    drain(at=NOW)
    assert ProviderEvent.objects.count() == 2
    assert [payment.amount for payment in Payment.objects.all()] == [3940]
    drain(at=NOW)
    assert_sound()


def test_a_hint_that_comes_too_late_finds_the_money_all_the_same(client, invoice, sandbox):
    session, delivery = agreed(invoice, sandbox)
    stripe_client(sandbox).payment_intents.capture(session.reference)
    invoices.cancel_invoice(invoice=invoice, at=NOW, staff=None, reason="Wrong")
    deliver(client, delivery)
    drain(at=NOW)
    assert Payment.objects.get().credits.get().amount == 3940
    drain(at=NOW)
    assert_sound()


def test_a_decline_is_told_too(client, invoice, sandbox):
    session = factories.an_initiated_session(invoice, STRIPE)
    sandbox.confirm_card(session.reference, "4000000000000002")
    deliver(client, sandbox.signed_event(sandbox.events()[-1]))
    drain(at=NOW)
    session.refresh_from_db()
    assert (session.status, session.provider_status, session.decline_reason) == (
        "initiated",
        "requires_payment_method",
        "generic_decline",
    )
    assert_sound()


@both
def test_a_late_hint_at_what_ended_here_and_is_forgotten_there_is_done_with(code, client, invoice, sandbox):
    session, delivery = agreed(invoice, sandbox, code)
    invoices.cancel_invoice(invoice=invoice, at=NOW, staff=None, reason="A mistake")
    drain(at=NOW)
    sandbox.store.forget("order" if code == PAYPAL else "payment_intent", session.reference)
    deliver(client, delivery)
    drain(at=NOW)
    assert ProviderEvent.objects.get().outcome == "canceled"
    assert not OutboxMessage.objects.exclude(status="done").exists()
    session.refresh_from_db()
    assert session.status == "cancelled"


def test_an_event_that_was_processed_is_not_looked_at_again(client, invoice, sandbox):
    _, delivery = agreed(invoice, sandbox)
    deliver(client, delivery)
    drain(at=NOW)
    asked = len(sandbox.calls)
    with unchanged():
        operations.process_event(event_id=ProviderEvent.objects.get().pk, at=NOW + timedelta(minutes=1))
    assert len(sandbox.calls) == asked
