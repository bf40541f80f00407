"""Invariants 22 and 24: nothing outside is called inside a transaction, and a message is in the outbox if and
only if its cause was committed, whenever the process dies."""

import http.client
import inspect
import os
import signal
import subprocess
import sys
from collections import Counter
from contextlib import suppress
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection, transaction
from moneyed import Money

from battery.server import ROOT
from core.audit import SYSTEM
from core.outbox import OutboxMessage, drain
from invoices import operations as invoices
from payments import operations
from payments.models import Payment
from payments.providers import PROVIDERS, paypal_http, stripe
from payments.providers.base import PaymentProvider, ProviderRefused
from tests import factories
from tests.books import assert_sound
from tests.factories import NOW, PAYPAL, STRIPE
from tests.payments.serving import shared_database

__all__ = ["shared_database"]
pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(minutes=3)

# 22: every call of every provider, also those that are still to come

AT_HOME = {
    "is_configured",
    "is_live",
    "csp_origins",
    "script_url",
    "parse_webhook",
}  # for these nothing is asked
CALLS = [
    (code, name)
    for code, provider in PROVIDERS.items()
    if not provider.is_promise
    for name, _ in inspect.getmembers(PaymentProvider, inspect.isfunction)
    if not name.startswith("_") and name not in AT_HOME
]
every_call = pytest.mark.parametrize(("code", "name"), CALLS)
METADATA = {
    "session": "a-session",
    "account": "7",
    "reference": "INV-2025-001-7",
    "description": "Invoice INV-2025-001",
    "payee": "Northwind Supply GmbH",
    "total": "$39.40",
}
ARGUMENTS = {
    "amount": Money("39.40", "USD"),
    "metadata": METADATA,
    "reference": "an-object",
    "return_url": "http://testserver/back",
    "since": NOW - timedelta(days=1),
    "until": NOW,
}


def call(code, name):
    method = getattr(PROVIDERS[code], name)
    known = ARGUMENTS | {"key": str(uuid4())}
    answer = method(**{wanted: known[wanted] for wanted in inspect.signature(method).parameters})
    return list(answer) if inspect.isgenerator(answer) else answer


def test_every_provider_that_is_asked_has_four_calls_at_least():
    counted = Counter(code for code, _ in CALLS)
    assert set(counted) == {STRIPE, PAYPAL}
    assert min(counted.values()) >= 4


@every_call
def test_invariant_22_no_provider_is_called_inside_a_transaction(code, name, sandbox):
    before = len(sandbox.calls)
    with pytest.raises(RuntimeError, match="inside a transaction"), transaction.atomic():
        call(code, name)
    assert len(sandbox.calls) == before


@every_call
def test_control_without_the_assertion_it_is_called(code, name, sandbox, monkeypatch):
    for module in (paypal_http, stripe):
        monkeypatch.setattr(module, "outside_transactions", lambda: None)
    before = len(sandbox.calls)
    with transaction.atomic(), suppress(ProviderRefused):  # it knows no such object: it was asked
        call(code, name)
    assert len(sandbox.calls) > before


# 22 again, past the assertion: what leaves this process while the site does its work


@pytest.fixture
def sent(monkeypatch):
    """What was asked outside, as method and path, and whether a transaction was open."""
    asked = []
    real = http.client.HTTPConnection.putrequest

    def watched(self, method, url, *args, **more):
        asked.append((f"{method} {url.partition('?')[0]}", connection.in_atomic_block))
        return real(self, method, url, *args, **more)

    monkeypatch.setattr(http.client.HTTPConnection, "putrequest", watched)
    return asked


def agree(sandbox, session, card="4242424242424242"):
    if session.provider.code == STRIPE:
        sandbox.confirm_card(session.reference, card)
    else:
        sandbox.approve_paypal(session.reference)


@pytest.mark.django_db(transaction=True)
def test_invariant_22_no_transaction_is_open_while_the_site_works(
    account, sandbox, sent, client, time_machine
):
    time_machine.move_to(NOW, tick=False)
    for code in (STRIPE, PAYPAL):
        paid = factories.an_initiated_session(factories.an_open_invoice(account), code)
        agree(sandbox, paid)
        operations.complete_payment(session=paid, at=NOW, by=SYSTEM)
        gone = factories.an_initiated_session(factories.an_open_invoice(account), code)
        agree(sandbox, gone)
        event = sandbox.signed_event(sandbox.events()[-1])
        client.post(event.path, event.body, content_type="application/json", headers=event.headers)
        left = factories.an_open_invoice(account)
        operations.look_now(session=factories.an_initiated_session(left, code), at=NOW, by=SYSTEM)
        invoices.cancel_invoice(invoice=left, at=NOW, staff=None, reason="Wrong")
        factories.an_initiated_session(factories.an_open_invoice(account), code)
    drain(at=NOW)
    operations.reconcile(at=LATER)
    assert_sound(LATER)
    assert Payment.objects.filter(status="captured").count() == 4
    ours = {asked for asked, _ in sent}
    for part in (
        *("POST /v1/payment_intents", "POST /v2/checkout/orders"),
        *("GET /v1/", "GET /v2/", "/capture", "/cancel"),
    ):
        assert any(part in asked for asked in ours), part
    assert [asked for asked, is_open in sent if is_open] == []


@pytest.mark.django_db(transaction=True)
def test_control_a_call_inside_a_transaction_is_seen(sandbox, sent, monkeypatch):
    monkeypatch.setattr(stripe, "outside_transactions", lambda: None)
    with transaction.atomic():
        call(STRIPE, "open")
    assert [is_open for _, is_open in sent] == [True]


# 24: a process that books a payment is killed

POINTS = ("before the message", "after the message", "before the commit", "after the commit")
MESSAGES = ["invoice.closed", "payments.receipt"]


@pytest.fixture
def promise(shared_database, time_machine):
    time_machine.move_to(NOW, tick=False)
    account = factories.reference_000()
    invoice = factories.an_open_invoice(account, account.line_items.get())
    assert not OutboxMessage.objects.exists()
    promised = factories.a_promised_payment(invoice)
    OutboxMessage.objects.all().delete()  # the letter about it
    return promised


def dies(shared_database, point, *flags):
    """Verify the promise in another process, which kills itself at this point."""
    environment = {
        "PATH": os.environ["PATH"],
        "SECRET_KEY": "tests-only",
        "DATABASE_URL": shared_database,
        "PAYMENTS": "sandbox",
    }
    command = [sys.executable, "-m", "tests.payments.dying", point, *flags]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == -signal.SIGKILL, done.stderr


def stands():
    """Whether the cause is there, and its messages."""
    (payment,) = Payment.objects.all()
    return payment.status, sorted(OutboxMessage.objects.values_list("kind", flat=True))


@pytest.mark.django_db(transaction=True)
def test_invariant_24_a_message_is_there_exactly_when_its_cause_committed(stella, promise, shared_database):
    for point in POINTS[:3]:
        dies(shared_database, point)
        assert stands() == ("pending", []), point
        assert_sound()
    dies(shared_database, POINTS[3])
    assert stands() == ("captured", MESSAGES)
    assert_sound()
    assert drain(at=NOW) == 2
    assert_sound()


@pytest.mark.django_db(transaction=True)
def test_control_messages_that_are_written_after_the_commit_are_lost(stella, promise, shared_database):
    dies(shared_database, POINTS[3], "messages-after-the-commit")
    assert stands() == ("captured", [])
