"""The storefront, generated from its live schema: every root field, asked by everybody."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from graphql import GraphQLField, GraphQLObjectType, get_named_type

from accounts.models import CustomerToken, Membership
from accounts.querysets import OwnedQuerySet
from invoicing_site.storefront import schema
from tests.matrix.asking import Cell, assert_as_declared, browser_of, difference, leaks, told, wrong
from tests.matrix.table import PAY, REFUSED_AS, SIGNED_OUT, STAFF, STOREFRONT, Operation
from tests.matrix.world import SHARED, World

pytestmark = pytest.mark.django_db
ACTORS = (*SIGNED_OUT, "junior", "senior", "admin", "cookie", "stranger", "both", *STAFF)
WORDS = {"UNAUTHENTICATED": "sign in", "FORBIDDEN": "forbidden", "NOT_FOUND": "not found"}
WORDS |= {"CONFLICT": "conflict", None: "done"}
SECRET = "abcdefghijklmnopqrstuvwxyzABCDEF"  # as Django's CSRF cookie looks


def live() -> dict[str, tuple[str, GraphQLField]]:
    """The kind and definition of every root field."""
    roots = {"query": schema.graphql_schema.query_type, "mutation": schema.graphql_schema.mutation_type}
    return {name: (kind, one) for kind, root in roots.items() for name, one in root.fields.items()}


def selection(kind: Any, depth: int = 5) -> str:
    """Everything that can be asked of a type."""
    kind = get_named_type(kind)
    if not isinstance(kind, GraphQLObjectType):
        return ""
    if depth == 0:
        return "{ __typename }"
    return (
        "{ "
        + " ".join(f"{name} {selection(one.type, depth - 1)}" for name, one in kind.fields.items())
        + " }"
    )


def document(name: str) -> str:
    """The whole of an operation, its arguments as variables."""
    kind, found = live()[name]
    declared = ", ".join(f"${one}: {argument.type}" for one, argument in found.args.items())
    passed = ", ".join(f"{one}: ${one}" for one in found.args)
    declared, passed = (f"({text})" if text else "" for text in (declared, passed))
    return f"{kind} Ask{declared} {{ {name}{passed} {selection(found.type)} }}"


def cells(operation: Operation) -> Iterator[Cell]:
    """Everybody with their own rows; then each row in turn a foreign one and one that nobody has."""
    for actor in ACTORS:
        yield Cell(actor, "own")
        for argument, kind in operation.rows.items():
            if kind not in SHARED:
                yield Cell(actor, f"foreign {argument}")
            yield Cell(actor, f"random {argument}")


def declared(operation: Operation, cell: Cell) -> str:
    """What the table says of a cell, as a word."""
    if cell.actor in SIGNED_OUT:
        return "sign in"
    if cell.actor in STAFF:  # of no company: lists are empty, rows not found
        is_theirs = not operation.rows or (operation.may >= set(STAFF) and cell.rows == "own")
        return "done" if is_theirs else "not found"
    which, _, argument = cell.rows.partition(" ")
    if cell.actor == "both" and which == "foreign" and operation.rows[argument] not in ("line", "token"):
        return "forbidden" if operation.may == PAY else "done"  # a colleague there too, who may look
    if cell.actor not in operation.may:
        return "forbidden"
    return "done" if cell.rows == "own" else REFUSED_AS.get(operation.rows[argument], "not found")


def given(world: World, operation: Operation, cell: Cell) -> dict:
    """The variables of a cell."""
    which, _, argument = cell.rows.partition(" ")
    ids = {}
    for name, kind in operation.rows.items():
        one = world.own(cell.actor, kind)
        if name == argument:
            one = world.random(kind) if which == "random" else world.foreign(cell.actor, kind)
        ids[name] = one
    return ids


def variable(name: str, argument: str, value: Any) -> Any:
    """A row as the argument names it."""
    kind = str(live()[name][1].args[argument].type)
    if kind.startswith("CartData"):
        return {"lineItems": [{"invoiceId": value, "amount": "1"}], "currency": "USD", "details": {}}
    one = value if "Int" in kind else str(value)
    return [one] if "[" in kind else one


def post(world: World, name: str, cell: Cell):
    operation = STOREFRONT[name]
    ids = given(world, operation, cell)
    variables = {one: variable(name, one, value) for one, value in ids.items()} | operation.plain
    client = browser_of(world, "admin" if cell.actor == "cookie" else "nobody", enforce_csrf_checks=True)
    client.cookies["csrftoken"] = SECRET
    headers = {"X-CSRFToken": SECRET} if cell.actor == "cookie" else {}
    if cell.actor not in ("nobody", "cookie"):
        headers["Authorization"] = f"Bearer {world.tokens[cell.actor]}"
    body = json.dumps({"query": document(name), "variables": variables})
    return client.post("/api/graphql", body, content_type="application/json", headers=headers), ids


def come_of(world: World, name: str, cell: Cell) -> str:
    """What came of a cell, as a word; or what the answer gives away."""
    response, ids = post(world, name, cell)
    body = response.json()
    if response.status_code != 200 or leaks(told(response, ids), world.marks_of_others(cell.actor)):
        return f"{response.status_code} {response.content.decode()}"
    errors = body.get("errors", [])
    code = errors[0]["extensions"]["code"] if errors else None
    answer = (body.get("data") or {}).get(name)
    if code and answer is not None:
        return f"{code} and {answer}"
    return WORDS.get(code, f"{code} {errors}")


def violations(world: World, name: str) -> dict[str, str]:
    """What an operation answers otherwise than the table says: a word, a foreign row told from none, or a
    refusal that wrote something."""
    operation = STOREFRONT[name]
    expected = {cell: declared(operation, cell) for cell in cells(operation)}
    found = wrong(expected, lambda cell: come_of(world, name, cell))
    for cell, word in expected.items():
        which, _, argument = cell.rows.partition(" ")
        if which == "foreign" and word in ("not found", "conflict"):
            pair = (post(world, name, one) for one in (cell, Cell(cell.actor, f"random {argument}")))
            one, other = (told(*asked) for asked in pair)
            if one != other:
                found[f"{cell}, is told from a random one"] = difference(one, other)
    return found


@pytest.mark.parametrize("name", STOREFRONT)
def test_an_operation_answers_everybody_as_declared(world, name):
    assert_as_declared(violations(world, name))


def undeclared(fields: dict[str, tuple[str, GraphQLField]]) -> list[str]:
    """What is live and not in the table, and what stands in the table and is not live."""
    found = sorted({*fields} ^ {*STOREFRONT})
    for name, (_, one) in fields.items():
        if name in STOREFRONT:
            said = {*STOREFRONT[name].rows, *STOREFRONT[name].plain}
            found += [f"{name}.{argument}" for argument in sorted({*one.args} ^ said)]
    return found


def test_every_operation_and_argument_is_in_the_table():
    assert undeclared(live()) == []


def test_one_that_is_not_is_found():
    fields = live()
    kind, one = fields["getCustomerAccount"]
    more = {"accountId": one.args["accountId"], "invoiceId": one.args["accountId"]}
    fields["getCustomerAccount"] = (kind, GraphQLField(one.type, more))
    fields["getEverything"] = (kind, one)
    assert undeclared(fields) == ["getEverything", "getCustomerAccount.invoiceId"]


FILTERED = (
    "getCustomerAccount",
    "activeInvoice",
    "getCustomerPaidInvoices",
    "completeInvoicePayment",
    "invoices",
    "receiptLine",
)


@pytest.mark.control
@pytest.mark.parametrize("name", FILTERED)
def test_without_the_filter_by_account_the_matrix_fails(world, monkeypatch, name):
    """The negative control: every row is visible to everybody."""
    monkeypatch.setattr(OwnedQuerySet, "visible_to", lambda rows, customer, may="": rows.all())
    assert violations(world, name) != {}


@pytest.mark.control
def test_without_the_filter_by_user_the_matrix_fails(world, monkeypatch):
    everybody_s = CustomerToken.objects.filter
    without_user = lambda *args, user, **where: everybody_s(*args, **where)  # noqa: E731 a filter less
    monkeypatch.setattr(CustomerToken.objects, "filter", without_user)
    assert "stranger, foreign id" in violations(world, "revokeCustomerToken")


@pytest.mark.control
def test_without_the_roles_the_matrix_fails(world, monkeypatch):
    monkeypatch.setattr(Membership, "level", lambda place, permission: 2)
    found = violations(world, "createInvoicePaymentSessions")
    assert {"junior, own", "senior, own", "both, foreign invoiceId"} <= set(found)
