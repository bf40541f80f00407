"""What a caller is told: the same for every door."""

import pytest

from invoices.models import Invoice
from payments.models import PaymentSession
from payments.operations.outcomes import PaymentOutcome, outcome_of


def session(status, amount=3940, currency="USD", said=""):
    return PaymentSession(status=status, amount=amount, currency=currency, provider_status=said)


def invoice(pk=1, status="sent"):
    return Invoice(pk=pk, number=f"INV-2025-00{pk}", status=status)


ONE, TWO = [invoice()], [invoice(), invoice(2)]
SUCCESSES = [
    ("succeeded", [invoice(status="paid")], "succeeded", "Invoice INV-2025-001 paid successfully"),
    (
        "succeeded",
        [invoice(status="paid"), invoice(2, "paid")],
        "succeeded",
        "2 invoices paid successfully",
    ),
    ("succeeded", ONE, "succeeded", "$39.40 paid on invoice INV-2025-001"),
    ("succeeded", TWO, "succeeded", "$39.40 paid on 2 invoices"),
    ("succeeded", [invoice(status="paid"), invoice(2)], "succeeded", "$39.40 paid on 2 invoices"),
    ("succeeded", [invoice(status="cancelled")], "succeeded", "$39.40 paid and kept as account credit"),
    (
        "pending_verification",
        ONE,
        "manual_pending",
        "Invoice INV-2025-001 is awaiting verification of your payment",
    ),
    (
        "pending_verification",
        TWO,
        "manual_pending",
        "2 invoices are awaiting verification of your payment",
    ),
    ("capturing", ONE, "processing", "Your payment is being processed"),
    ("capturing", TWO, "processing", "Your payment is being processed"),
]


@pytest.mark.parametrize(("status", "covered", "word", "message"), SUCCESSES)
def test_what_went_well(status, covered, word, message):
    assert outcome_of(session(status), covered) == PaymentOutcome(1, word, True, message, None)


@pytest.mark.parametrize(
    ("status", "said", "word"),
    [
        ("created", "", "requires_payment_method"),
        ("initiated", "", "requires_payment_method"),
        ("initiated", "requires_action", "requires_action"),
        ("initiated", "PAYER_ACTION_REQUIRED", "PAYER_ACTION_REQUIRED"),
        ("rejected", "", "rejected"),
        ("cancelled", "", "canceled"),
        ("cancelled", "requires_payment_method", "canceled"),
        ("failed", "expired", "canceled"),
    ],
)
def test_what_did_not(status, said, word):
    told = outcome_of(session(status, said=said), ONE)
    assert told == PaymentOutcome(1, word, False, None, f"Payment status: {word}")


def test_amounts_have_the_places_of_their_currency():
    assert outcome_of(session("succeeded", 1182, "JPY"), ONE).message == (
        "¥1,182 paid on invoice INV-2025-001"
    )


def test_every_status_has_an_answer():
    for status in PaymentSession.Status:
        told = outcome_of(session(status), ONE)
        assert told.success is (told.error is None) is (told.message is not None)
