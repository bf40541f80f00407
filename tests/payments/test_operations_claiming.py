"""Before the money: what cannot be paid is not claimed, and who pays is remembered."""

import pytest

from core.audit import SYSTEM
from core.errors import Conflict
from invoices import operations as invoices
from payments import operations
from payments.models import Payment, PaymentSession
from payments.operations.completing import look_at
from tests import factories
from tests.books import assert_sound, refuses
from tests.factories import NOW, PAYPAL, STRIPE
from tests.payments.test_ending_sessions import intent_is
from tests.payments.test_operations_completing import agreed, complete, taken

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("the_clock")]


def pay_a_part(invoice, sandbox, amount):
    """Pay so many cents of an invoice with a card."""
    collection = factories.a_collection_over(invoice, amounts=[amount])
    session = collection.sessions.get(provider__code=STRIPE)
    session = operations.initiate_session(session=session, at=NOW, by=SYSTEM)
    sandbox.confirm_card(session.reference, "4242424242424242")
    assert complete(session).status == "succeeded"


def test_nothing_is_taken_for_an_invoice_that_was_cancelled(invoice, sandbox):
    """Its sessions end through the outbox, which has not run yet."""
    session = agreed(invoice, sandbox, STRIPE)
    invoices.cancel_invoice(invoice=invoice, at=NOW, staff=None, reason="Wrong address")
    with refuses(Conflict, "Invoice INV-2025-001 is cancelled"):
        complete(session)
    assert taken(sandbox, session) == []


def test_nothing_is_taken_when_less_is_open_than_the_session_covers(invoice, sandbox):
    session = agreed(invoice, sandbox, PAYPAL)
    pay_a_part(invoice, sandbox, 1000)
    with refuses(Conflict, "The open balance of invoice INV-2025-001 has changed"):
        complete(session)
    assert taken(sandbox, session) == []


def test_money_under_way_for_more_than_is_open_claims_nothing(invoice, sandbox):
    """It is looked at again; nobody can say yet whether it comes."""
    session = factories.an_initiated_session(invoice, STRIPE)
    pay_a_part(invoice, sandbox, 1000)
    intent_is(sandbox, session, status="processing")
    look_at(session=session, at=NOW, by=SYSTEM)
    session.refresh_from_db()
    invoice.refresh_from_db()
    assert (session.status, session.provider_status) == ("initiated", "processing")
    assert (invoice.paid_amount, invoice.reserved_amount) == (1000, 0)
    assert_sound()


def test_who_paid_is_remembered_when_somebody_else_completes(alice, invoice, sandbox):
    """The browser is gone, and reconciliation takes the money that its payer authorized."""
    session = factories.an_initiated_session(invoice, STRIPE, by=alice.actor)
    sandbox.confirm_card(session.reference, "4242424242424242")
    complete(session)
    assert PaymentSession.objects.get(pk=session.pk).payer == alice.user
    assert Payment.objects.get().payer == alice.user
