"""Many at once: real processes, real connections. Each race has a negative control: the same race with the
protection off goes wrong, or the test would prove nothing."""

import time
from collections import Counter

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models import Max
from django.utils import timezone
from moneyed import Money

from accounts import operations as accounts
from accounts.models import Account, NumberSeries
from accounts.querysets import AccountQuerySet
from core.audit import SYSTEM
from core.errors import Conflict
from core.outbox import drain
from invoices import operations as invoices
from invoices.models import Invoice
from payments import operations
from payments.models import Payment, PaymentSession
from tests import cast, factories
from tests.books import assert_sound
from tests.documents import COMPLETE, CREATE_INVOICE
from tests.factories import MANUAL, PAYPAL, STRIPE
from tests.payments.racing import slowly, unlocked
from tests.payments.serving import at_once, serve, shared_database

__all__ = ["serve", "shared_database"]
CLIENTS = 8
WRITERS = 16
PAID = {"status": "succeeded", "success": True}
ON_ONE_WRITER = "SQLite lets one writer in at a time: there is no lock to take away"


@pytest.fixture
def globex(shared_database):
    """An account of today, in the database that the server reads too."""
    return factories.an_account("Globex", Money(100_000, "USD"))


@pytest.fixture
def token(globex):
    user = cast.alice(globex).user
    return accounts.create_token(user=user, name="races", at=timezone.now(), by=SYSTEM)[1]


@pytest.fixture
def without_locks(monkeypatch):
    if connection.vendor == "sqlite":
        pytest.skip(ON_ONE_WRITER)
    return lambda: monkeypatch.setattr(AccountQuerySet, "select_for_update", unlocked)


def needs_a_lock():
    if connection.vendor == "sqlite":
        pytest.skip(ON_ONE_WRITER)


def with_slow_writes(act):
    def slow():
        with connection.execute_wrapper(slowly):
            return act()

    return slow


# The same session, completed by many


@pytest.fixture
def slow_sandbox(sandbox, monkeypatch):
    """Its answer to a lookup travels so long that every other client could get past the claim meanwhile."""
    real = sandbox.answer

    def answer(call):
        given = real(call)
        if call.method == "GET":
            time.sleep(0.25)
        return given

    monkeypatch.setattr(sandbox, "answer", answer)
    return sandbox


def agreed_sessions(account, sandbox, *codes):
    sessions = []
    for code in codes:
        session = factories.an_initiated_session(factories.an_open_invoice(account), code)
        if code == STRIPE:
            sandbox.confirm_card(session.reference, "4242424242424242")
        elif code == PAYPAL:
            sandbox.approve_paypal(session.reference)
        sessions.append(session)
    return sessions


def complete_by_many(site, token, session):
    """The answers of eight clients who complete one session at once."""
    return at_once(*[lambda: site.graphql(token, COMPLETE, paymentSessionId=session.pk)] * CLIENTS)


def capture_keys(sandbox, session):
    """The keys of the captures that the provider was asked for."""
    path = f"{session.reference}/capture"
    return [call.idempotency_key for call in sandbox.calls if call.path.endswith(path)]


def test_a_session_completed_by_many_is_captured_and_paid_once(serve, globex, token, slow_sandbox):
    sandbox = slow_sandbox
    sessions = agreed_sessions(globex, sandbox, STRIPE, PAYPAL, STRIPE, PAYPAL, MANUAL)
    before = len(sandbox.ledger())
    with serve() as site:
        for session in sessions:
            for status, answer in complete_by_many(site, token, session):
                assert (status, "errors" in answer) == (200, False), answer
                told = answer["data"]["completeInvoicePayment"]
                assert told["success"] is True
                assert told["status"] in ("succeeded", "processing", "manual_pending")
            (status, answer) = site.graphql(token, COMPLETE, paymentSessionId=session.pk)
            promised = session.provider.code == MANUAL
            assert answer["data"]["completeInvoicePayment"]["status"] == (
                "manual_pending" if promised else "succeeded"
            )
            assert len(capture_keys(sandbox, session)) == (0 if promised else 1)
            assert Payment.objects.filter(session=session).count() == 1
        assert site.complaints() == []
    assert [entry.amount for entry in sandbox.ledger()[before:]] == [3940] * 4
    drain(at=timezone.now())
    assert_sound(timezone.now())


def test_control_without_lock_and_conditional_update_it_is_captured_by_several(
    serve, globex, token, slow_sandbox
):
    needs_a_lock()
    sandbox = slow_sandbox
    sessions = agreed_sessions(globex, sandbox, *[STRIPE] * 3)
    with serve(without="lock move") as site:
        for session in sessions:
            complete_by_many(site, token, session)
    assert max(len(capture_keys(sandbox, session)) for session in sessions) > 1


def test_browsers_webhooks_and_reconciliation_at_once(serve, globex, token, sandbox):
    sessions = agreed_sessions(globex, sandbox, STRIPE, PAYPAL, STRIPE)
    hints = [sandbox.signed_event(event) for event in sandbox.events()[-len(sessions) :]]
    before = len(sandbox.ledger())
    now = timezone.now()

    def look():
        operations.reconcile(at=now, everything=True)
        return 200, {}

    with serve() as site:
        for session, hint in zip(sessions, hints, strict=True):
            answers = at_once(
                *[lambda s=session: site.graphql(token, COMPLETE, paymentSessionId=s.pk)] * 4,
                *[lambda h=hint: site.post(h.path, h.body, **h.headers)] * 2,
                *[look] * 2,
            )
            assert [one for one in answers if isinstance(one, Exception)] == []
            assert {status for status, _ in answers} == {200}
            assert not any("errors" in answer for _, answer in answers)
        assert site.complaints() == []
    operations.reconcile(at=timezone.now(), everything=True)
    assert [entry.amount for entry in sandbox.ledger()[before:]] == [3940] * 3
    paid = Payment.objects.order_by("pk").values_list("session", "status", "amount")
    assert sorted(paid) == [(session.pk, "captured", 3940) for session in sessions]
    assert set(PaymentSession.objects.filter(pk__in=[s.pk for s in sessions]).values_list("status")) == {
        ("succeeded",)
    }
    drain(at=timezone.now())
    assert_sound(timezone.now())


# The same charge, put on two invoices


def bill_by_many(site, token, line):
    asked = {"accountId": line.account_id, "regionId": line.region_id, "lineItemIds": [str(line.pk)]}
    return at_once(*[lambda: site.graphql(token, CREATE_INVOICE, **asked)] * CLIENTS)


def outcomes(answers):
    return Counter(
        answer["errors"][0]["extensions"]["code"] if "errors" in answer else "made" for _, answer in answers
    )


def test_a_charge_billed_by_many_is_on_one_invoice(serve, globex, token):
    lines = [factories.an_unpaid_order(globex, display_id=str(n)) for n in range(4)]
    with serve() as site:
        for line in lines:
            answers = bill_by_many(site, token, line)
            assert {status for status, _ in answers} == {200}
            assert outcomes(answers) == {"made": 1, "CONFLICT": CLIENTS - 1}
        assert site.complaints() == []
    assert sorted(Invoice.objects.values_list("number", flat=True)) == [
        f"INV-{timezone.now().year}-{n:03d}" for n in range(1, 5)
    ]
    assert_sound(timezone.now())


def test_control_without_lock_and_index_it_is_on_several_and_the_index_alone_prevents_it(
    serve, globex, token
):
    needs_a_lock()
    lines = [factories.an_unpaid_order(globex, display_id=str(n)) for n in range(4)]
    with serve(without="lock") as site:
        with_index = [outcomes(bill_by_many(site, token, line)) for line in lines[:2]]
        unique = "ON invoices_invoicelineitem (account_line_item_id) WHERE is_live"
        with connection.cursor() as cursor:
            cursor.execute("DROP INDEX charge_on_one_live_invoice")
        try:
            without_index = [outcomes(bill_by_many(site, token, line)) for line in lines[2:]]
            billed = [line.invoice_lines.filter(is_live=True).count() for line in lines]
        finally:
            with connection.cursor() as cursor:
                cursor.execute("DELETE FROM invoices_invoicelineitem")
                cursor.execute(f"CREATE UNIQUE INDEX charge_on_one_live_invoice {unique}")
    assert [made["made"] for made in with_index] == [1, 1]
    assert sum(made["INTERNAL"] for made in with_index) > 0  # a bug's answer: the lock gives the proper one
    assert max(made["made"] for made in without_index) > 1
    assert billed[:2] == [1, 1]
    assert max(billed[2:]) > 1


# Numbers


class Undone(Exception):
    pass


def bill_as(writer, lines):
    """Bill each charge on an invoice of its own; every third is undone after it got its number."""

    def bill():
        failed = 0
        for place, line in enumerate(lines):
            try:
                with accounts.locked_account(writer.pk) as locked:
                    invoices.bill_line_items(
                        account=locked,
                        region=line.region,
                        line_item_ids=[line.pk],
                        at=factories.NOW,
                        by=SYSTEM,
                    )
                    if place % 3 == 2:
                        raise Undone
            except Undone:
                continue
            except IntegrityError:
                failed += 1
        return failed

    return with_slow_writes(bill)


def writers():
    """Sixteen accounts with three charges each: their own locks do not keep them apart."""
    made = []
    for number in range(WRITERS):
        account = factories.an_account(f"Company {number}")
        orders = [factories.an_unpaid_order(account, display_id=f"{number}-{n}") for n in range(3)]
        made.append(bill_as(account, orders))
    return made


def test_sixteen_writers_number_without_gap_or_twin(shared_database):
    assert at_once(*writers()) == [0] * WRITERS
    numbered = Invoice.objects.order_by("number_sequence").values_list("number_sequence", "number")
    assert list(numbered) == [(n, f"INV-2025-{n:03d}") for n in range(1, 2 * WRITERS + 1)]
    assert NumberSeries.objects.get(code="invoice", year=2025).last_number == 2 * WRITERS
    assert_sound()


def test_control_the_highest_number_and_one_gives_twins(shared_database, monkeypatch):
    needs_a_lock()

    def next_number(code, *, year):
        numbered = Invoice.objects.filter(number_year=year)
        return (numbered.aggregate(last=Max("number_sequence"))["last"] or 0) + 1

    made = writers()
    monkeypatch.setattr(accounts, "allot_number", next_number)
    assert sum(at_once(*made)) > 0  # the unique constraint refused the twins


# Who comes first


def charge_by_many(account):
    region = factories.a_region()
    return at_once(
        *[
            with_slow_writes(
                lambda: accounts.charge(
                    account_id=account.pk,
                    region=region,
                    amount=Money(300, "USD"),
                    description="An order",
                    at=factories.NOW,
                    by=SYSTEM,
                )
            )
        ]
        * CLIENTS
    )


def test_many_charges_at_once_do_not_pass_the_credit_limit(shared_database):
    account = factories.an_account()
    told = charge_by_many(account)
    refused = [one for one in told if isinstance(one, Conflict)]
    assert len(told) - len(refused) == 3
    assert {one.message for one in refused} == {"Charge of $300.00 exceeds the available credit of $100.00"}
    account.refresh_from_db()
    assert (account.total_amount, account.line_items.count()) == (90_000, 3)
    assert_sound()


def test_control_without_the_lock_they_pass_it(shared_database, without_locks):
    account = factories.an_account()
    without_locks()
    charge_by_many(account)
    assert account.line_items.count() > 3
    assert [one.number for one in operations.broken_invariants(at=factories.NOW)] != []


def test_verified_rejected_and_cancelled_at_once_one_is_done(shared_database):
    account, stella = factories.an_account(), cast.stella()
    for _ in range(3):
        invoice = factories.an_open_invoice(account)
        promise = factories.a_promised_payment(invoice)
        decide = {"payment": promise, "at": factories.NOW, "staff": stella}

        def verify(decide=decide):
            return operations.verify_manual_payment(**decide)

        def reject(decide=decide):
            return operations.reject_manual_payment(**decide, reason="Nothing came")

        def cancel(invoice=invoice):
            return invoices.cancel_invoice(invoice=invoice, at=factories.NOW, by=SYSTEM, reason="Wrong")

        told = at_once(*[with_slow_writes(act) for act in (verify, reject, verify, reject, cancel, cancel)])
        assert all(one is None or isinstance(one, Conflict) for one in told), told
        assert [one is None for one in told[:4]].count(True) == 1
        invoice.refresh_from_db()
        promise.refresh_from_db()
        assert (promise.status, invoice.status) in [
            ("captured", "paid"),
            ("failed", "sent"),
            ("failed", "cancelled"),
        ]
    drain(at=factories.NOW)
    assert_sound()


def test_two_series_of_a_new_year_begin_at_one(shared_database):
    def allot(year):
        def act():
            with transaction.atomic():
                return year, accounts.allot_number("invoice", year=year)

        return with_slow_writes(act)

    told = at_once(*[allot(2025 + n % 2) for n in range(WRITERS)])
    assert sorted(told) == [(year, n) for year in (2025, 2026) for n in range(1, WRITERS // 2 + 1)]
    assert Account.objects.count() == 0
