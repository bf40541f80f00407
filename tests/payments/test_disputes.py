"""Disputes: a webhook tells staff of one, since a deadline runs; and how providers list chargebacks."""

import json
from datetime import datetime, timedelta
from time import time

import pytest
from moneyed import Money

from core.outbox import drain
from payments import operations
from payments.models import Payment, ProviderEvent, ReconciliationIssue, Refund
from payments.providers import PROVIDERS
from payments.providers.base import Transaction
from payments.sandbox.webhooks import sign_stripe
from tests.books import assert_sound, unchanged
from tests.factories import NOW, PAYPAL, STRIPE
from tests.payments.faults import Fault
from tests.payments.test_operations_completing import agreed, complete
from tests.payments.test_provider_refunds import DAY, SECOND, apart, captured, moved, report, report_row
from tests.payments.test_providers import PRICE
from tests.payments.test_webhooks import deliver

__all__ = ["apart"]
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("the_clock")]
BOTH = pytest.mark.parametrize("code", [STRIPE, PAYPAL])
CREATED = {
    STRIPE: ["charge.dispute.created"],
    PAYPAL: ["CUSTOMER.DISPUTE.CREATED", "PAYMENT.CAPTURE.REVERSED"],
}
NINE = Money("9.40", "USD")
LATER = NOW + timedelta(hours=7)  # an event is not tried again by then


def webhooks_of(sandbox, types: list[str]):
    return [sandbox.signed_event(event) for event in sandbox.events() if event.type in types]


def disputed(code, invoice, sandbox) -> Payment:
    """A payment of ours; what earlier tests left at the provider is forgotten."""
    sandbox.store.clear()
    complete(agreed(invoice, sandbox, code))
    payment = Payment.objects.get()
    drain(at=NOW)
    sandbox.dispute_at_bank(payment.session.reference, 940)
    return payment


def parsed(body: dict, settings):
    text = json.dumps(body).encode()
    signature = sign_stripe(text, settings.STRIPE_WEBHOOK_SECRET, int(time()))
    return PROVIDERS[STRIPE].parse_webhook(headers={"Stripe-Signature": signature}, body=text)


# Webhooks


@BOTH
def test_staff_are_told_once(code, client, account, invoice, sandbox):
    payment = disputed(code, invoice, sandbox)
    deliveries = webhooks_of(sandbox, CREATED[code])
    assert len(deliveries) == len(CREATED[code])
    for delivery in deliveries * 2:
        assert deliver(client, delivery).status_code == 200
        drain(at=NOW)
    issue = ReconciliationIssue.objects.get()
    assert (issue.kind, issue.payment, issue.account, issue.amount, issue.currency) == (
        *("dispute", payment, account),
        *(3940, "USD"),
    )
    assert issue.known == (
        f"The payer disputes payment {payment.reference} of $39.40, or a part of it. Answer at "
        f"{payment.provider.name} before its deadline, or the money is lost. What is taken back is booked by "
        "the daily comparison."
    )
    assert set(ProviderEvent.objects.values_list("outcome", flat=True)) == {"disputed"}
    assert not Refund.objects.exists()
    assert_sound()


def test_another_dispute_after_the_first_was_settled_is_told(invoice, sandbox, client):
    disputed(STRIPE, invoice, sandbox)
    [event] = sandbox.events(type="charge.dispute.created")
    deliver(client, sandbox.signed_event(event))
    drain(at=NOW)
    ReconciliationIssue.objects.update(resolved_at=NOW)
    [first] = webhooks_of(sandbox, ["charge.dispute.created"])
    deliver(client, first)
    drain(at=NOW)
    assert ReconciliationIssue.objects.count() == 1, "the same event again"
    body = event.body.replace(event.id, "evt_another")
    deliver(client, sandbox.signed_event(event._replace(id="evt_another", body=body)))
    drain(at=NOW)
    assert ReconciliationIssue.objects.filter(resolved_at=None).count() == 1


@BOTH
def test_a_dispute_of_nobody_s_money_is_told(code, client, invoice, sandbox):
    """Of money without a session, which a comparison found."""
    payment = disputed(code, invoice, sandbox)
    Payment.objects.filter(pk=payment.pk).update(session=None, account=None, status="unassigned")
    type(payment.session).objects.filter(pk=payment.session_id).update(reference="another")
    [delivery, *_] = webhooks_of(sandbox, CREATED[code])
    deliver(client, delivery)
    drain(at=NOW)
    assert ReconciliationIssue.objects.get().payment == payment


@BOTH
def test_one_of_nothing_of_ours_changes_nothing(code, client, invoice, sandbox):
    payment = disputed(code, invoice, sandbox)
    Payment.objects.filter(pk=payment.pk).update(reference="another")
    type(payment.session).objects.filter(pk=payment.session_id).update(reference="another")
    for delivery in webhooks_of(sandbox, CREATED[code]):
        deliver(client, delivery)
    for event in ProviderEvent.objects.all():
        operations.process_event(event_id=event.pk, at=LATER)
    assert set(ProviderEvent.objects.values_list("outcome", flat=True)) == {"no payment session of ours"}
    assert not ReconciliationIssue.objects.exists()


def test_one_that_names_nothing(client, invoice, sandbox, settings):
    disputed(STRIPE, invoice, sandbox)
    [event] = sandbox.events(type="charge.dispute.created")
    body = json.loads(event.body)
    body["data"]["object"]["payment_intent"] = None
    assert parsed(body, settings).reference == ""
    deliver(client, sandbox.signed_event(event._replace(body=json.dumps(body))))
    drain(at=NOW)
    assert ProviderEvent.objects.get().outcome == "no payment session of ours"
    assert not ReconciliationIssue.objects.exists()


@BOTH
def test_a_forged_one_is_refused(code, client, invoice, sandbox):
    disputed(code, invoice, sandbox)
    with unchanged():
        for delivery in webhooks_of(sandbox, CREATED[code]):
            assert deliver(client, delivery, delivery.body.replace(b"9", b"8")).status_code == 400


def paypal_event(**changes) -> dict:
    return {"id": "WH-1", "event_type": "CUSTOMER.DISPUTE.UPDATED", "resource_type": "dispute", **changes}


@pytest.mark.parametrize(
    ("event", "reference"),
    [
        (paypal_event(resource={"disputed_transactions": [{}, {"seller_transaction_id": "C1"}]}), "C1"),
        (paypal_event(resource={"disputed_transactions": []}), ""),
        (paypal_event(resource={"dispute_id": "PP-D-1"}), ""),
        (
            paypal_event(
                event_type="PAYMENT.CAPTURE.REVERSED", resource_type="capture", resource={"id": "C1"}
            ),
            "C1",
        ),
        (
            paypal_event(
                event_type="PAYMENT.CAPTURE.REVERSED",
                resource_type="refund",
                resource={"id": "R1", "links": [{"rel": "up", "href": "https://x/v2/payments/captures/C1"}]},
            ),
            "C1",
        ),
    ],
)
def test_which_capture_paypal_means(event, reference, monkeypatch):
    monkeypatch.setattr("payments.providers.paypal.call", lambda *_, **__: {"verification_status": "SUCCESS"})
    names = ("Auth-Algo", "Cert-Url", "Transmission-Id", "Transmission-Sig", "Transmission-Time")
    headers = {f"Paypal-{name}": "x" for name in names}
    seen = PROVIDERS[PAYPAL].parse_webhook(headers=headers, body=json.dumps(event).encode())
    assert (seen.reference, seen.capture_reference) == ("", reference)


# The providers' lists


@BOTH
def test_both_ways_of_a_dispute_are_listed(code, sandbox, apart):
    seen = captured(code, sandbox)
    sandbox.win_dispute(sandbox.dispute_at_bank(seen.capture_reference, 940))
    there, back = (entry.transaction for entry in sandbox.ledger()[-2:])
    assert there != back
    found = sorted(moved(code, apart - DAY, apart + DAY), key=lambda one: one.kind)
    assert [one.kind for one in found] == ["capture", "chargeback", "reinstated"]
    day = apart.replace(microsecond=0)
    assert found[1:] == [
        Transaction("chargeback", there, NINE, day, seen.capture_reference),
        Transaction("reinstated", back, NINE, day, seen.capture_reference),
    ]


CHARGEBACK = {"value": "-9.40", "currency_code": "USD"}
AGAIN = {"value": "9.40", "currency_code": "USD"}


@pytest.mark.parametrize(
    ("code", "amount", "kind"),
    [
        ("T1106", CHARGEBACK, "chargeback"),
        ("T1201", CHARGEBACK, "chargeback"),
        ("T1202", AGAIN, "reinstated"),
        ("T1202", CHARGEBACK, "chargeback"),
        ("T1106", AGAIN, "reinstated"),
    ],
)
def test_how_paypal_s_report_calls_them(sandbox, line, code, amount, kind):
    row = {"transaction_event_code": code, "transaction_amount": amount, "transaction_id": "B"}
    line.always = [
        (
            "/v1/reporting",
            report(
                report_row(**row, paypal_reference_id="C1", paypal_reference_id_type="TXN"),
                report_row(**{**row, "transaction_id": "pending"}, transaction_status="P"),
                report_row(**{**row, "transaction_amount": {**amount, "value": "0.00"}}),
                {name: value for name, value in report_row(**row).items() if name != "paypal_reference_id"},
            ),
        )
    ]
    assert moved(PAYPAL, NOW - DAY, NOW + DAY) == [
        Transaction(kind, "B", NINE, SECOND, "C1"),
        Transaction(kind, "B", NINE, SECOND, ""),
    ]


def entry(**changes) -> dict:
    """An entry of Stripe's balance about a dispute; it was changed into the merchant's own currency."""
    dispute = {"id": "dp_1", "amount": 940, "currency": "usd", "payment_intent": "pi_1", "charge": "ch_1"}
    return {
        "id": "txn_1",
        "object": "balance_transaction",
        "type": "adjustment",
        "reporting_category": "dispute",
        "amount": -870,
        "currency": "eur",
        "created": int(NOW.timestamp()),
        "source": {"object": "dispute", **dispute, **changes.pop("source", {})},
        **changes,
    }


@pytest.mark.parametrize(
    ("changes", "kind", "units", "reference"),
    [
        ({}, "chargeback", 940, "pi_1"),
        ({"reporting_category": "dispute_reversal", "amount": 870}, "reinstated", 940, "pi_1"),
        ({"currency": "usd"}, "chargeback", 870, "pi_1"),  # less moved than was disputed
        ({"source": {"payment_intent": None}}, "chargeback", 940, "ch_1"),
        ({"amount": 0}, None, 0, ""),
        ({"reporting_category": "fee"}, None, 0, ""),
        ({"reporting_category": "refund_failure"}, None, 0, ""),
    ],
)
def test_what_stripe_s_balance_says_of_disputes(sandbox, line, changes, kind, units, reference):
    page = {
        "object": "list",
        "has_more": False,
        "url": "/v1/balance_transactions",
        "data": [entry(**changes)],
    }
    line.always = [("/v1/balance_transactions", Fault(200, json.dumps(page)))]
    day = datetime.fromtimestamp(int(NOW.timestamp()), NOW.tzinfo)
    money = Money(units, "USD") / 100
    expected = [Transaction(kind, "txn_1", money, day, reference)] if kind else []
    assert moved(STRIPE, NOW - DAY, NOW + DAY) == expected


@BOTH
def test_a_refund_in_the_same_list_is_still_a_refund(code, sandbox, apart):
    seen = captured(code, sandbox)
    sandbox.refund_at_dashboard(seen.capture_reference, 1000)
    sandbox.dispute_at_bank(seen.capture_reference)
    found = {one.kind: one.amount for one in moved(code, apart - DAY, apart + DAY)}
    assert found == {"capture": PRICE, "refund": Money(10, "USD"), "chargeback": Money("29.40", "USD")}
