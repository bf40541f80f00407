"""Hostile documents and requests at the GraphQL door: refused at once, in one format, changing nothing."""

import json
import time

import pytest
from django.test import Client

from accounts.models import CustomerToken, Organization
from invoicing_site.graphql_limits import CountLimits, document_cache
from invoicing_site.storefront import schema
from tests import documents
from tests.books import unchanged
from tests.factories import NOW

pytestmark = pytest.mark.django_db
URL = "/api/graphql"
PUBLISHED = {name: text for name, text in vars(documents).items() if name.isupper()}
CHECKED = document_cache(schema.graphql_schema, introspection=False)


@pytest.fixture(autouse=True)
def _clock(time_machine):
    time_machine.move_to(NOW, tick=False)


def post(client, content, **options):
    body = content if isinstance(content, bytes | str) else json.dumps(content)
    return client.post(URL, body, **{"content_type": "application/json", **options})


def told(response):
    """Status, text and code of each error."""
    return response.status_code, [
        (error["message"], error["extensions"]["code"]) for error in response.json()["errors"]
    ]


def refused(client, query):
    status, errors = told(post(client, {"query": query}))
    assert status == 400
    assert {code for _, code in errors} == {"VALIDATION_ERROR"}
    return [text for text, _ in errors]


def spread_twice(count):
    """Each fragment spreads the next one twice: 2**count paths in a thousand tokens."""
    chain = " ".join(f"fragment f{n} on Query {{ ...f{n + 1} ...f{n + 1} }}" for n in range(count))
    return f"{{ ...f0 }} {chain} fragment f{count} on Query {{ __typename }}"


# Documents


@pytest.mark.parametrize("name", PUBLISHED)
def test_every_published_document_passes(name):
    assert CHECKED(PUBLISHED[name])[1] == ()


def nested(depth):
    """A document so many fields deep; that they do not exist is another matter."""
    return "{ a " * depth + "}" * depth


def test_depth(client):
    deep = "Documents may be at most 10 fields deep"
    assert deep not in refused(client, nested(10))
    assert deep in refused(client, nested(11))
    inline = "{ ... { a " * 11 + "} }" * 11
    assert deep in refused(client, inline)
    through_fragments = (
        "{ a { a { a { a { ...f } } } } } fragment f on Query { a { a { a { ...g } } } }"
        " fragment g on Query { a { a { a { a } } } }"
    )
    assert deep in refused(client, through_fragments)


def test_aliases(client):
    def aliased(count):
        return "{" + " ".join(f"a{n}: __typename" for n in range(count)) + "}"

    assert post(client, {"query": aliased(15)}).status_code == 200
    assert refused(client, aliased(16)) == ["Documents may have at most 15 aliases"]


def test_directives(client):
    def directed(count):
        return "{" + " ".join("__typename @include(if: true)" for _ in range(count)) + "}"

    assert post(client, {"query": directed(15)}).status_code == 200
    assert refused(client, directed(16)) == ["Documents may have at most 15 directives"]


def test_fragment_spreads(client):
    def spread(count):
        return "{" + "...f " * count + "} fragment f on Query { __typename }"

    assert post(client, {"query": spread(15)}).status_code == 200
    assert refused(client, spread(16)) == ["Documents may have at most 15 fragment spreads"]


@pytest.mark.parametrize("count", [20, 60, 96])
def test_fragments_that_spread_others_twice_take_no_time(client, count):
    begun = time.process_time()
    assert refused(client, spread_twice(count)) == ["Documents may have at most 15 fragment spreads"]
    assert time.process_time() - begun < 1


def test_tokens(client):
    fits = "{" + "__typename " * 200 + "}"
    assert post(client, {"query": fits}).status_code == 200
    (text,) = refused(client, "{" + "__typename " * 1000 + "}")
    assert text == "Syntax Error: Document contains more than 1000 tokens. Parsing aborted."


def test_circular_fragments(client):
    own = "{ ...f } fragment f on Query { ...f }"
    assert "Cannot spread fragment 'f' within itself." in refused(client, own)
    pair = "{ ...f } fragment f on Query { ...g } fragment g on Query { ...f }"
    assert "Cannot spread fragment 'f' within itself via 'g'." in refused(client, pair)


@pytest.mark.parametrize(
    "query",
    ["{ a(b: " + "[" * 450 + "]" * 450 + ") }", "{ a " * 330 + "}" * 330, "{ ... " * 320 + "}" * 320],
)
def test_a_document_that_nests_without_end(client, query):
    assert refused(client, query) == ["Syntax Error: Document is nested too deeply. Parsing aborted."]


@pytest.mark.parametrize("query", ["", "   ", "{", "{ nope }", "{ __typename", "query { }", "﻿{", "\x00"])
def test_what_is_no_document(client, query):
    assert refused(client, query)


ONE, OTHER = 'revokeCustomerToken(id: "1") { __typename }', "regenerateCustomerToken { token }"
MUTATIONS = [
    f"mutation {{ a: {ONE} b: {ONE} }}",
    f"mutation {{ {ONE} {OTHER} }}",
    f"mutation {{ ...f }} fragment f on Mutation {{ {ONE} {OTHER} }}",
    f"mutation {{ ...f ...g }} fragment f on Mutation {{ {ONE} }} fragment g on Mutation {{ {OTHER} }}",
    f"mutation {{ ... on Mutation {{ {ONE} }} {OTHER} }}",
    f"mutation A {{ {ONE} }} mutation B {{ {OTHER} }}",
]


@pytest.mark.parametrize("query", MUTATIONS)
def test_a_document_changes_one_thing(client, alice, query):
    with unchanged():
        response = post(client, {"query": query}, headers={"Authorization": f"Bearer {alice.token}"})
    assert told(response) == (400, [("Documents may have at most 1 mutation", "VALIDATION_ERROR")])


@pytest.mark.control
def test_without_the_limits_one_document_would_change_sixteen_things(client, alice, monkeypatch):
    monkeypatch.setattr(CountLimits, "leave_document", lambda *_: None)
    many = " ".join(f"t{number}: regenerateCustomerToken {{ token }}" for number in range(16))
    document_cache.cache_clear()
    try:
        answer = post(
            client, {"query": f"mutation {{ {many} }}"}, headers={"Authorization": f"Bearer {alice.token}"}
        )
    finally:
        document_cache.cache_clear()  # it keeps what passed
    assert (answer.status_code, CustomerToken.objects.count()) == (200, 17)


def test_one_mutation_passes(graphql, alice):
    made = graphql(alice)("mutation { regenerateCustomerToken { token } }")["regenerateCustomerToken"]
    assert made["token"].startswith("ctok_")
    assert CustomerToken.objects.count() == 2


def test_the_schema_is_told_to_nobody_but_its_typename_is(client):
    for query in ("{ __schema { types { name } } }", '{ __type(name: "Query") { name } }'):
        assert any("introspection" in text.lower() for text in refused(client, query))
    assert post(client, {"query": "{ __typename }"}).json() == {"data": {"__typename": "Query"}}
    while_debugging = document_cache(schema.graphql_schema, introspection=True)
    assert while_debugging("{ __schema { types { name } } }")[1] == ()


def test_a_wrong_name_is_not_taught_with_the_right_ones_of_others(client):
    (text,) = refused(client, "{ getCustomerAccountz }")
    assert text.startswith("Cannot query field 'getCustomerAccountz' on type 'Query'.")


# Requests


def test_only_post(client):
    for ask in (client.get, client.put, client.patch, client.delete):
        response = ask(URL, {"query": "{ __typename }"}) if ask == client.get else ask(URL)
        assert told(response) == (405, [("Send a POST request", "VALIDATION_ERROR")])
        assert response.headers["Allow"] == "POST"


@pytest.mark.parametrize(
    "kind",
    ["text/plain", "application/graphql", "application/x-www-form-urlencoded", "multipart/form-data", ""],
)
def test_only_json(client, kind):
    response = client.generic("POST", URL, b'{"query": "{ __typename }"}', content_type=kind)
    assert told(response) == (415, [("Send application/json", "VALIDATION_ERROR")])


def test_json_with_a_charset(client):
    kind = "application/json; charset=utf-8"
    assert post(client, {"query": "{ __typename }"}, content_type=kind).status_code == 200


def test_a_body_of_more_than_100_kb(client):
    fits = {"query": "{ __typename }", "variables": {"x": "y" * (100 * 1024 - 60)}}
    assert post(client, fits).status_code == 200
    large = {"query": "{ __typename }", "variables": {"x": "y" * 100 * 1024}}
    assert told(post(client, large)) == (413, [("Documents may be at most 100 KB", "VALIDATION_ERROR")])


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"null",
        b"7",
        b'"{ __typename }"',
        b"\xff\xfe",
        b'[{"query": "{ __typename }"}]',
        b"[]",
        b"{}",
        b'{"query": 7}',
        b'{"query": ["{ __typename }"]}',
        b'{"query": "{ __typename }", "variables": [1]}',
        b'{"query": "{ __typename }", "variables": "x"}',
        b'{"query": "{ __typename }", "operationName": 7}',
        b'{"query": "{ __typename }", "operationName": "Nope"}',
        b'{"query": "{ __typename }", "variables": ' + b"[" * 40_000 + b"]" * 40_000 + b"}",
        b'{"query": "subscription { x }"}',
        b'{"query": "query A { __typename } query B { __typename }"}',
    ],
    ids=lambda body: body[:40].decode(errors="replace"),
)
def test_what_is_no_request(client, body):
    status, errors = told(post(client, body))
    assert status == 400
    assert {code for _, code in errors} == {"VALIDATION_ERROR"}


@pytest.mark.parametrize("value", [7, None, ["x"], {"a": 1}])
def test_a_variable_of_another_type(graphql, alice, value):
    response = graphql(alice).post(documents.COMPLETE, {"paymentSessionId": value})
    assert response.status_code == (200 if value == 7 else 400)
    assert [error["extensions"]["code"] for error in response.json()["errors"]] == [
        "NOT_FOUND" if value == 7 else "VALIDATION_ERROR"
    ]


@pytest.mark.parametrize(
    "text", ["\x00", "\ud800", "' OR 1=1 --", "1" * 5000, "<script>", "％００", "\u202e"]
)
def test_hostile_text_is_told_nothing_found(graphql, alice, account, text):
    graphql(alice)(documents.GET_ACCOUNTS)  # a token's use is written down once in five minutes
    with unchanged():
        for query, names in [
            (documents.COMPLETE, ["paymentSessionId"]),
            (documents.CREATE_SESSIONS, ["invoiceId"]),
            (documents.INITIATE, ["invoiceId", "paymentProviderId"]),
        ]:
            response = graphql(alice).post(query, dict.fromkeys(names, text))
            assert response.status_code == 200
            assert response.json()["errors"][0]["extensions"]["code"] == "NOT_FOUND"


# Who asks


def with_cookie(user):
    client = Client(enforce_csrf_checks=True)
    client.force_login(user)
    return client


SECRET = "abcdefghijklmnopqrstuvwxyzABCDEF"  # as Django's CSRF cookie looks
ASK = {"query": documents.GET_ACCOUNTS}


def test_a_cookie_needs_the_csrf_token(alice):
    client = with_cookie(alice.user)
    wrong = [{}, {"X-CSRFToken": ""}, {"X-CSRFToken": SECRET[::-1]}]
    for headers in wrong:
        client.cookies["csrftoken"] = SECRET
        assert told(post(client, ASK, headers=headers)) == (
            403,
            [("CSRF token missing or wrong", "FORBIDDEN")],
        )
    answer = post(client, ASK, headers={"X-CSRFToken": SECRET}).json()
    assert len(answer["data"]["getCustomerAccounts"]) == 1


def test_a_bearer_needs_none_and_no_cookie_rescues_a_wrong_one(alice, mallory):
    client = with_cookie(alice.user)
    for token, expected in [(alice.token, "Globex"), (mallory.token, "Initech")]:
        answer = post(client, ASK, headers={"Authorization": f"Bearer {token}"}).json()
        assert [one["accountNumber"] for one in answer["data"]["getCustomerAccounts"]] == [
            {"Globex": "ACC-2025-000001", "Initech": "ACC-2025-000002"}[expected]
        ]
    client.cookies["csrftoken"] = SECRET
    for header in ("Bearer ctok_wrong", "Bearer ", "Bearer", "", "Basic YTpi", f"Token {alice.token}"):
        response = post(client, ASK, headers={"Authorization": header, "X-CSRFToken": SECRET})
        assert response.json()["errors"][0]["message"] == "Authentication required"
        assert response.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
        assert response.json()["data"] == {"getCustomerAccounts": None}


def test_a_bug_is_told_without_its_text(graphql, alice, caplog):
    Organization.objects.all().delete()
    response = graphql(alice).post(documents.GET_ACCOUNTS)
    assert response.status_code == 200
    (error,) = response.json()["errors"]
    assert (error["message"], error["extensions"]) == (
        "Something went wrong on our side",
        {"code": "INTERNAL"},
    )
    assert b"Organization" not in response.content
    (logged,) = [record for record in caplog.records if record.message == "graphql.failed"]
    assert logged.exc_info is not None


def test_a_refusal_names_the_argument_at_fault(graphql, alice):
    response = graphql(alice).post("{ getCustomerAccounts(limit: 101) }")
    (error,) = response.json()["errors"]
    assert error["message"] == "limit must be between 1 and 100"
    assert error["extensions"] == {"code": "VALIDATION_ERROR", "field": "limit"}
    assert error["path"] == ["getCustomerAccounts"]
