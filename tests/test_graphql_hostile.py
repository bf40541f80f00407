"""What hostile documents cost, and that the limits keep them out: without them each gets through."""

import time
import tracemalloc
from functools import lru_cache

import pytest
from graphql import ValidationRule, parse, specified_rules, validate

from invoicing_site import graphql_limits
from invoicing_site.graphql_limits import CountLimits, DepthLimit, document_cache
from invoicing_site.graphql_view import Endpoint
from invoicing_site.storefront import schema
from payments.models import Payment, PaymentSession
from tests import factories
from tests.books import unchanged
from tests.factories import MANUAL, NOW

LIVE = schema.graphql_schema
SECONDS, BYTES = 1.0, 8 * 2**20
SHOWN = "activeInvoice(invoiceId: 1)"

HOSTILE = {
    "aliases": "{" + " ".join(f"a{n}: {SHOWN} {{ id }}" for n in range(40)) + "}",
    "directives": "{" + " ".join("... @include(if: true) { __typename }" for _ in range(16)) + "}",
    "spreads": "{" + "...f " * 100 + f"}} fragment f on Query {{ {SHOWN} {{ id }} }}",
    "doubling": "{ ...f0 } "
    + " ".join(f"fragment f{n} on Query {{ ...f{n + 1} ...f{n + 1} }}" for n in range(12))
    + " fragment f12 on Query { __typename }",
    "payments": "mutation {"
    + " ".join(f"p{n}: completeInvoicePayment(paymentSessionId: {n}) {{ success }}" for n in range(16))
    + "}",
}
ENDLESS = {
    "tokens": f"{{ {SHOWN} {{ " + "id " * 1200 + "} }",
    "circular": "{ ...f } fragment f on Query { ...g } fragment g on Query { ...f }",
    "nested lists": "{ activeInvoice(invoiceId: " + "[" * 400 + "]" * 400 + ") { id } }",
    "nested fields": "{ a " * 300 + "}" * 300,
    "doubling without end": "{ ...f0 } "
    + " ".join(f"fragment f{n} on Query {{ ...f{n + 1} ...f{n + 1} }}" for n in range(90))
    + " fragment f90 on Query { __typename }",
    "a string of 90 KB": '{ activeInvoice(invoiceId: "' + "x" * 90_000 + '") { nope } }',
    "an integer of 90 KB": "{ activeInvoice(invoiceId: " + "9" * 90_000 + ") { nope } }",
    "a name of 90 KB": "{ " + "x" * 90_000 + " }",
    "braces": "{" * 90_000,
    "comments": "#\n" * 45_000,
}


def errors_of(query: str) -> list[str]:
    """Why a document is refused; asked anew, whatever is kept."""
    document_cache.cache_clear()
    return [error.message for error in document_cache(LIVE, introspection=False)(query)[1]]


@pytest.mark.parametrize("name", [*HOSTILE, *ENDLESS])
def test_it_is_refused_in_little_time_and_memory(name):
    query = (HOSTILE | ENDLESS)[name]
    errors_of("{ __typename }")
    tracemalloc.start()
    begun = time.process_time()
    refused = errors_of(query)
    took, (_, peak) = time.process_time() - begun, tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert refused
    assert all(len(text) < 100_000 for text in refused)
    assert took < 5 * SECONDS  # tracing makes it several times slower
    assert peak < BYTES


@pytest.mark.parametrize("name", HOSTILE)
def test_without_the_limits_it_would_be_run(name):
    assert errors_of(HOSTILE[name]) != []
    assert validate(LIVE, parse(HOSTILE[name]), specified_rules) == []


def test_without_their_limit_tokens_would_be_read():
    query = ENDLESS["tokens"]
    assert errors_of(query) == ["Syntax Error: Document contains more than 1000 tokens. Parsing aborted."]
    assert parse(query).definitions


@pytest.mark.parametrize(("name", "rule"), [("aliases", CountLimits), ("payments", CountLimits)])
def test_each_rule_is_what_refuses(monkeypatch, name, rule):
    monkeypatch.setattr(graphql_limits, rule.__name__, type("Nothing", (ValidationRule,), {}))
    assert errors_of(HOSTILE[name]) == []
    document_cache.cache_clear()


def test_depth_is_refused_by_its_own_rule(monkeypatch):
    """No field of the storefront reaches so deep: the limit is lowered to see it at work, then removed."""
    query = f"{{ {SHOWN} {{ lineItems {{ accountLineItem {{ id }} }} }} }}"
    assert errors_of(query) == []
    monkeypatch.setattr(graphql_limits, "DEPTH", 3)
    assert errors_of(query) == ["Documents may be at most 3 fields deep"]
    monkeypatch.setattr(graphql_limits, DepthLimit.__name__, type("Nothing", (ValidationRule,), {}))
    assert errors_of(query) == []
    document_cache.cache_clear()


@pytest.mark.django_db
class TestSixteenPayments:
    @pytest.fixture(autouse=True)
    def clock(self, time_machine):
        time_machine.move_to(NOW, tick=False)

    @pytest.fixture
    def query(self, account):
        """Sixteen payments in one document, each of a session of its own."""
        paying = []
        for number in range(16):
            line = factories.an_unpaid_order(account, "1.00", display_id=f"S{number}")
            session = factories.an_initiated_session(factories.an_open_invoice(account, line), MANUAL)
            paying.append(f"p{number}: completeInvoicePayment(paymentSessionId: {session.pk}) {{ success }}")
        return "mutation {" + " ".join(paying) + "}"

    def test_are_refused_and_nothing_is_paid(self, graphql, alice, query):
        shop = graphql(alice)
        shop("{ getCustomerPaidInvoices }")
        with unchanged():
            answer = shop.post(query)
        assert answer.status_code == 400
        assert not Payment.objects.exists()

    def test_are_all_paid_without_the_limits(self, graphql, alice, query, monkeypatch):
        """The negative control."""
        unlimited = lru_cache(lambda text: (parse(text), ()))
        monkeypatch.setattr("invoicing_site.graphql_view.document_cache", lambda *_, **__: unlimited)
        answer = graphql(alice).post(query)
        assert answer.json().get("errors") is None
        assert Payment.objects.count() == 16
        assert set(
            PaymentSession.objects.filter(payments__isnull=False).values_list("status", flat=True)
        ) == {"pending_verification"}

    @pytest.mark.parametrize("send", ["get", "batch"])
    def test_arrive_by_no_other_way(self, client, alice, query, send):
        headers = {"Authorization": f"Bearer {alice.token}"}
        one = query.partition(" p1:")[0] + "}"
        if send == "get":
            answer = client.get("/api/graphql", {"query": one}, headers=headers)
        else:
            batch = [{"query": one}] * 16
            answer = client.post("/api/graphql", batch, content_type="application/json", headers=headers)
        assert answer.status_code == {"get": 405, "batch": 400}[send]
        assert not Payment.objects.exists()
        assert Endpoint.batch is False
