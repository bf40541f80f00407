"""Before the money: what a payment covers, its sessions, and opening them at their providers."""

from datetime import timedelta
from uuid import UUID

import pytest

from accounts import operations as accounts
from core.audit import SYSTEM, AuditEntry
from core.errors import Conflict, NotFound
from core.outbox import drain
from invoices import operations as invoices
from invoices.models import Invoice
from payments import operations
from payments.models import PaymentCollection, PaymentProvider, PaymentSession, ProviderCall
from payments.operations.opening import begin_open
from tests import factories
from tests.books import assert_sound, refuses, unchanged
from tests.factories import MANUAL, NOW, PAYPAL, STRIPE
from tests.payments.faults import LOST_ANSWER, LOST_QUESTION, refused

pytestmark = pytest.mark.django_db
FORM = UUID("6f1c1e0e-5a0f-4a53-8f0c-0d9a4ce2a001")
DOWN = "Card is not available right now. Try again or choose another method"


@pytest.fixture(autouse=True)
def the_clock(time_machine):
    time_machine.move_to(NOW, tick=False)


@pytest.fixture
def invoice(account):
    return factories.an_open_invoice(account, account.line_items.get())


def start(account, alice, form_key=FORM, lines=None):
    lines = lines or [account.line_items.first()]
    return operations.start_payment(
        account=account,
        region=lines[0].region,
        line_item_ids=[line.pk for line in lines],
        form_key=form_key,
        at=NOW,
        by=alice.actor,
    )


def told(collection):
    return [
        (session.provider.code, session.status, session.is_selected)
        for session in collection.sessions.in_order()
    ]


# One form, one payment


def test_a_form_makes_an_invoice_and_opens_the_first_way_to_pay(account, alice, sandbox):
    collection = start(account, alice)
    invoice = Invoice.objects.get()
    assert (invoice.number, invoice.status, invoice.total_amount) == ("INV-2025-001", "sent", 3940)
    assert (collection.amount, collection.currency, collection.description) == (
        3940,
        "USD",
        "Invoice INV-2025-001",
    )
    assert told(collection) == [
        (STRIPE, "initiated", True),
        (PAYPAL, "created", False),
        (MANUAL, "created", False),
    ]
    assert collection.sessions.get(provider__code=STRIPE).payer == alice.user
    assert_sound()


def test_a_form_sent_twice_makes_one(account, alice, sandbox):
    first = start(account, alice)
    with unchanged():
        assert start(account, alice).pk == first.pk
    assert (Invoice.objects.count(), PaymentCollection.objects.count()) == (1, 1)


def test_another_form_is_another_payment_and_the_same_key_of_another_account_too(account, alice, sandbox):
    first = start(account, alice)
    more = factories.an_unpaid_order(account, "10.00", display_id="2")
    second = start(account, alice, UUID(int=7), [more])
    other = factories.an_account("Initech")
    third = start(other, alice, FORM, [factories.an_unpaid_order(other, display_id="3")])
    assert len({first.pk, second.pk, third.pk}) == 3
    assert [invoice.total_amount for invoice in Invoice.objects.order_by("pk")] == [3940, 1000, 3940]


def test_a_form_over_billed_charges_makes_nothing(account, alice, invoice):
    text = "Some line items were not found, are already paid, or are not from North America region"
    with refuses(Conflict, text, field="lineItemIds"):
        start(account, alice)


@pytest.mark.parametrize(
    ("down", "expected"),
    [
        (
            ["/v1/payment_intents"],
            [(STRIPE, "created", False), (PAYPAL, "initiated", True), (MANUAL, "created", False)],
        ),
        (
            ["/v1/payment_intents", "/v2/"],
            [(STRIPE, "created", False), (PAYPAL, "created", False), (MANUAL, "initiated", True)],
        ),
    ],
)
def test_a_provider_that_is_down_is_passed_over(account, alice, line, down, expected):
    line.always = [(path, refused(503)) for path in down]
    assert told(start(account, alice)) == expected
    assert_sound()


# Opening


def test_what_the_provider_is_told(account, invoice, sandbox, alice):
    session = factories.an_initiated_session(invoice, STRIPE, by=alice.actor)
    intent = sandbox.intent(session.reference)
    assert (intent["amount"], intent["currency"], intent["description"]) == (
        3940,
        "usd",
        "Invoice INV-2025-001",
    )
    assert intent["metadata"] == {"session": str(session.uuid), "account": str(account.pk)}
    assert intent["payment_method_options"] == {"card": {"capture_method": "manual"}}
    call = ProviderCall.objects.get()
    assert (call.kind, call.outcome, call.answered_at) == ("open", "opened", NOW)
    assert (session.status, session.payer, session.look_again_at) == (
        "initiated",
        alice.user,
        NOW + timedelta(minutes=2),
    )


@pytest.mark.parametrize("fault", [LOST_QUESTION, LOST_ANSWER, refused(500), refused(400)])
def test_a_failed_opening_is_a_conflict_and_the_next_try_asks_with_a_new_key(invoice, line, fault):
    line.next_calls = [("/v1/payment_intents", fault)]
    with pytest.raises(Conflict, match=DOWN):
        factories.an_initiated_session(invoice, STRIPE)
    session = PaymentSession.objects.get(provider__code=STRIPE)
    assert (session.status, session.reference, session.data) == ("created", "", {})
    assert session.is_selected
    again = factories.an_initiated_session(invoice, STRIPE)
    assert (again.pk, again.status) == (session.pk, "initiated")
    keys = [headers["Idempotency-Key"] for _, _, _, headers in line.seen]
    assert keys == [str(call.uuid) for call in ProviderCall.objects.order_by("pk")]
    assert len(set(keys)) == 2
    assert_sound()


def test_an_opening_that_died_is_asked_again_with_its_own_key(account, invoice, line):
    """The process ended after the call was written down: whatever the provider made is found again."""
    collection = operations.create_payment_sessions(invoice=invoice, at=NOW, by=SYSTEM)
    session = collection.sessions.select_related("provider").get(provider__code=STRIPE)
    with accounts.locked_account(account.pk):
        call = begin_open(session, at=NOW, by=SYSTEM)
    factories.an_initiated_session(invoice, STRIPE)
    assert [headers["Idempotency-Key"] for _, _, _, headers in line.seen] == [str(call.uuid)]
    assert ProviderCall.objects.count() == 1


def test_opening_again_answers_the_same_and_calls_nobody(invoice, line):
    first = factories.an_initiated_session(invoice, STRIPE)
    with unchanged():
        again = factories.an_initiated_session(invoice, STRIPE)
    assert (again.pk, again.reference, again.data) == (first.pk, first.reference, first.data)
    assert len(line.seen) == 1


def test_a_promise_is_opened_without_a_call(invoice, sandbox):
    calls = len(sandbox.calls)
    session = factories.an_initiated_session(invoice, MANUAL)
    assert session.data == {
        "instructions": f"Transfer $39.40 to Northwind Supply GmbH and quote INV-2025-001-{session.pk}. "
        "The invoice counts as paid once we have verified your payment.",
        "reference": f"INV-2025-001-{session.pk}",
    }
    assert len(sandbox.calls) == calls
    assert not ProviderCall.objects.exists()


@pytest.mark.parametrize("code", ["pp_acme", "", "pp_stripe_stripe\x00", "\ud800"])
def test_an_unknown_provider_is_refused(invoice, code):
    operations.create_payment_sessions(invoice=invoice, at=NOW, by=SYSTEM)
    text = "Payment provider not found or not installed"
    with refuses(NotFound, text, field="paymentProviderId"):
        factories.an_initiated_session(invoice, code)


def test_nothing_can_be_begun_on_a_closed_or_busy_invoice(account, stella):
    paid = factories.a_paid_invoice(account, stella)
    cancelled = factories.an_open_invoice(account)
    invoices.cancel_invoice(invoice=cancelled, at=NOW, staff=None, reason="Wrong")
    busy = factories.an_open_invoice(account)
    factories.a_promised_payment(busy)
    for invoice, text in [
        (paid, "Invoice INV-2025-001 is already paid"),
        (cancelled, "Invoice INV-2025-002 is cancelled"),
        (busy, "Invoice INV-2025-003 is awaiting the result of a payment"),
    ]:
        with refuses(Conflict, text):
            factories.an_initiated_session(invoice, STRIPE)
        with refuses(Conflict, text):
            operations.create_payment_sessions(invoice=invoice, at=NOW, by=SYSTEM)


def test_a_session_that_ended_cannot_be_opened(invoice):
    session = factories.an_initiated_session(invoice, MANUAL)
    PaymentSession.objects.filter(pk=session.pk).update(status="cancelled", ended_at=NOW)
    with refuses(Conflict, "This payment is no longer possible"):
        operations.initiate_session(session=session, at=NOW, by=SYSTEM)


# Collections and their sessions


def test_a_changed_balance_makes_a_new_collection_and_ends_the_old_sessions(invoice, sandbox):
    first = factories.an_initiated_session(invoice, STRIPE)
    Invoice.objects.filter(pk=invoice.pk).update(reserved_amount=940)
    second = factories.an_initiated_session(invoice, STRIPE)
    assert (second.amount, second.collection.amount) == (3000, 3000)
    assert second.collection_id != first.collection_id
    drain(at=NOW)
    statuses = PaymentSession.objects.order_by("pk").values_list("amount", "status")
    assert list(statuses) == [
        *[(3940, "cancelled")] * 3,
        (3000, "initiated"),
        (3000, "created"),
        (3000, "created"),
    ]
    assert sandbox.intent(first.reference)["status"] == "canceled"
    assert sandbox.intent(second.reference)["status"] == "requires_payment_method"


def test_sessions_that_ended_are_replaced(invoice):
    collection = operations.create_payment_sessions(invoice=invoice, at=NOW, by=SYSTEM)
    collection.sessions.filter(provider__code=STRIPE).update(status="cancelled", ended_at=NOW)
    again = operations.create_payment_sessions(invoice=invoice, at=NOW, by=SYSTEM)
    assert again.pk == collection.pk
    live = again.sessions.live().in_order()
    assert [session.provider.code for session in live] == [STRIPE, PAYPAL, MANUAL]
    assert again.sessions.count() == 4


def test_what_is_offered_is_installed_in_the_region_and_configured(invoice, settings):
    region = invoice.region
    assert [one.code for one in operations.offered_in(region.pk)] == [STRIPE, PAYPAL, MANUAL]
    settings.PAYPAL_CLIENT_SECRET = ""
    assert [one.code for one in operations.offered_in(region.pk)] == [STRIPE, MANUAL]
    PaymentProvider.objects.filter(code=MANUAL).update(is_installed=False)
    assert [one.code for one in operations.offered_in(region.pk)] == [STRIPE]
    PaymentProvider.objects.filter(code=STRIPE).update(code="pp_acme")
    assert operations.offered_in(region.pk) == []
    assert operations.offered_in(None) == []
    with refuses(Conflict, "No payment providers are available for this region"):
        operations.create_payment_sessions(invoice=invoice, at=NOW, by=SYSTEM)


def test_choosing_a_provider_opens_nothing(invoice):
    paypal = PaymentProvider.objects.get(code=PAYPAL)
    collection = operations.choose_provider(invoice=invoice, provider_id=paypal.pk, at=NOW, by=SYSTEM)
    assert told(collection) == [
        (STRIPE, "created", False),
        (PAYPAL, "created", True),
        (MANUAL, "created", False),
    ]
    text = "Payment provider not found or not installed"
    with refuses(NotFound, text, field="paymentProviderId"):
        operations.choose_provider(invoice=invoice, provider_id=0, at=NOW, by=SYSTEM)


def test_another_method_for_several_invoices(account, sandbox):
    pair = [factories.an_open_invoice(account), factories.an_open_invoice(account)]
    collection = factories.a_collection_over(*pair)
    for code in (STRIPE, MANUAL, STRIPE):
        session = operations.change_method(collection=collection, provider_code=code, at=NOW, by=SYSTEM)
        assert (session.amount, session.status, session.is_selected) == (7880, "initiated", True)
        assert collection.sessions.filter(is_selected=True).get() == session
    assert session.data["clientSecret"].startswith(session.reference)
    assert AuditEntry.objects.filter(action="paymentsession.initiated").count() == 2


def test_the_other_half_is_not_paid_by_the_session_that_pays_this_half(invoice):
    collection = factories.a_collection_over(invoice, amounts=[1970])
    first = collection.sessions.get(provider__code=MANUAL)
    operations.complete_payment(session=first, at=NOW, by=SYSTEM)
    second = factories.an_initiated_session(invoice, MANUAL)
    assert (second.pk == first.pk, second.status, second.amount) == (False, "initiated", 1970)
    assert operations.complete_payment(session=second, at=NOW, by=SYSTEM).status == "manual_pending"
    invoice.refresh_from_db()
    assert (invoice.reserved_amount, invoice.open_balance) == (3940, 0)
    assert_sound()
