"""What may be tried how often: tokens, payments, links for a new password, passwords from one address."""

import time
from datetime import timedelta

import pytest
from django.db import connection

from accounts import operations
from accounts.models import AttemptCount, User
from battery.server import at_once
from core.errors import RateLimited
from core.outbox import OutboxMessage
from invoicing_site.limits import limit
from invoicing_site.settings import LIMITS as SHIPPED
from payments.models import PaymentSession, ProviderCall
from tests import factories
from tests.documents import COMPLETE, GET_ACCOUNTS, INITIATE
from tests.factories import MANUAL, NOW
from tests.pages import LOGIN, sign_in, text_of

RESET = "/account/password/reset/"
NOBODY = ("Authentication required", "UNAUTHENTICATED")
TOO_MANY = "Too many payment attempts. Nothing was charged. Try again in 9 minutes."
WRONG = {"Authorization": f"Bearer ctok_{'0' * 64}"}


@pytest.fixture(autouse=True)
def clock(time_machine):
    time_machine.move_to(NOW, tick=False)
    return time_machine


@pytest.fixture(autouse=True)
def shipped(settings):
    settings.LIMITS = dict(SHIPPED)
    settings.PROXIES = 1


def ask(client, headers, address="203.0.113.7"):
    body = {"query": GET_ACCOUNTS}
    headers = {**headers, "X-Forwarded-For": address}
    return client.post("/api/graphql", body, content_type="application/json", headers=headers)


class TestWrittenLimits:
    @pytest.mark.parametrize(
        ("text", "means"),
        [("60/10m", (60, 600)), ("5/1h", (5, 3600)), ("1/30s", (1, 30)), ("2/1d", (2, 86400)), ("Off", None)],
    )
    def test_means(self, text, means):
        assert limit(text) == means

    @pytest.mark.parametrize("text", ["", "0/10m", "60", "60/m", "-1/1h", "60/10x", "1.5/1h"])
    def test_anything_else_is_refused(self, text):
        with pytest.raises(ValueError, match="is not a limit"):
            limit(text)

    def test_everything_is_limited_as_shipped(self):
        assert SHIPPED == {
            "failures_per_account": (5, 900),
            "failures_per_address": (100, 3600),
            "resets_per_account": (5, 3600),
            "resets_per_address": (30, 3600),
            "wrong_tokens_per_address": (20, 600),
            "payments_per_account": (60, 600),
            "payments_per_address": (120, 600),
            "invitations_per_account": (30, 3600),
            "statements_per_account": (10, 600),
        }


@pytest.mark.django_db
class TestWrongTokens:
    def test_twenty_are_nobody_and_then_the_address_waits(self, client, account, clock):
        for _ in range(20):
            answer = ask(client, WRONG)
            (error,) = answer.json()["errors"]
            assert (answer.status_code, error["message"], error["extensions"]["code"]) == (200, *NOBODY)
        for _ in range(2):
            answer = ask(client, WRONG)
            assert (answer.status_code, answer["Retry-After"]) == (429, "533")
            (error,) = answer.json()["errors"]
            assert error["message"] == "Too many wrong tokens from your network. Try again in 9 minutes."
            assert error["extensions"] == {"code": "RATE_LIMITED", "retryAfter": 533}
        assert AttemptCount.objects.get().tries == 20  # from here on nothing more is written
        assert ask(client, WRONG, "203.0.113.8").status_code == 200
        clock.shift(timedelta(seconds=533))
        assert ask(client, WRONG).status_code == 200

    def test_a_right_token_works_all_the_same(self, client, alice):
        for _ in range(21):
            last = ask(client, WRONG)
        assert last.status_code == 429
        answer = ask(client, {"Authorization": f"Bearer {alice.token}"})
        assert (answer.status_code, len(answer.json()["data"]["getCustomerAccounts"])) == (200, 1)

    def test_a_missing_token_is_not_a_wrong_one(self, client, account):
        for _ in range(25):
            assert ask(client, {}).status_code == 200
        assert not AttemptCount.objects.exists()

    def test_without_the_limit_nobody_waits(self, client, account, settings):
        settings.LIMITS["wrong_tokens_per_address"] = None
        assert {ask(client, WRONG).status_code for _ in range(25)} == {200}

    def test_ipv6_networks_wait_together(self, client, account):
        for number in range(21):
            last = ask(client, WRONG, f"2001:db8:0:1::{number:x}")
        assert last.status_code == 429
        assert ask(client, WRONG, "2001:db8:0:2::1").status_code == 200

    def test_what_the_client_claims_counts_for_nothing(self, client, account):
        for number in range(21):
            last = ask(client, WRONG, f"198.51.100.{number}, 203.0.113.7")
        assert last.status_code == 429


@pytest.mark.django_db
class TestPaymentAttempts:
    @pytest.fixture(autouse=True)
    def three(self, settings):
        settings.LIMITS |= {"payments_per_account": (3, 600), "payments_per_address": (5, 600)}

    @pytest.fixture
    def invoice(self, account):
        return factories.an_open_invoice(account, account.line_items.get())

    def test_over_graphql_the_fourth_is_refused_and_nothing_is_tried(self, graphql, alice, invoice, clock):
        shop = graphql(alice)
        for _ in range(3):
            shop(INITIATE, invoiceId=invoice.pk, paymentProviderId=MANUAL)
        session = PaymentSession.objects.get(reference__isnull=False, provider__code=MANUAL)
        (error,) = shop.post(COMPLETE, {"paymentSessionId": session.pk}).json()["errors"]
        assert (error["message"], error["extensions"]) == (
            TOO_MANY,
            {"code": "RATE_LIMITED", "retryAfter": 533},
        )
        assert shop.error(INITIATE, invoiceId=invoice.pk, paymentProviderId=MANUAL)[1] == "RATE_LIMITED"
        session.refresh_from_db()
        assert session.status == PaymentSession.Status.INITIATED
        assert not ProviderCall.objects.filter(kind=ProviderCall.Kind.CAPTURE).exists()
        clock.shift(timedelta(minutes=10))
        done = shop(COMPLETE, paymentSessionId=session.pk)["completeInvoicePayment"]
        assert done["status"] == "manual_pending"

    def test_without_the_limit_the_fourth_is_tried(self, graphql, alice, invoice, settings):
        settings.LIMITS = dict.fromkeys(settings.LIMITS)
        for _ in range(4):
            graphql(alice)(INITIATE, invoiceId=invoice.pk, paymentProviderId=MANUAL)

    def test_on_pages_too_and_both_count_together(self, client, graphql, alice, account, invoice):
        client.force_login(alice.user)
        session = factories.an_initiated_session(invoice, MANUAL)
        page = f"/account/{account.number}/pay/{session.collection_id}/"
        posts = [
            (f"{page}method/", {"provider": MANUAL}),
            (f"{page}renew/", {"session": session.pk}),
            (f"{page}complete/", {"session": session.pk}),
            (f"/account/{account.number}/invoices/{invoice.pk}/pay/", {"provider": MANUAL}),
        ]
        for _ in range(3):
            graphql(alice)(INITIATE, invoiceId=invoice.pk, paymentProviderId=MANUAL)
        for address, fields in posts:
            answer = client.post(address, fields)
            assert (answer.status_code, answer["Retry-After"]) == (429, "533")
            assert text_of(answer) == f"Too many attempts {TOO_MANY}"
        session.refresh_from_db()
        assert session.status == PaymentSession.Status.INITIATED
        assert client.get(page).status_code == 200  # looking is not trying

    def test_one_company_does_not_stop_another(self, account, alice, mallory):
        for _ in range(3):
            operations.count_payment_attempt(customer=alice.customer, account_id=account.pk, at=NOW)
        with pytest.raises(RateLimited):
            operations.count_payment_attempt(customer=alice.customer, account_id=account.pk, at=NOW)
        operations.count_payment_attempt(customer=mallory.customer, account_id=account.pk + 1, at=NOW)

    def test_an_address_is_limited_over_all_its_accounts(self, client, graphql, account, alice, mallory):
        """Five attempts from one address, spread over accounts, are all there are."""
        for number in range(5):
            operations.count_attempts(
                {"payments_per_address": "127.0.0.1"}, at=NOW + timedelta(seconds=number)
            )
        invoice = factories.an_open_invoice(account, account.line_items.get())
        asked = {"invoiceId": invoice.pk, "paymentProviderId": MANUAL}
        assert graphql(alice).error(INITIATE, **asked) == (TOO_MANY, "RATE_LIMITED")


@pytest.mark.django_db
class TestLinksForANewPassword:
    def test_five_an_hour_for_one_account_and_nobody_is_told(self, client, alice, clock):
        clock.move_to(NOW.replace(minute=0), tick=False)
        answers = set()
        for _ in range(8):
            answer = client.post(RESET, {"email": "alice@example.com"})
            answers.add((answer.status_code, answer["Location"]))
            clock.shift(timedelta(minutes=2))
        assert answers == {(302, f"{RESET}done/")}
        assert OutboxMessage.objects.filter(kind="password.reset_asked").count() == 5

    def test_without_the_limit_there_are_more(self, client, alice, clock, settings):
        settings.LIMITS["resets_per_account"] = None
        for _ in range(8):
            client.post(RESET, {"email": "alice@example.com"})
            clock.shift(timedelta(minutes=2))
        assert OutboxMessage.objects.filter(kind="password.reset_asked").count() == 8

    def test_thirty_from_one_address_whoever_they_are_for(self, client, alice):
        for number in range(30):
            assert client.post(RESET, {"email": f"{number}@example.com"}).status_code == 302
        answer = client.post(RESET, {"email": "alice@example.com"})
        assert (answer.status_code, answer["Retry-After"]) == (429, "2333")
        assert text_of(answer) == "Too many attempts Too many links were asked for. Try again in 39 minutes."
        assert not OutboxMessage.objects.exists()


@pytest.mark.django_db
class TestPasswordsFromOneAddress:
    def test_a_list_tried_on_many_names_ends(self, client, alice, settings):
        settings.LIMITS["failures_per_address"] = (4, 3600)
        for number in range(4):
            assert sign_in(client, f"{number}@example.com", "wrong").status_code == 422
        for password in ("wrong", "correct horse"):
            answer = sign_in(client, password=password)
            assert (answer.status_code, answer["Retry-After"]) == (429, "2333")
        staff = {"username": "stella@example.com", "password": "correct horse"}
        assert client.post("/admin/login/", staff).status_code == 429
        elsewhere = client.post(
            LOGIN,
            {"login": "alice@example.com", "password": "correct horse"},
            headers={"X-Forwarded-For": "203.0.113.9"},
        )
        assert elsewhere.status_code == 302

    def test_the_back_office_counts_too(self, client, stella, settings):
        factories.an_organization()
        settings.LIMITS["failures_per_address"] = (2, 3600)
        for number in range(2):
            wrong = {"username": f"{number}@example.com", "password": "wrong"}
            assert client.post("/admin/login/", wrong).status_code == 200
        assert sign_in(client, "stella@example.com").status_code == 429

    def test_who_signs_in_is_not_counted(self, client, alice, settings):
        settings.LIMITS["failures_per_address"] = (2, 3600)
        for _ in range(4):
            assert sign_in(client).status_code == 302
            client.post("/account/logout/")
        assert not AttemptCount.objects.exists()


class TestCounting:
    def test_in_a_cache_that_all_processes_share(self, settings):
        settings.COUNT_IN_CACHE = True
        settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
        source = {"wrong_tokens_per_address": f"a test at {time.monotonic()}"}
        assert [operations.count_attempts(source, at=NOW) for _ in range(22)] == [0] * 20 + [533] * 2
        ((kind, name),) = source.items()
        assert operations.wait_for(kind, name, at=NOW) == 533
        assert operations.count_attempts(source, at=NOW + timedelta(seconds=533)) == 0

    @pytest.mark.django_db
    def test_old_windows_are_swept(self):
        for minutes in (0, 10, 20):
            operations.count_attempts(
                {"wrong_tokens_per_address": "203.0.113.7"}, at=NOW + timedelta(minutes=minutes)
            )
        assert AttemptCount.objects.count() == 2

    @pytest.mark.django_db
    def test_no_address_is_kept(self):
        operations.count_attempts({"wrong_tokens_per_address": "203.0.113.7"}, at=NOW)
        assert "203.0.113" not in AttemptCount.objects.get().source

    @pytest.mark.django_db(transaction=True)
    def test_of_many_at_once_each_is_counted(self, shared_database):
        """The control beside it loses some: reading, adding one and writing is not counting."""
        source = {"payments_per_account": "1", "payments_per_address": "203.0.113.7"}
        waits = at_once(*[lambda: operations.count_attempts(source, at=NOW)] * 16)
        assert waits == [0] * 16
        assert list(AttemptCount.objects.values_list("tries", flat=True)) == [16, 16]

    @pytest.mark.django_db(transaction=True)
    def test_the_control_loses_some(self, shared_database):
        AttemptCount.objects.create(kind="x", source="y", until=1, tries=0)

        def read_and_write():
            tries = AttemptCount.objects.get().tries
            time.sleep(0.05)
            AttemptCount.objects.update(tries=tries + 1)

        at_once(*[read_and_write] * 4)
        assert AttemptCount.objects.get().tries < 4
        assert not connection.in_atomic_block


@pytest.mark.django_db
def test_a_lock_out_tells_nothing_of_the_account(client, alice):
    """Known and unknown addresses are answered alike, locked or not."""
    User.objects.create_user("gone@example.com", "correct horse", is_active=False)
    told = {}
    for address in ("alice@example.com", "gone@example.com", "nobody@example.com"):
        answers = [sign_in(client, address, "wrong") for _ in range(6)]
        told[address] = [(one.status_code, text_of(one).replace(address, "…")) for one in answers]
    assert told["alice@example.com"] == told["gone@example.com"] == told["nobody@example.com"]
    assert [status for status, _ in told["alice@example.com"]] == [422, 422, 422, 422, 429, 429]
