"""What every test has: no way out of this machine, a fast hasher, and the providers' stand-in."""

import gc
import socket
from copy import deepcopy

import pytest
import time_machine as clock
from django.conf import settings as site
from django.test import TransactionTestCase, override_settings

from core import triggers
from payments.sandbox.server import Sandbox
from tests import cast, factories
from tests.clients import Storefront
from tests.matrix.asking import undone
from tests.matrix.world import build

LOOPBACK = ("127.0.0.1", "::1", "localhost")


def pytest_collection_finish():
    """What is loaded by now stays: looking through it for garbage took a seventh of the suite's time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


@pytest.fixture(scope="session", autouse=True)
def no_way_out():
    """Connections leave this machine for nowhere: only loopback and local sockets answer."""
    real = socket.socket.connect

    def connect(self, address):
        if isinstance(address, tuple) and address[0] not in LOOPBACK:
            raise RuntimeError(f"A test tried to reach {address[0]}")
        return real(self, address)

    socket.socket.connect = connect
    yield
    socket.socket.connect = real


@pytest.fixture(scope="session", autouse=True)
def emptied_past_the_triggers():
    """After a transactional test every table is emptied, which the triggers would refuse. What installs them
    after a migration runs after that too."""
    with pytest.MonkeyPatch.context() as patch:
        empty = TransactionTestCase._fixture_teardown

        def teardown(self):
            triggers.remove()
            empty(self)

        patch.setattr(TransactionTestCase, "_fixture_teardown", teardown)
        yield


@pytest.fixture(scope="session")
def sandbox_server():
    server = Sandbox(port=0, database=":memory:", webhook_base=None)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def sandbox(sandbox_server, settings):
    """The stand-in of Stripe and PayPal; it sends no webhooks unless a test says where to."""
    settings.STRIPE_API_BASE = settings.PAYPAL_API_BASE = sandbox_server.url
    settings.STRIPE_JS_URL = f"{sandbox_server.url}/v3/"
    settings.PAYPAL_JS_URL = f"{sandbox_server.url}/sdk/js"
    sandbox_server.webhook_base = None
    yield sandbox_server
    sandbox_server.webhook_base = sandbox_server.faults = sandbox_server.webhook_faults = None


@pytest.fixture(scope="session", autouse=True)
def _settings(tmp_path_factory):
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}  # no collectstatic
    with override_settings(
        PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
        STRICT=True,
        STORAGES=site.STORAGES | {"staticfiles": plain},
        EXPORTS_DIR=tmp_path_factory.mktemp("exports"),
        STATIC_ROOT=site.VAR_DIR / "nothing",  # or each client reads all that script/run collected
        SECRET_KEY="tests-only",
        SECOND_FACTOR=False,  # staff are signed in by their password; its own tests turn it on
        INVOICE_PDF="tests.papers.cheap_pdf",  # the real one has tests of its own, and takes its time
        CREDIT_NOTE_PDF="tests.papers.cheap_pdf",
        LIMITS=dict.fromkeys(site.LIMITS),  # many callers at once come from here; so do these
    ):
        yield


@pytest.fixture(scope="module")
def _world_of_a_module(django_db_setup, django_db_blocker):
    """Building it takes longer than most questions to it: its transaction lies around those of the tests."""
    with django_db_blocker.unblock(), undone():
        with clock.travel("2026-03-04T10:00:00Z", tick=False):
            world = build()
        with django_db_blocker.block():
            yield world


@pytest.fixture
def world(_world_of_a_module, db, time_machine):
    """Two companies with the same kinds of rows, and everybody who could ask; on 4 March 2026."""
    time_machine.move_to("2026-03-04T10:00:00Z", tick=False)
    return deepcopy(_world_of_a_module)


@pytest.fixture
def account(db):
    """Globex, as in the published example: one unpaid order of $39.40, a limit of $1,000.00."""
    return factories.reference_000()


@pytest.fixture
def alice(account):
    return cast.alice(account)


@pytest.fixture
def sam(account):
    return cast.sam(account)


@pytest.fixture
def bob(account):
    return cast.bob(account)


@pytest.fixture
def mallory(db):
    return cast.mallory()


@pytest.fixture
def stella(db):
    return cast.stella()


@pytest.fixture
def graphql(client):
    """`graphql(member)` is the storefront as that member's program sees it; `graphql()` as nobody's."""
    return lambda member=None: Storefront(client, member.token if member else None)
