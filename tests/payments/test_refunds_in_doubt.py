"""Refunds that the provider does late, not or otherwise than it was asked, and what staff hear of them."""

from datetime import timedelta
from unittest.mock import Mock

import pytest
from moneyed import Money

from core.audit import SYSTEM
from payments import operations
from payments.models import Payment, ReconciliationIssue, Refund
from payments.operations.reconciling import reconcile
from payments.operations.refunding import pursue, settle_refund
from payments.providers import PROVIDERS
from payments.providers.base import ProviderRefused, Refunded
from payments.providers.stripe import Stripe
from tests import factories
from tests.books import assert_sound, unchanged
from tests.factories import NOW, PAYPAL, STRIPE
from tests.payments.faults import LOST_ANSWER, Fault, refused
from tests.payments.test_operations_completing import agreed, complete

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("the_clock")]
MINUTE = timedelta(minutes=1)
DAY = 24 * 60
TEN = Money("10.00", "USD")


@pytest.fixture
def by_card(invoice, sandbox) -> Payment:
    complete(agreed(invoice, sandbox, STRIPE))
    return Payment.objects.get()


@pytest.fixture
def by_paypal(invoice, sandbox) -> Payment:
    complete(agreed(invoice, sandbox, PAYPAL))
    return Payment.objects.get()


def refund(payment, staff, amount=1000, *, at=NOW) -> Refund:
    return operations.refund_payment(payment=payment, amount=amount, reason="Damaged", at=at, staff=staff)


def stripe_answers(monkeypatch, state, amount=TEN, reference="re_1") -> None:
    """What Stripe says when a refund is asked for."""

    def answer(self, *, key, **_) -> Refunded:
        return Refunded(reference, amount, state, key)

    monkeypatch.setattr(Stripe, "refund", answer)


def stripe_lists(monkeypatch, *known: Refunded) -> None:
    monkeypatch.setattr(Stripe, "refunds", lambda self, **_: list(known))


def still_open() -> list[str]:
    return [one.known for one in ReconciliationIssue.objects.filter(resolved_at=None)]


# Asking


@pytest.mark.parametrize("code", [STRIPE, PAYPAL])
def test_the_provider_knows_it_by_its_uuid(invoice, sandbox, stella, code):
    complete(agreed(invoice, sandbox, code))
    payment = Payment.objects.get()
    made = refund(payment, stella)
    known = PROVIDERS[code].refunds(reference=payment.reference)
    assert known == [Refunded(made.reference, TEN, "done", str(made.uuid))]


def test_what_the_provider_did_is_found_and_not_asked_for_again(by_paypal, sandbox, line, stella):
    before = len(sandbox.ledger())
    line.always = [("/refund", LOST_ANSWER)]
    made = refund(by_paypal, stella)
    assert (made.status, [one.amount for one in sandbox.ledger()[before:]]) == ("requested", [1000])
    line.always = []
    reconcile(at=NOW + 2 * MINUTE)
    made.refresh_from_db()
    assert (made.status, line.calls("/refund")) == ("done", 1)
    assert_sound()


def test_a_refusal_of_what_it_did_meanwhile_is_no_refusal(by_paypal, line, stella):
    line.next_calls = [("/refund", refused(422, after=True))]
    assert refund(by_paypal, stella).status == "done"
    assert still_open() == []
    assert_sound()


def test_a_refused_look_says_nothing_of_the_refund(by_card, line, stella):
    line.always = [("refund", refused(400))]
    assert refund(by_card, stella).status == "requested"
    assert operations.left_of(by_card) == 2940


def test_it_is_looked_at_ever_more_rarely(by_card, line, stella):
    line.always = [("refund", Fault(500))]
    made, seen = refund(by_card, stella), []
    for minutes in (2, 5, 15, 60, 61):
        reconcile(at=NOW + minutes * MINUTE)
        made.refresh_from_db()
        seen.append((made.look_again_at - NOW) // MINUTE)
    assert seen == [5, 15, 60, 60 + DAY, 60 + DAY]


# Answers


def test_pending_is_not_done(by_card, stella, monkeypatch):
    stripe_answers(monkeypatch, "pending")
    made = refund(by_card, stella)
    by_card.refresh_from_db()
    assert (made.status, made.outcome, by_card.status) == ("requested", "pending", "captured")
    stripe_lists(monkeypatch, Refunded("re_1", TEN, "done", str(made.uuid)))
    reconcile(at=NOW + 2 * MINUTE)
    made.refresh_from_db()
    by_card.refresh_from_db()
    assert (made.status, made.reference, by_card.status) == ("done", "re_1", "partially_refunded")
    assert_sound()


def test_another_amount_than_was_asked_for_is_left_to_staff(by_card, stella, monkeypatch):
    twenty = Money("20.00", "USD")
    stripe_answers(monkeypatch, "done", twenty)
    made = refund(by_card, stella)
    assert made.status == "requested"
    assert ["20.00 back instead." in known for known in still_open()] == [True]
    stripe_lists(monkeypatch, Refunded("re_1", twenty, "done", str(made.uuid)))
    with unchanged():
        assert operations.find_refunds(payment=by_card, at=NOW) == 0, "ours is no foreign one"


def test_what_is_left_to_staff_is_not_looked_at_every_minute(by_card, stella, monkeypatch):
    stripe_answers(monkeypatch, "done", Money("20.00", "USD"))
    refund(by_card, stella)
    asked = [reconcile(at=NOW + minutes * MINUTE).refunds for minutes in range(2, 17)]
    assert [minutes for minutes, count in enumerate(asked, start=2) if count] == [2, 5, 15]


def test_what_ended_is_not_ended_again(by_card, stella):
    made = refund(by_card, stella)
    seen = Refunded(made.reference, TEN, "done", str(made.uuid))
    with unchanged():
        assert settle_refund(refund=made, seen=seen, outcome="done", at=NOW, by=SYSTEM).status == "done"
        assert pursue(refund=made, at=NOW).status == "done"


def test_one_that_is_undecided_beside_one_that_is_done(by_paypal, line, stella):
    line.always = [("/refund", Fault(500))]
    refund(by_paypal, stella, 1000)
    reconcile(at=NOW + 15 * MINUTE)
    line.always = []
    assert refund(by_paypal, stella, 2940, at=NOW + 16 * MINUTE).status == "done"
    by_paypal.refresh_from_db()
    assert by_paypal.status == "partially_refunded"
    assert ["has not decided" in known for known in still_open()] == [True]
    assert_sound()
    reconcile(at=NOW + 60 * MINUTE)
    by_paypal.refresh_from_db()
    assert (by_paypal.status, still_open()) == ("refunded", [])
    assert_sound()


# What staff hear


def test_staff_hear_that_it_failed_after_a_long_silence(by_card, line, stella, monkeypatch):
    line.always = [("refund", Fault(500))]
    made = refund(by_card, stella)
    reconcile(at=NOW + 15 * MINUTE)
    assert ["has not decided" in known for known in still_open()] == [True]
    line.always = []
    monkeypatch.setattr(Stripe, "refund", Mock(side_effect=ProviderRefused("Stripe: charge_disputed")))
    reconcile(at=NOW + 60 * MINUTE)
    made.refresh_from_db()
    assert made.status == "failed"
    assert ["did not send it back" in known for known in still_open()] == [True]


def test_every_payment_has_an_issue_of_its_own(by_card, account, sandbox, stella, monkeypatch):
    complete(agreed(factories.an_open_invoice(account), sandbox, STRIPE))
    monkeypatch.setattr(Stripe, "refund", Mock(side_effect=ProviderRefused("Stripe: charge_disputed")))
    for payment in Payment.objects.all():
        refund(payment, stella)
    assert set(ReconciliationIssue.objects.values_list("payment", flat=True)) == set(
        Payment.objects.values_list("pk", flat=True)
    )


# Made at the provider, without us


def test_a_foreign_refund_is_booked_once_and_when_it_is_done(by_card, monkeypatch):
    stripe_lists(monkeypatch, Refunded("re_2", TEN, "pending"), Refunded("re_3", TEN, "failed"))
    with unchanged():
        assert operations.find_refunds(payment=by_card, at=NOW) == 0
    stripe_lists(monkeypatch, Refunded("re_2", TEN, "done"), Refunded("re_3", TEN, "failed"))
    assert operations.find_refunds(payment=by_card, at=NOW) == 1
    with unchanged():
        assert operations.find_refunds(payment=by_card, at=NOW) == 0
    assert [(one.reference, one.amount) for one in Refund.objects.all()] == [("re_2", 1000)]
    assert_sound()
