"""A provider's word about itself: only what it signed, byte for byte, and recently."""

import json
from time import time

import pytest
from django.http.request import HttpHeaders

from payments.providers import PROVIDERS
from payments.providers.base import BadSignature, ProviderEvent, ProviderUnavailable
from payments.sandbox.webhooks import Delivery, sign_stripe
from tests.factories import PAYPAL, STRIPE
from tests.payments.faults import LOST_QUESTION, Fault, refused
from tests.payments.test_providers import PRICE, authorized, outside

pytestmark = pytest.mark.django_db
KINDS = {STRIPE: "payment_intent.amount_capturable_updated", PAYPAL: "CHECKOUT.ORDER.APPROVED"}


@pytest.fixture
def signed(sandbox):
    """The signed event that a payer agreed to a payment, and the payment's reference."""

    def sign(code: str, **when: float) -> tuple[Delivery, str]:
        reference = authorized(code, sandbox)
        return sandbox.signed_event(sandbox.events(type=KINDS[code])[-1], **when), reference

    return sign


def parsed(code: str, delivery: Delivery, body: bytes | None = None, **changes: str) -> ProviderEvent:
    sent = {**delivery.headers, **changes}
    headers = HttpHeaders({f"HTTP_{name.upper().replace('-', '_')}": value for name, value in sent.items()})
    return PROVIDERS[code].parse_webhook(headers=headers, body=delivery.body if body is None else body)


@outside
def test_what_it_signed_is_a_hint_which_object_to_look_up(code, signed):
    delivery, reference = signed(code)
    seen = parsed(code, delivery)
    assert (seen.kind, seen.reference) == (KINDS[code], reference)
    assert seen.event_id == json.loads(delivery.body)["id"]


@outside
def test_no_byte_of_it_can_be_changed(code, signed):
    delivery, _ = signed(code)
    body = delivery.body
    for place in range(0, len(body), 23):
        changed = body[:place] + bytes([body[place] ^ 1]) + body[place + 1 :]
        with pytest.raises(BadSignature):
            parsed(code, delivery, changed)


def test_stripe_s_signature_is_worth_five_minutes(signed):
    for age, good in ((290, True), (310, False)):
        delivery, reference = signed(STRIPE, at=time() - age)
        if good:
            assert parsed(STRIPE, delivery).reference == reference
        else:
            with pytest.raises(BadSignature):
                parsed(STRIPE, delivery)


@outside
def test_another_secret_signs_for_nobody(code, signed, settings):
    delivery, _ = signed(code)
    for secret in ("whsec_other", ""):
        settings.STRIPE_WEBHOOK_SECRET = settings.PAYPAL_WEBHOOK_ID = secret
        with pytest.raises(BadSignature):
            parsed(code, delivery)


def test_without_a_secret_nobody_can_sign_with_none(signed, settings):
    delivery, _ = signed(STRIPE)
    settings.STRIPE_WEBHOOK_SECRET = ""
    with pytest.raises(BadSignature):
        parsed(STRIPE, delivery, **{"Stripe-Signature": sign_stripe(delivery.body, "", int(time()))})


@pytest.mark.parametrize("more", [b"\n", b" "])
def test_stripe_s_event_cannot_be_made_longer(signed, more):
    delivery, _ = signed(STRIPE)
    with pytest.raises(BadSignature):
        parsed(STRIPE, delivery, delivery.body + more)


def test_paypal_is_not_asked_about_what_nobody_can_have_signed(signed, line, settings):
    delivery, _ = signed(PAYPAL)
    with pytest.raises(BadSignature):
        parsed(PAYPAL, delivery, **{"PAYPAL-TRANSMISSION-ID": ""})
    settings.PAYPAL_WEBHOOK_ID = ""
    with pytest.raises(BadSignature):
        parsed(PAYPAL, delivery)
    assert line.calls("verify-webhook-signature") == 0


@outside
def test_the_signature_of_another_event_signs_for_nobody(code, signed):
    delivery, _ = signed(code)
    other, _ = signed(code)
    with pytest.raises(BadSignature):
        parsed(code, delivery, other.body)


@pytest.mark.parametrize(
    "header",
    ["PAYPAL-TRANSMISSION-ID", "PAYPAL-TRANSMISSION-TIME", "PAYPAL-TRANSMISSION-SIG", "PAYPAL-AUTH-ALGO"],
)
def test_nothing_that_paypal_signed_over_can_be_changed_or_left_out(signed, header):
    delivery, _ = signed(PAYPAL)
    for value in ("", "2026-01-01T00:00:00Z", "ä"):
        with pytest.raises(BadSignature):
            parsed(PAYPAL, delivery, **{header: value})


NO_EVENTS = [b"", b"{", b"[]", b"null", b'"x"', b"{}", b'{"id": "evt_1"}', b"\xff\xfe", b"[" * 100_000]
ODD = [
    {"id": "evt_1", "type": "x", "data": {"object": "pi_1"}},
    {"id": "evt_1", "type": "x", "data": []},
    {"id": "evt_1", "event_type": "x", "resource": "order", "resource_type": "checkout-order"},
    {"id": "evt_1", "event_type": "x", "resource": {"supplementary_data": 7}, "resource_type": "capture"},
]


@outside
@pytest.mark.parametrize("body", [*NO_EVENTS, *(json.dumps(event).encode() for event in ODD)])
def test_what_is_no_event_is_refused_though_it_is_signed(code, signed, body, settings):
    delivery, _ = signed(code)
    signature = sign_stripe(body, settings.STRIPE_WEBHOOK_SECRET, int(time())) if code == STRIPE else ""
    with pytest.raises(BadSignature):
        parsed(code, delivery, body, **({"Stripe-Signature": signature} if signature else {}))


def test_an_event_about_something_else_is_a_hint_at_nothing(settings):
    body = json.dumps(
        {"id": "evt_1", "type": "payout.paid", "data": {"object": {"id": "po_1", "object": "payout"}}}
    ).encode()
    signature = sign_stripe(body, settings.STRIPE_WEBHOOK_SECRET, int(time()))
    seen = PROVIDERS[STRIPE].parse_webhook(headers={"Stripe-Signature": signature}, body=body)
    assert seen == ProviderEvent(event_id="evt_1", kind="payout.paid", reference="")


def test_an_event_about_a_charge_points_at_its_payment(settings):
    thing = {"id": "ch_1", "object": "charge", "payment_intent": "pi_1"}
    body = json.dumps({"id": "evt_2", "type": "charge.refunded", "data": {"object": thing}}).encode()
    signature = sign_stripe(body, settings.STRIPE_WEBHOOK_SECRET, int(time()))
    seen = PROVIDERS[STRIPE].parse_webhook(headers={"Stripe-Signature": signature}, body=body)
    assert (seen.reference, seen.capture_reference) == ("pi_1", "pi_1")


def test_a_paypal_capture_points_at_its_order(sandbox):
    reference = authorized(PAYPAL, sandbox)
    PROVIDERS[PAYPAL].capture(reference=reference, amount=None, key=f"capture-{reference}")
    event = sandbox.events(type="PAYMENT.CAPTURE.COMPLETED")[-1]
    assert parsed(PAYPAL, sandbox.signed_event(event)).reference == reference


def test_paypal_is_asked_about_the_very_bytes_it_sent(signed, line):
    delivery, _ = signed(PAYPAL)
    spaced = delivery.body.replace(b'{"', b'{ "', 1)
    parsed(PAYPAL, delivery, spaced)  # the same event, otherwise written
    (asked,) = [body for _, path, body, _ in line.seen if path.endswith("verify-webhook-signature")]
    assert spaced in asked


@pytest.mark.parametrize("fault", [LOST_QUESTION, refused(500), refused(429), Fault(200, "<html>")])
def test_when_paypal_cannot_be_asked_nothing_is_decided(signed, line, fault):
    delivery, _ = signed(PAYPAL)
    line.always = [("verify-webhook-signature", fault)]
    with pytest.raises(ProviderUnavailable):
        parsed(PAYPAL, delivery)


@pytest.mark.parametrize("fault", [refused(400), refused(422), Fault(200, "{}")])
def test_a_signature_that_paypal_cannot_read_is_none(signed, line, fault):
    delivery, _ = signed(PAYPAL)
    line.always = [("verify-webhook-signature", fault)]
    with pytest.raises(BadSignature):
        parsed(PAYPAL, delivery)


@outside
def test_a_refund_points_at_its_capture(code, sandbox):
    reference = authorized(code, sandbox)
    paid = PROVIDERS[code].capture(reference=reference, amount=PRICE, key=f"capture-{reference}")
    sandbox.refund_at_dashboard(paid.capture_reference, 940)
    event = sandbox.events(type="charge.refunded" if code == STRIPE else "PAYMENT.CAPTURE.REFUNDED")[-1]
    seen = parsed(code, sandbox.signed_event(event))
    assert seen.capture_reference == paid.capture_reference
    assert seen.reference == (reference if code == STRIPE else "")
