"""A backup taken while customers pay, restored as docs/operating.md says: the copy is sound, the providers
tell what it missed, and nothing that was given out since is given out again."""

from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Semaphore

import pytest
from django.db import connection
from django.utils import timezone
from moneyed import Money

from accounts.models import Account
from core.audit import SYSTEM
from core.outbox import drain
from invoices.models import Invoice
from payments import operations
from payments.models import Payment, PaymentSession, ProviderCall, ReconciliationIssue
from payments.sandbox.server import Sandbox
from tests import factories
from tests.books import assert_sound
from tests.factories import PAYPAL, STRIPE
from tests.operating.databases import back_up, looking_at, manage, restored
from tests.payments.conftest import line
from tests.payments.faults import LOST_ANSWER
from tests.payments.serving import shared_database

__all__ = ["line", "shared_database"]
WRITERS = 4
ROUNDS = 2  # payments of each writer before the backup begins, and again after it ended
PRICE = 3940


@dataclass
class Shop:
    """Customers, and the sandbox that takes their money."""

    sandbox: Sandbox
    made: int = 0

    def __post_init__(self):
        self.calls_before = len(self.sandbox.calls)

    def invoice(self, account):
        self.made += 1
        name = f"{account.pk}-{self.made}-{timezone.now():%f}"
        return factories.an_open_invoice(
            account,
            factories.an_unpaid_order(account, display_id=name, at=timezone.now()),
            at=timezone.now(),
        )

    def authorized(self, invoice, code):
        """A session whose payer has agreed."""
        session = factories.an_initiated_session(invoice, code, at=timezone.now())
        if code == STRIPE:
            self.sandbox.confirm_card(session.reference, "4242424242424242")
        else:
            self.sandbox.approve_paypal(session.reference)
        return session

    def complete(self, session):
        return operations.complete_payment(session=session, at=timezone.now(), by=SYSTEM)

    def sell(self, account, code=STRIPE):
        done = self.complete(self.authorized(self.invoice(account), code))
        assert done.status == "succeeded", done


@pytest.fixture
def shop(shared_database, sandbox, line):
    return Shop(sandbox)


def under_load(shop, accounts, act):
    """What `act` answers while every account pays one invoice after the other, before, during and after."""
    warm, done = Semaphore(0), Event()

    def pay(account):
        try:
            for number in range(ROUNDS):
                shop.sell(account, (STRIPE, PAYPAL)[number % 2])
            warm.release()
            while not done.is_set():
                shop.sell(account)
            for number in range(ROUNDS):
                shop.sell(account, (STRIPE, PAYPAL)[number % 2])
        finally:
            warm.release()
            connection.close()

    with ThreadPoolExecutor(len(accounts)) as pool:
        writers = [pool.submit(pay, account) for account in accounts]
        try:
            for _ in accounts:
                assert warm.acquire(timeout=60)
            answer = act()
        finally:
            done.set()
        for writer in writers:
            writer.result()
    return answer


@dataclass(frozen=True)
class Accident:
    """What was true when the database was lost, and the backup that is left."""

    backup: Path
    stuck: PaymentSession  # captured, of which the books did not know yet when the backup was taken
    late: PaymentSession  # authorized at the time of the backup, captured after it
    numbers: set[str]
    calls: dict[int, str]
    captures: list[str]


def an_accident(shop, line, url, folder) -> Accident:
    before = len(shop.sandbox.ledger())
    accounts = [factories.an_account(f"Company {n}", Money(1_000_000, "USD")) for n in range(WRITERS + 1)]
    factories.a_region()
    stuck = shop.authorized(shop.invoice(accounts[0]), STRIPE)
    line.always = [("capture", LOST_ANSWER)]
    assert shop.complete(stuck).status == "processing"
    line.always = []
    late = shop.authorized(shop.invoice(accounts[0]), PAYPAL)
    file = folder / "backup"
    under_load(shop, accounts[1:], lambda: back_up(url, file))
    assert shop.complete(late).status == "succeeded"
    drain(at=timezone.now())
    return Accident(
        backup=file,
        stuck=stuck,
        late=late,
        numbers=set(Invoice.objects.values_list("number", flat=True)),
        calls={call.pk: str(call.uuid) for call in ProviderCall.objects.all()},
        captures=[entry.reference for entry in shop.sandbox.ledger()[before:] if entry.kind == "capture"],
    )


def uses_of_keys(shop) -> dict[tuple[str, str], set]:
    """What was asked of the providers with each idempotency key."""
    asked: dict[tuple[str, str], set] = defaultdict(set)
    for call in list(shop.sandbox.calls)[shop.calls_before :]:
        if call.idempotency_key:
            asked[call.provider, call.idempotency_key].add((call.method, call.path, call.body))
    return asked


def test_a_backup_under_load_is_restored_and_nothing_is_lost_or_used_twice(
    shop, line, shared_database, tmp_path
):
    was = an_accident(shop, line, shared_database, tmp_path)
    at_providers = {"STRIPE_API_BASE": shop.sandbox.url, "PAYPAL_API_BASE": shop.sandbox.url}
    with restored(shared_database, was.backup, "restored") as url:
        manage(url, "migrate")
        manage(url, "check")
        assert manage(url, "check_invariants") == "No invariant is broken.\n"
        with looking_at(url):
            booked = set(Payment.objects.values_list("session__reference", flat=True))
            assert WRITERS * ROUNDS <= len(booked) < len(was.captures)  # it was taken amid the payments
            assert was.stuck.reference not in booked
            assert was.late.reference not in booked
        left_out = manage(url, "after_restore", "--skip", "1000", "--reason", "The disk was lost")
        assert left_out.count(" are left out") == 5
        manage(url, "reconcile", "--all", **at_providers)
        assert manage(url, "check_invariants") == "No invariant is broken.\n"
        with looking_at(url):
            sessions_are_settled_as_the_providers_know_them(was)
            nothing_is_given_out_again(shop, was)
            what_only_the_providers_know_is_found(was)


def sessions_are_settled_as_the_providers_know_them(was):
    """Every capture of a session that the books know is booked once. Those of sessions that began after the
    backup are unknown here, and the comparison with the providers' lists has to find them."""
    known = set(PaymentSession.objects.exclude(reference="").values_list("reference", flat=True))
    assert {was.stuck.reference, was.late.reference} <= known
    unknown = [reference for reference in was.captures if reference not in known]
    assert len(unknown) >= WRITERS * ROUNDS
    booked = Payment.objects.values_list("session__reference", "status", "amount")
    assert sorted(booked) == sorted(
        (reference, "captured", PRICE) for reference in was.captures if reference in known
    )
    ended = PaymentSession.objects.filter(pk__in=[was.stuck.pk, was.late.pk])
    assert set(ended.values_list("status", flat=True)) == {"succeeded"}


def what_only_the_providers_know_is_found(was):
    """The comparison books each capture of a session that is lost as money of nobody's, with an issue."""
    known = set(PaymentSession.objects.exclude(reference="").values_list("reference", flat=True))
    unknown = [reference for reference in was.captures if reference not in known]
    operations.compare(at=timezone.now())
    found = Payment.objects.filter(status="unassigned")
    assert found.count() >= len(unknown)
    references = set(found.values_list("reference", flat=True))
    assert {one for one in unknown if one.startswith("pi_")} <= references
    issues = ReconciliationIssue.objects.filter(kind="unknown", resolved_at=None)
    of_nobody = issues.filter(known__endswith="Assign it to an account, or send it back.")
    assert sorted(of_nobody.values_list("payment__reference", flat=True)) == sorted(references)
    assert_sound(timezone.now())
    told = set(issues)
    operations.compare(at=timezone.now())
    assert (set(found.values_list("reference", flat=True)), set(issues.all())) == (references, told)


def nothing_is_given_out_again(shop, was):
    account = Account.objects.get(company_name="Company 0")
    new = [shop.invoice(account) for _ in range(3)]
    assert {invoice.number for invoice in new}.isdisjoint(was.numbers)
    for invoice, code in zip(new, (STRIPE, PAYPAL, STRIPE), strict=True):
        assert shop.complete(shop.authorized(invoice, code)).status == "succeeded"
    calls = ProviderCall.objects.filter(session__collection__covered__invoice__in=new)
    assert calls.count() == 6
    assert not {str(call.uuid) for call in calls} & set(was.calls.values())
    assert not {call.pk for call in calls} & set(was.calls)
    assert [key for key, asked in uses_of_keys(shop).items() if len(asked) > 1] == []
    drain(at=timezone.now())
    assert_sound(timezone.now())


def test_control_without_after_restore_numbers_and_ids_are_given_out_twice(
    shop, line, shared_database, tmp_path
):
    """Keys are not: they are uuids. Made of the calls' ids they would be, as the ids show."""
    account = factories.an_account("Company 0", Money(1_000_000, "USD"))
    file = tmp_path / "backup"
    back_up(shared_database, file)
    shop.sell(account)
    sent, calls = Invoice.objects.get(), dict(ProviderCall.objects.values_list("pk", "uuid"))
    with restored(shared_database, file, "control") as url, looking_at(url):
        assert not Invoice.objects.exists()
        shop.sell(account)
        assert (Invoice.objects.get().number, Invoice.objects.get().pk) == (sent.number, sent.pk)
        again = dict(ProviderCall.objects.values_list("pk", "uuid"))
        assert set(again) == set(calls)
        assert not set(again.values()) & set(calls.values())
