"""Documents that a machine makes up from the storefront's schema, sent through the WSGI application as each
role: no answer is a bug of ours, and each has the shape that the schema promises.

`FUZZ_EXAMPLES=2000 pytest tests/matrix/test_fuzz.py` is the long run.
"""

import os
from typing import Any

import graphql
import pytest
import schemathesis
from django.core.handlers.wsgi import WSGIHandler
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode

from invoicing_site.storefront import schema
from tests.factories import MANUAL, PAYPAL, STRIPE
from tests.matrix.asking import undone
from tests.matrix.table import STOREFRONT
from tests.matrix.world import World

pytestmark = pytest.mark.django_db
SMOKE = 10
EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", SMOKE))
ROLES = ("nobody", "junior", "senior", "admin", "stranger", "superuser")
LIVE = schema.graphql_schema
KINDS = {"String": str, "ID": str, "Int": int, "BigInt": int, "Float": float, "Boolean": bool}
KINDS |= {"JSON": object, "GenericScalar": object}
CODES = {"UNAUTHENTICATED", "FORBIDDEN", "NOT_FOUND", "VALIDATION_ERROR", "CONFLICT", "RATE_LIMITED"}


nodes = schemathesis.graphql.nodes
texts = st.one_of(st.text(max_size=20), st.sampled_from(["1", "NaN", "-1", "2025-10-03", "1e9"]))
for name, made in (
    ("GenericScalar", st.one_of(texts.map(nodes.String), st.just(nodes.Object(fields=[])))),
    ("Decimal", st.one_of(st.integers().map(nodes.Int), texts.map(nodes.String))),
    ("Date", st.one_of(st.dates().map(str), st.dates().map(str), texts).map(nodes.String)),
    ("BigInt", st.integers().map(nodes.Int)),
):
    schemathesis.graphql.scalar(name, made)


def loaded() -> Any:
    """The schema as schemathesis reads it; from the code, since introspection is off."""
    found = schemathesis.graphql.from_dict({"data": schema.introspect()})
    found.app, found.location = WSGIHandler(), "/api/graphql"
    return found


FUZZED = loaded()


@pytest.fixture(autouse=True)
def _connection_kept():
    """A request through WSGI would close the connection, and the test's transaction with it."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


def documents(name: str) -> st.SearchStrategy:
    """Cases for one root field: such as the schema allows, and such as it forbids."""
    root = "Query" if name in LIVE.query_type.fields else "Mutation"
    operation = FUZZED[root][name]
    kept = operation.as_strategy(generation_mode=GenerationMode.POSITIVE)
    try:
        broken = operation.as_strategy(generation_mode=GenerationMode.NEGATIVE)
    except Exception:  # noqa: BLE001 it says so in several ways
        return kept
    return st.one_of(kept, broken)


class RealIds(graphql.Visitor):
    """Puts ids that there are, own and foreign ones, in the place of most that were made up."""

    def __init__(self, world: World, name: str, role: str, draw: Any) -> None:
        super().__init__()
        self.world, self.rows, self.role, self.draw = world, STOREFRONT[name].rows, role, draw
        self.name = name

    def enter_argument(self, node: graphql.ArgumentNode, *_: Any) -> Any:
        kind = self.rows.get(node.name.value)
        which = self.draw(st.sampled_from(("own", "own", "foreign", "made up"))) if kind else "made up"
        if which == "made up":
            return None
        actor = self.role if self.role in self.world.users else "admin"
        value = getattr(self.world, which)(actor, kind)
        if kind == "code":
            value = self.draw(st.sampled_from((MANUAL, STRIPE, PAYPAL)))
        if kind == "cart":
            return None
        one = (graphql.IntValueNode if "Int" in self.argument(node) else graphql.StringValueNode)(
            value=str(value)
        )
        is_list = isinstance(node.value, graphql.ListValueNode)
        whole = graphql.ListValueNode(values=(one,)) if is_list else one
        return graphql.ArgumentNode(name=node.name, value=whole)

    def argument(self, node: graphql.ArgumentNode) -> str:
        """The type of an argument of the root field."""
        roots = {**LIVE.query_type.fields, **LIVE.mutation_type.fields}
        return str(roots[self.name].args[node.name.value].type)


def fits(value: Any, kind: Any) -> bool:
    """Whether a value is what a type promises."""
    if isinstance(kind, graphql.GraphQLNonNull):
        return value is not None and fits(value, kind.of_type)
    if value is None:
        return True
    if isinstance(kind, graphql.GraphQLList):
        return isinstance(value, list) and all(fits(one, kind.of_type) for one in value)
    if isinstance(kind, graphql.GraphQLObjectType):
        return isinstance(value, dict)
    is_number = kind.name in ("Int", "BigInt")
    return isinstance(value, KINDS[kind.name]) and not (is_number and isinstance(value, bool))


class Conforms(graphql.Visitor):
    """Walks a document beside its answer: every field that was asked is there, and of its type."""

    def __init__(self, types: graphql.TypeInfo, data: dict[str, Any]) -> None:
        super().__init__()
        self.types, self.levels, self.wrong = types, [[data]], list[str]()

    def enter_field(self, node: graphql.FieldNode, *_: Any) -> None:
        key, kind = (node.alias or node.name).value, self.types.get_type()
        below: list[Any] = []
        for here in self.levels[-1]:
            if key not in here or not fits(here[key], kind):
                self.wrong.append(f"{key}: {here.get(key, 'missing')!r} is no {kind}")
                continue
            value = here[key]
            below += [one for one in (value if isinstance(value, list) else [value]) if isinstance(one, dict)]
        self.levels.append(below)

    def leave_field(self, *_: Any) -> None:
        self.levels.pop()


def judge(body: str, response: Any) -> None:
    """No bug of ours, in one of the shapes that a client knows."""
    assert response.status_code in (200, 400), (response.status_code, body)
    answer = response.json()
    codes = {error["extensions"]["code"] for error in answer.get("errors", [])}
    assert codes <= CODES, (codes, body)
    if response.status_code == 400:
        assert codes == {"VALIDATION_ERROR"}, body
        assert answer.get("data") is None
    elif answer["data"] is None:
        assert codes, "nothing, and no reason"
    elif "@" not in body:  # a directive may leave a field out
        types = graphql.TypeInfo(LIVE)
        walk = Conforms(types, answer["data"])
        graphql.visit(graphql.parse(body), graphql.TypeInfoVisitor(types, walk))
        assert walk.wrong == [], body


def fuzz(world: World, name: str, role: str) -> dict[int, int]:
    """How many answers there were of each status."""
    came: dict[int, int] = {}
    token = world.tokens.get(role)

    @settings(
        max_examples=EXAMPLES,
        derandomize=EXAMPLES == SMOKE,
        database=None,
        deadline=None,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    @given(case=documents(name), data=st.data())
    def ask(case: Any, data: Any) -> None:
        with undone():
            document = graphql.parse(case.body) if isinstance(case.body, str) else None
            if document is not None:
                document = graphql.visit(document, RealIds(world, name, role, data.draw))
                case.body = graphql.print_ast(document)
            response = case.call(headers={"Authorization": f"Bearer {token}"} if token else {})
            judge(case.body, response)
            came[response.status_code] = came.get(response.status_code, 0) + 1

    ask()
    return came


@pytest.mark.parametrize("role", ROLES)
def test_made_up_documents_find_no_bug(world, role):
    came = {name: fuzz(world, name, role) for name in STOREFRONT}
    assert [name for name, found in came.items() if not found.get(200)] == []


@pytest.mark.control
def test_a_bug_is_found(world, monkeypatch):
    """The negative control: a resolver that fails, and one that answers what its type does not allow."""
    monkeypatch.setattr("payments.schema.business._locale", lambda customer: 1 / 0)
    with pytest.raises(AssertionError, match="INTERNAL"):
        fuzz(world, "getUnpaidLineItemsByRegion", "admin")


@pytest.mark.control
def test_an_answer_of_the_wrong_shape_is_found(world, monkeypatch):
    document = "{ activeInvoice(invoiceId: 1) { id totalAmount lineItems { id } } }"

    def wrong(data: dict) -> list[str]:
        types = graphql.TypeInfo(LIVE)
        walk = Conforms(types, data)
        graphql.visit(graphql.parse(document), graphql.TypeInfoVisitor(types, walk))
        return walk.wrong

    right = {"id": "1", "totalAmount": 3940, "lineItems": [{"id": "2"}]}
    assert wrong({"activeInvoice": right}) == []
    assert wrong({"activeInvoice": right | {"totalAmount": "3940"}}) == ["totalAmount: '3940' is no BigInt!"]
    assert wrong({"activeInvoice": right | {"lineItems": [{}]}}) == ["id: 'missing' is no ID!"]
    assert wrong({"activeInvoice": {"id": "1", "totalAmount": 1}}) == [
        "lineItems: 'missing' is no [InvoiceLineItem!]!"
    ]
