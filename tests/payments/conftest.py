"""What tests of payments have besides: a line to the sandbox that can fail, and pages to read."""

import pytest
from django.urls import reverse

from payments.providers import paypal_http
from tests import factories
from tests.payments.faults import Line
from tests.payments.reading import Browser


@pytest.fixture
def line(sandbox, settings):
    """The providers are reached by it; it works until a test says otherwise."""
    paypal_http.tokens.clear()  # an earlier test's line may have had this port
    bad = Line(sandbox.url)
    settings.STRIPE_API_BASE = settings.PAYPAL_API_BASE = bad.url
    yield bad
    bad.close()


@pytest.fixture
def the_clock(time_machine):
    time_machine.move_to(factories.NOW, tick=False)


@pytest.fixture
def browser(alice):
    """Alice, signed in at the pages."""
    return Browser(alice)


@pytest.fixture
def at(account):
    """Addresses of the account's pages: at("pay", 7)."""
    return lambda name, *args: reverse(name, args=[account.number, *args])


@pytest.fixture
def invoice(account):
    """The published order on an open invoice."""
    return factories.an_open_invoice(account, account.line_items.get())
