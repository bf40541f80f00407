"""Invariant 26: after a day of work no card number, secret key, client secret (but to its owner) or raw token
is in the database, the logs, the mails or an answer. All of them are searched, from end to end."""

import io
import logging
import re
from copy import copy
from datetime import timedelta

import pytest
from django.conf import settings
from django.contrib import admin
from django.contrib.sessions.models import Session
from django.core import mail
from django.db import connection
from django.test import Client
from django_q.models import OrmQ

from accounts.operations import tokens
from core.audit import SYSTEM, AuditEntry, record
from core.outbox import drain
from invoicing_site.logs import without_secrets
from payments import operations
from payments.models import Payment, PaymentSession, ProviderCall
from payments.providers import paypal_http
from tests import factories
from tests.back_office import list_of, page_of
from tests.books import assert_sound
from tests.clients import Storefront
from tests.documents import COMPLETE, CREATE_SESSIONS, GET_ACCOUNTS, INITIATE
from tests.factories import MANUAL, NOW, PAYPAL, STRIPE
from tests.pages import LOGIN, TOKENS
from tests.payments.faults import LOST_ANSWER

pytestmark = pytest.mark.django_db
GOOD, DECLINED = "4242424242424242", "4000000000000002"
PASSWORD = "correct horse"
OURS = ("core", "accounts", "orders", "invoices", "payments")
OWNERS_TABLE = "payments_paymentsession"  # the only place for a client secret; its payer is told


class Ears(Client):
    """Somebody's program or browser; `told` are all answers, as they came."""

    def __init__(self, who, told):
        super().__init__(raise_request_exception=False)
        self.who, self.told = who, told

    def request(self, **request):
        answer = super().request(**request)
        place = f"{request['REQUEST_METHOD']} {request['PATH_INFO']}"
        self.told.append((self.who, place, f"{answer.headers}{answer.cookies}{answer.content.decode()}"))
        return answer

    def signed_in(self, user):
        self.force_login(user, "django.contrib.auth.backends.ModelBackend")
        return self


@pytest.fixture
def written():
    """What was logged, as the site writes it; and as it would be without its last processor."""
    streams = {}
    for masked in (True, False):
        options = copy(settings.LOGGING["formatters"]["line"])
        steps = [step for step in options["processors"] if masked or step is not without_secrets]
        handler = logging.StreamHandler(io.StringIO())
        handler.setFormatter(options.pop("()")(**options | {"processors": steps}))
        logging.getLogger().addHandler(handler)
        streams[masked] = handler
    yield lambda masked=True: streams[masked].stream.getvalue()
    for handler in streams.values():
        logging.getLogger().removeHandler(handler)


def tables():
    """Every table of the database as text; what is packed is unpacked."""
    with connection.cursor() as cursor:
        for name in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT * FROM "{name}"')
            yield name, "\n".join(str(row) for row in cursor.fetchall())
    yield "sessions, unpacked", "\n".join(str(one.get_decoded()) for one in Session.objects.all())
    yield "tasks, unpacked", "\n".join(str(one.task()) for one in OrmQ.objects.all())


@pytest.fixture
def day(account, alice, bob, mallory, stella, sandbox, line, written, time_machine):
    """What was answered on a day on which everything happens, and the secrets that it dealt with."""
    time_machine.move_to(NOW)
    told = []
    shop = Storefront(Ears("alice", told), alice.token)
    invoices = {code: factories.an_open_invoice(account) for code in (STRIPE, PAYPAL, MANUAL)}
    shop(GET_ACCOUNTS)
    shop(CREATE_SESSIONS, invoiceId=invoices[STRIPE].pk)
    by_card(shop, invoices[STRIPE], sandbox)
    by_paypal(shop, invoices[PAYPAL], sandbox)
    by_promise(shop, invoices[MANUAL], stella)
    undecided(shop, factories.an_open_invoice(account), sandbox, line)
    hints(sandbox, Ears("provider", told))
    new_token = at_the_pages(account, Ears("alice", told), alice)
    strangers(account, alice, bob, mallory, told)
    in_the_back_office(Ears("stella", told).signed_in(stella))
    at = NOW + timedelta(minutes=20)
    operations.reconcile(at=at)
    drain(at=at)
    assert_sound(at)
    assert Payment.objects.filter(status="captured").count() == 4
    return told, {"a new token": new_token, **secrets(alice)}


def by_card(shop, invoice, sandbox):
    opened = shop(INITIATE, invoiceId=invoice.pk, paymentProviderId=STRIPE)["initiateInvoicePaymentSession"]
    for card in (DECLINED, GOOD):
        sandbox.confirm_card(opened["data"]["clientSecret"], card)
        shop(COMPLETE, paymentSessionId=opened["id"])


def by_paypal(shop, invoice, sandbox):
    opened = shop(INITIATE, invoiceId=invoice.pk, paymentProviderId=PAYPAL)["initiateInvoicePaymentSession"]
    sandbox.approve_paypal(PaymentSession.objects.get(pk=opened["id"]).reference)
    shop(COMPLETE, paymentSessionId=opened["id"])


def by_promise(shop, invoice, stella):
    opened = shop(INITIATE, invoiceId=invoice.pk, paymentProviderId=MANUAL)["initiateInvoicePaymentSession"]
    shop(COMPLETE, paymentSessionId=opened["id"])
    promise = Payment.objects.get(status="pending")
    operations.verify_manual_payment(payment=promise, at=NOW, staff=stella)


def undecided(shop, invoice, sandbox, line):
    """The provider's answers are lost for so long that staff are told."""
    opened = shop(INITIATE, invoiceId=invoice.pk, paymentProviderId=STRIPE)["initiateInvoicePaymentSession"]
    sandbox.confirm_card(opened["data"]["clientSecret"], GOOD)
    line.always = [("payment_intents", LOST_ANSWER)]
    shop(COMPLETE, paymentSessionId=opened["id"])
    operations.reconcile(at=NOW + timedelta(minutes=16), everything=True)
    line.always = []


def hints(sandbox, provider):
    for event in sandbox.events()[-4:]:
        signed = sandbox.signed_event(event)
        for headers in (signed.headers, {}):
            provider.post(signed.path, signed.body, content_type="application/json", headers=headers)


def at_the_pages(account, browser, alice):
    browser.post(LOGIN, {"login": "alice@example.com", "password": "wrong battery"})
    browser.post(LOGIN, {"login": "alice@example.com", "password": PASSWORD})
    browser.signed_in(alice.user)
    opened = factories.an_initiated_session(factories.an_open_invoice(account), STRIPE, by=alice.actor)
    of = f"/account/{account.number}"
    for page in (f"{of}/", f"{of}/pay/", f"{of}/pay/{opened.collection_id}/"):
        assert browser.get(page).status_code == 200
    secret = opened.data["clientSecret"]
    browser.get(f"{of}/pay/{opened.collection_id}/return/?payment_intent_client_secret={secret}")
    browser.get(f"/no/such/page/?payment_intent_client_secret={secret}&token={alice.token}")
    made = browser.post(TOKENS, {"name": "Warehouse", "days": "90"})
    return re.search(r"ctok_(\w{64})", made.content.decode())[1]


def strangers(account, alice, bob, mallory, told):
    sessions = list(PaymentSession.objects.all())
    for who, member in (("bob", bob), ("mallory", mallory)):
        shop = Storefront(Ears(who, told), member.token)
        shop.post(GET_ACCOUNTS)
        browser = Ears(who, told).signed_in(member.user)
        for session in sessions:
            shop.post(COMPLETE, {"paymentSessionId": session.pk})
            browser.get(f"/account/{account.number}/pay/{session.collection_id}/")
    Storefront(Ears("nobody", told), alice.token[:-1]).post(GET_ACCOUNTS)
    Ears("nobody", told).get(f"/api/graphql?token={alice.token}")


def in_the_back_office(browser):
    ours = [model for model in admin.site._registry if model._meta.app_label in OURS]
    telling = (PaymentSession, Payment, ProviderCall, AuditEntry)
    shown = [page_of(row) for model in telling if model in ours for row in model.objects.all()[:6]]
    assert len(shown) > 12
    for page in (*map(list_of, ours), *shown):
        assert browser.get(page).status_code == 200, page


def secrets(alice):
    """Name and text of what nobody may find."""
    opened = PaymentSession.objects.filter(data__has_key="clientSecret")
    client = opened.values_list("data__clientSecret", flat=True)
    assert len(client) == 3
    ((paypals_token, _),) = paypal_http.tokens.values()
    return {
        "a card": GOOD,
        "a card as people write it": "4242 4242 4242 4242",
        "a declined card": DECLINED,
        "Stripe's key": settings.STRIPE_SECRET_KEY,
        "the secret of Stripe's webhooks": settings.STRIPE_WEBHOOK_SECRET,
        "PayPal's key": settings.PAYPAL_CLIENT_SECRET,
        "PayPal's access token": paypals_token,
        "the site's key": settings.SECRET_KEY,
        "a token": alice.token.removeprefix("ctok_"),
        "a password": PASSWORD,
        "a mistyped password": "wrong battery",
        **{f"client secret {place}": text for place, text in enumerate(client)},
    }


def found(told, hidden, logged):
    """Where a secret stands that may not stand there."""
    places = [(f"table {name}", text) for name, text in tables()]
    places += [(f"answer to {who}: {place}", text) for who, place, text in told]
    places += [("log", logged), ("mail", "".join(str(one.message()) for one in mail.outbox))]
    return sorted(
        f"{name} in {place}"
        for name, text in hidden.items()
        for place, content in places
        if text in content and not is_told_to_its_owner(name, place)
    )


def is_told_to_its_owner(name, place):
    if name == "a new token":  # once
        return place == f"answer to alice: POST {TOKENS}"
    kept = place == f"table {OWNERS_TABLE}"
    return name.startswith("client secret") and (kept or place.startswith("answer to alice:"))


def test_invariant_26_no_secret_is_found_anywhere(day, written):
    told, hidden = day
    assert found(told, hidden, written()) == []
    assert {who for who, _, _ in told} == {"alice", "bob", "mallory", "nobody", "provider", "stella"}
    assert len(mail.outbox) >= 4


def test_control_the_search_finds_what_is_planted_and_what_is_not_masked(day, written, account):
    """And the payer was told their client secrets, or there were nothing to find."""
    told, hidden = day
    to_alice = "".join(text for who, _, text in told if who == "alice")
    assert all(text in to_alice for name, text in hidden.items() if name.startswith("client secret"))
    assert "a token in log" in found(told, hidden, written(masked=False))
    for text in hidden.values():
        record(account, "account.greeted", at=NOW, by=SYSTEM, reason=text)
        told.append(("mallory", "GET /", text))
        mail.send_mail("Hello", text, "a@example.com", ["b@example.com"])
    places = ("answer to mallory: GET /", "log", "mail", "table core_auditentry")
    planted = {f"{name} in {place}" for name in hidden for place in places}
    assert set(found(told, hidden, "".join(hidden.values()))) == planted


def test_control_without_hashes_the_token_is_in_the_database(monkeypatch, request):
    monkeypatch.setattr(tokens, "_hashed", lambda token: token.removeprefix("ctok_"))
    told, hidden = request.getfixturevalue("day")
    kept = [f"{name} in table accounts_customertoken" for name in ("a new token", "a token")]
    assert found(told, hidden, "") == kept
