"""The site's addresses, generated from the live resolver: every route, by every method, for everybody."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from accounts.models import Membership
from accounts.querysets import AccountQuerySet
from tests.books import everything
from tests.matrix.asking import Cell, assert_as_declared, browser_of, difference, leaks, told, undone, wrong
from tests.matrix.table import (
    CUSTOMERS,
    MANAGE,
    OPEN,
    PAY,
    ROUTES,
    SIGNED_OUT,
    STAFF,
    Route,
)
from tests.matrix.world import SHARED, World

pytestmark = pytest.mark.django_db
ACTORS = (*SIGNED_OUT, *CUSTOMERS, "token", *STAFF)
LOGIN = "/account/login/"
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
WORDS = {200: "shown", 403: "forbidden", 404: "not found", 405: "not allowed", 422: "refused"}


def routes(patterns: list, before: str = "") -> Iterator[tuple[str, URLPattern]]:
    """Every address outside the back office, as it stands in the urls, and its pattern."""
    for one in patterns:
        here = f"{before}{one.pattern}"
        if isinstance(one, URLResolver):
            if one.namespace != "admin":
                yield from routes(one.url_patterns, here)
        else:
            yield here, one


def live() -> dict[str, URLPattern]:
    """Every address but the back office's, which `test_back_office.py` asks."""
    known = routes(get_resolver().url_patterns)
    return {address: route for address, route in known if not address.startswith("admin/")}


def cells(route: Route) -> Iterator[Cell]:
    """Everybody with their own rows; then each row in turn a foreign one and one that nobody has."""
    for actor in ACTORS:
        yield Cell(actor, "own")
        for name, kind in {**route.rows, **route.fields, **route.asked}.items():
            if kind not in SHARED:
                yield Cell(actor, f"foreign {name}")
            yield Cell(actor, f"random {name}")


def declared(route: Route, method: str, cell: Cell) -> str:
    """What the table says of a cell, as a word."""
    which, _, name = cell.rows.partition(" ")
    if method not in route.answers:
        return "not allowed"
    if cell.actor in SIGNED_OUT or (cell.actor == "token" and route.may.isdisjoint({"token"})):
        return "sign in"
    if "number" in route.rows and (name == "number" or cell.actor in STAFF):
        if cell.actor == "both" and which == "foreign":  # a colleague there too; what else is asked is not
            return (
                "forbidden"
                if route.may in (MANAGE, PAY)
                else "not found"
                if len(route.rows) > 1
                else route.answers[method]
            )
        return "not found"
    if cell.actor not in route.may:
        return "forbidden"
    if cell.actor in route.otherwise:
        return route.otherwise[cell.actor]
    if which == "own" or name in route.asked or (name in route.fields and method != "POST"):
        return route.answers[method]
    return route.refused if name in route.fields else "not found"


def given(world: World, route: Route, cell: Cell) -> dict[str, Any]:
    which, _, argument = cell.rows.partition(" ")
    ids = {}
    for name, kind in {**route.rows, **route.fields, **route.asked}.items():
        ids[name] = world.own(cell.actor, kind)
        if name == argument:
            ids[name] = world.random(kind) if which == "random" else world.foreign(cell.actor, kind)
    return ids


def ask(world: World, route: Route, method: str, cell: Cell) -> tuple[Any, dict[str, Any]]:
    ids = given(world, route, cell)
    address = reverse(live_name(route), kwargs={name: ids[name] for name in route.rows})
    fields = {name: ids[name] for name in route.fields} | {"form_key": UUID(int=1)}
    if "region" in fields:
        fields[f"orders-{fields['region']}"] = world.own(cell.actor, "line")
    question = {name: ids[name] for name in route.asked}
    client = browser_of(world, cell.actor)
    if method == "POST":
        return client.post(address, fields, query_params=question), ids
    return client.generic(method, address, query_params=question), ids


def live_name(route: Route) -> str:
    (address,) = (one for one, other in ROUTES.items() if other is route)
    return str(live()[address].name)


def word_of(response: Any, method: str, answers: dict[str, str]) -> str:
    """An answer as a word. Whether a signed-out reader is told first to sign in or that the method is not
    allowed, makes no difference."""
    location = response.headers.get("Location", "")
    if method not in answers and location.startswith(LOGIN):
        return "not allowed"
    if response.status_code in (302, 303):
        return "sign in" if location.startswith(LOGIN) else "goes on"
    return WORDS.get(response.status_code, str(response.status_code))


def asked_by(route: Route, method: str) -> dict[Cell, str]:
    """The cells of a method, as declared. One that is not allowed is asked of two only."""
    expected = {cell: declared(route, method, cell) for cell in cells(route)}
    if method not in route.answers:
        return {cell: "not allowed" for cell in expected if cell in (("nobody", "own"), ("admin", "own"))}
    if method == "HEAD":
        return {cell: word for cell, word in expected.items() if cell.rows == "own"}
    return expected


def violations(world: World, address: str) -> dict[str, str]:
    """What an address answers otherwise than the table says: a word, a foreign row told from none, or a
    refusal that wrote something."""
    route = ROUTES[address]
    found: dict[str, str] = {}
    answers: dict[tuple[str, Cell], tuple] = {}
    for method in METHODS:
        expected = asked_by(route, method)

        def come_of(cell: Cell, method: str = method) -> str:
            response, ids = ask(world, route, method, cell)
            answers[method, cell] = told(response, ids)
            leaked = leaks(answers[method, cell], world.marks_of_others(cell.actor))
            return (
                f"{response.status_code} with {leaked}"
                if leaked
                else word_of(response, method, route.answers)
            )

        wrongly = wrong(expected, come_of)
        found |= {f"{method} {cell}": text for cell, text in wrongly.items()}
    for (method, cell), answer in answers.items():
        which, _, name = cell.rows.partition(" ")
        other = answers.get((method, Cell(cell.actor, f"random {name}")))
        if which == "foreign" and cell.actor != "both" and answer != other:
            found[f"{method} {cell}, is told from a random one"] = difference(answer, other)
    return found


@pytest.mark.parametrize("address", ROUTES)
def test_an_address_answers_everybody_as_declared(world, address):
    assert_as_declared(violations(world, address))


@pytest.mark.parametrize("address", OPEN)
def test_an_open_address_answers_everybody_as_declared(world, address):
    route, found = OPEN[address], {}
    for method in METHODS:
        for actor in ACTORS:
            answers = route.signed_out if actor in (*SIGNED_OUT, "token") else route.signed_in
            word = answers.get(method, answers.get("*", "not allowed"))
            with undone():
                came = word_of(browser_of(world, actor).generic(method, route.example), method, {method: ""})
            if came != word:
                found[f"{method} {actor}"] = f"declared {word!r}, came {came!r}"
    assert_as_declared(found)


def refused_without_token(world: World, address: str) -> None:
    before = everything()
    answer = browser_of(world, "admin", enforce_csrf_checks=True).post(address, {"form_key": UUID(int=1)})
    assert (answer.status_code, answer.templates[0].name) == (403, "403_csrf.html")
    assert everything() == before


@pytest.mark.parametrize("address", ROUTES)
def test_a_browser_s_post_needs_the_form_s_token(world, address):
    route = ROUTES[address]
    ids = given(world, route, Cell("admin", "own"))
    refused_without_token(world, reverse(live_name(route), kwargs={name: ids[name] for name in route.rows}))


@pytest.mark.parametrize("address", OPEN)
def test_so_does_a_post_to_an_open_address(world, address):
    """But where programs post, who have no form: their doors have other locks."""
    assert OPEN[address].has_csrf == (not getattr(live()[address].callback, "csrf_exempt", False))
    if OPEN[address].has_csrf:
        refused_without_token(world, OPEN[address].example)


def test_every_address_is_in_the_table():
    assert sorted({*live()} ^ {*ROUTES, *OPEN}) == []
    for address, route in ROUTES.items():
        assert {*live()[address].pattern.converters} == {*route.rows}, address


@pytest.mark.control
def test_without_the_filter_by_member_the_matrix_fails(world, monkeypatch):
    """The negative control: everybody is a member everywhere."""
    monkeypatch.setattr(AccountQuerySet, "of_member", lambda rows, customer: rows.all())
    found = violations(world, "account/<str:number>/")
    assert {"GET admin, foreign number", "GET staff, own"} <= {*found}


@pytest.mark.control
def test_without_the_roles_the_matrix_fails(world, monkeypatch):
    monkeypatch.setattr(Membership, "level", lambda place, permission: 2)
    found = violations(world, "account/<str:number>/invoices/<int:pk>/pay/")
    assert {"GET junior, own", "POST senior, own"} <= {*found}
