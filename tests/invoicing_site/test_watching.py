"""Health and metrics: who may ask, what is told, and what is never in it."""

from datetime import timedelta

import pytest
from django.core.cache import cache
from django.db import DatabaseError, connection
from django.db.migrations.recorder import MigrationRecorder
from django_q.models import Success

from core import outbox
from core.outbox import OutboxMessage
from invoicing_site import health
from payments.models import ReconciliationIssue
from tests import factories
from tests.factories import MANUAL, NOW
from tests.pages import LOGIN

LIVE, READY, METRICS = "/health/live", "/health/ready", "/metrics"
ALL = [LIVE, READY, METRICS]
TOKEN = "a-token-of-thirty-two-characters-or-more"
ALL_OK = dict.fromkeys(("database", "migrations", "cache", "worker", "outbox"), "ok")


@pytest.fixture(autouse=True)
def clock(time_machine):
    time_machine.move_to(NOW, tick=False)
    return time_machine


@pytest.fixture(autouse=True)
def merchant(db):
    return factories.an_organization()


@pytest.fixture
def worker(db):
    """It delivered the outbox a minute ago."""
    return Success.objects.create(
        id="1",
        name="one",
        func="core.outbox.drain_now",
        started=NOW - timedelta(seconds=61),
        stopped=NOW - timedelta(minutes=1),
        success=True,
    )


class TestWhoMayAsk:
    @pytest.mark.parametrize("address", ALL)
    def test_this_machine(self, client, worker, address):
        answer = client.get(address, headers={"host": "whatever.example"})
        assert (answer.status_code, answer["Cache-Control"]) == (200, "no-store")

    @pytest.mark.parametrize("address", ALL)
    @pytest.mark.parametrize(
        ("come_from", "headers"),
        [
            ("203.0.113.7", {}),
            ("10.0.0.1", {}),
            ("127.0.0.1", {"X-Forwarded-For": "203.0.113.7"}),
            ("127.0.0.1", {"X-Forwarded-For": "127.0.0.1"}),
            ("127.0.0.1", {"X-Forwarded-Proto": "https"}),
            ("127.0.0.1", {"Forwarded": "for=127.0.0.1"}),
            ("127.0.0.1", {"X-Real-IP": "127.0.0.1"}),
            ("127.0.0.1", {"Via": "1.1 proxy"}),
            ("203.0.113.7", {"Authorization": "Bearer "}),
            ("203.0.113.7", {"Authorization": f"Bearer {TOKEN}"}),
        ],
    )
    def test_everybody_else_finds_nothing(self, client, address, come_from, headers):
        """What an address answers that is nowhere. A proxy on this machine comes for everybody else."""
        answers = [client.get(one, headers=headers, REMOTE_ADDR=come_from) for one in (address, "/no/such")]
        told = [(one.status_code, one.content.replace(b"/no/such", address.encode())) for one in answers]
        assert told[0] == told[1]
        assert told[0][0] == 404

    @pytest.mark.parametrize("address", ALL)
    def test_who_knows_the_token(self, client, worker, settings, address):
        settings.METRICS_TOKEN = TOKEN
        far = {"REMOTE_ADDR": "203.0.113.7"}
        assert client.get(address, headers={"Authorization": f"Bearer {TOKEN}"}, **far).status_code == 200
        for wrong in (f"Bearer {TOKEN}x", f"Basic {TOKEN}", TOKEN, "Bearer é"):
            assert client.get(address, headers={"Authorization": wrong}, **far).status_code == 404

    def test_they_only_answer(self, client):
        assert {client.post(address).status_code for address in ALL} == {404}

    def test_in_plain_http_too(self, client, settings):
        settings.SECURE_SSL_REDIRECT = True
        assert client.get(LIVE).content == b"ok\n"
        assert client.get(LOGIN).status_code == 301


class TestReadiness:
    def ask(self, client):
        answer = client.get(READY)
        return answer.status_code, {name: told for name, told in answer.json().items() if told != "ok"}

    def test_everything_works(self, client, worker):
        answer = client.get(READY)
        assert (answer.status_code, answer.json()) == (200, ALL_OK)

    def test_no_worker_yet(self, client):
        assert self.ask(client) == (503, {"worker": "no sign of life yet"})

    def test_a_worker_that_stopped(self, client, worker, clock):
        clock.shift(timedelta(minutes=4, seconds=1))
        assert self.ask(client) == (503, {"worker": "no sign of life for 301 seconds"})

    def test_a_message_that_is_late(self, client, worker):
        outbox.enqueue("x", {}, at=NOW - timedelta(minutes=11))
        assert self.ask(client) == (503, {"outbox": "1 messages are late"})

    def test_a_message_that_waits_for_its_time_is_not_late(self, client, worker):
        outbox.enqueue("x", {}, at=NOW - timedelta(hours=2), delay=timedelta(hours=3))
        assert self.ask(client) == (200, {})

    def test_a_migration_that_is_missing(self, client, worker):
        health.newest_migrations.cache_clear()
        newest = max(name for app, name in health.newest_migrations() if app == "accounts")
        MigrationRecorder(connection).record_unapplied("accounts", newest)
        told = {"migrations": "1 apps have migrations that are not applied"}
        assert self.ask(client) == (503, told)

    def test_a_cache_that_forgets(self, client, worker, settings):
        settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}}
        status, told = self.ask(client)
        assert (status, list(told)) == (503, ["cache"])

    def test_a_database_that_is_gone_is_told_without_its_secrets(self, client, worker, monkeypatch, caplog):
        def gone(*_):
            raise DatabaseError('connection to "db.internal" failed: password "hunter2" is wrong')

        monkeypatch.setattr("django_q.models.Success.objects.filter", gone)
        assert self.ask(client) == (503, {"worker": "cannot be checked"})


class TestMetrics:
    def figures(self, client) -> dict[str, str]:
        lines = client.get(METRICS).content.decode().splitlines()
        return dict(line.rsplit(" ", 1) for line in lines if line.startswith("invoicing_"))

    def test_nothing_happened_yet(self, client):
        assert self.figures(client) == {
            "invoicing_outbox_waiting": "0.0",
            "invoicing_outbox_oldest_seconds": "0.0",
            "invoicing_outbox_failed": "0.0",
            "invoicing_sessions_capturing": "0.0",
            **{
                f'invoicing_reconciliation_issues_open{{kind="{kind}"}}': "0.0"
                for kind in ReconciliationIssue.Kind.values
            },
            **{
                f'invoicing_payments{{outcome="{outcome}"}}': "0.0"
                for outcome in ("pending captured failed partially_refunded refunded unassigned").split()
            },
        }

    def test_what_waits_and_what_is_open(self, client, account, stella):
        factories.a_paid_invoice(account, stella)
        factories.a_promised_payment(factories.an_open_invoice(account))
        OutboxMessage.objects.all().delete()
        outbox.enqueue("x", {}, at=NOW - timedelta(seconds=90))
        outbox.enqueue("x", {}, at=NOW)
        ReconciliationIssue.objects.create(kind="mismatch", known="?", opened_at=NOW)
        ReconciliationIssue.objects.create(kind="mismatch", known="?", opened_at=NOW, resolved_at=NOW)
        session = factories.an_initiated_session(factories.an_open_invoice(account), MANUAL)
        type(session).objects.filter(pk=session.pk).update(status="capturing")
        told = {name: value for name, value in self.figures(client).items() if value != "0.0"}
        assert told == {
            "invoicing_outbox_waiting": "2.0",
            "invoicing_outbox_oldest_seconds": "90.0",
            "invoicing_sessions_capturing": "1.0",
            'invoicing_reconciliation_issues_open{kind="mismatch"}': "1.0",
            'invoicing_payments{outcome="captured"}': "1.0",
            'invoicing_payments{outcome="pending"}': "1.0",
        }

    def test_requests_are_counted_by_view_and_never_by_address(self, client, alice, account):
        client.force_login(alice.user)
        for number in range(40):
            client.get(f"/no/such/{number}/secret@example.com/")
            client.get(f"/account/ACC-2025-{number:06}/?token=ctok_{number}")
            client.generic(f"M{number}", LOGIN)
        told = client.get(METRICS).content.decode()
        assert 'view="account"' in told
        for customer_data in ("ACC-2025", "example.com", "ctok_", "no/such", 'method="M', alice.user.name):
            assert customer_data not in told

    def test_a_length_that_is_no_number_is_no_error(self, client, account):
        assert client.get(LOGIN, CONTENT_LENGTH="abc").status_code == 200

    def test_there_are_not_more_of_them_the_more_is_asked(self, client, alice, account):
        client.force_login(alice.user)
        client.get(f"/account/{account.number}/")
        client.get("/no/such/")
        before = len(client.get(METRICS).content.splitlines())
        for number in range(40):
            client.get(f"/no/such/{number}/")
            client.get(f"/account/{account.number}/invoices/{number}/")
        # One view more: its own handful of lines, whatever the number of invoices.
        assert len(client.get(METRICS).content.splitlines()) - before < 40

    def test_watching_counts_nothing_and_reads_a_few_rows(self, client, django_assert_num_queries):
        client.get(METRICS)
        told = client.get(METRICS).content
        for address in (LIVE, METRICS):
            client.get(address)
        assert client.get(METRICS).content.count(b"\n") == told.count(b"\n")
        with django_assert_num_queries(0):
            client.get(LIVE)
        with django_assert_num_queries(5):
            client.get(METRICS)


def test_the_cache_is_one_that_all_processes_share(settings):
    assert settings.CACHES["default"]["BACKEND"].endswith("DatabaseCache")
    cache.set("a-test", "was here", 60)
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM shared_cache")
        assert cursor.fetchone()[0] > 0
