"""How one cell of the matrix is asked, and how its answer is compared: what differs by chance or only repeats
the question is taken out."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from django.conf import settings
from django.db import connection, transaction
from django.http import HttpResponse
from django.test import Client

from tests.books import everything
from tests.matrix.world import World

BY_CHANCE = re.compile(
    rb'csrfmiddlewaretoken" value="\w+"|nonce="[^"]+"|nonce-[\w+/=-]+|form_key" value="[\w-]+"'
    rb'|"X-CSRFToken": ?"\w+"|value="[\w-]{36}"|(?i:request[-_ ]id)[^<]{0,80}'
)
PASSING = ("done", "shown", "goes on")
WRITING = re.compile(r'(INSERT INTO|UPDATE|DELETE FROM) "(core|accounts|orders|invoices|payments|auth)_')


class Cell(NamedTuple):
    """One question: who asks, and which kinds of rows are meant."""

    actor: str
    rows: str

    def __str__(self) -> str:
        return f"{self.actor}, {self.rows}"


@contextmanager
def undone() -> Iterator[None]:
    """What the block writes is taken back. Marked as a test's own transaction, so that the operations, which
    insist on theirs being the outermost, run inside it."""
    block = transaction.atomic()
    block._from_testcase = True  # type: ignore[attr-defined]
    with block:
        yield
        transaction.set_rollback(True)


@contextmanager
def writes() -> Iterator[list[str]]:
    """Which statements of the block write to tables of ours, taken back or not. Sessions do not count."""
    found: list[str] = []

    def look(execute: Callable, sql: str, params: Any, many: bool, context: dict) -> Any:
        if WRITING.match(sql):
            found.append(sql[:80])
        return execute(sql, params, many, context)

    with connection.execute_wrapper(look):
        yield found


def browser_of(world: World, actor: str, **options: Any) -> Client:
    """The actor's browser: `nobody` has no cookie, `expired` one whose session is over, `token` is the
    Admin's program, which has no cookie but a token."""
    if actor == "token":
        return Client(headers={"Authorization": f"Bearer {world.tokens['admin']}"}, **options)
    client = Client(**options)
    if actor == "nobody":
        return client
    client.cookies[settings.SESSION_COOKIE_NAME] = world.sessions[actor]
    return client


def told(response: HttpResponse, given: dict[str, Any]) -> tuple:
    """An answer without what differs by chance, and without the ids that were asked for: a company's number
    wherever it stands, other ids where an address has them."""
    content, location = BY_CHANCE.sub(b"", response.getvalue()), response.headers.get("Location", "")
    for name, value in given.items():
        in_path = name in ("number", "pk")
        here = (
            rf"{value}" if name == "number" else rf"/{value}/" if in_path else rf"(=|%3D|Invoice ){value}\b"
        )
        content = re.sub(here.encode(), b"<asked>", content)
        location = re.sub(here, "<asked>", location)
    headers = {name for name in response.headers if name not in ("X-Request-Id", "Content-Length")}
    return response.status_code, content, location, sorted(headers)


def leaks(answer: tuple, words: list[str]) -> list[str]:
    """Which of these words stand in an answer, but for what it only repeats."""
    text = answer[1].decode(errors="replace")
    return [word for word in words if word in text]


def difference(one: tuple, other: tuple) -> str:
    """Where two answers begin to differ."""
    if one[1] == other[1]:
        return f"{one[0]} {one[2:]} and {other[0]} {other[2:]}"
    at = next(
        (place for place, pair in enumerate(zip(one[1], other[1], strict=False)) if pair[0] != pair[1]),
        min(len(one[1]), len(other[1])),
    )
    around = slice(max(0, at - 40), at + 80)
    return f"{one[0]} {one[1][around]!r} and {other[0]} {other[1][around]!r}"


def wrong(expected: dict[Cell, str], ask: Callable[[Cell], str]) -> dict[str, str]:
    """The cells that answer otherwise than declared, each with what was declared and what came. What a cell
    does is taken back, and one that is refused may have written nothing."""
    found, before = {}, everything()
    for cell, word in expected.items():
        with undone(), writes() as written:
            came = ask(cell)
            if written and word not in PASSING and everything() != before:
                found[f"{cell}, writes"] = written[-1]
        if came != word:
            found[str(cell)] = f"declared {word!r}, came {came!r}"
    return found


def assert_as_declared(found: dict[str, str]) -> None:
    """Fails with one line for each cell that is otherwise."""
    lines = [f"{cell}: {text}" for cell, text in sorted(found.items())]
    assert not lines, "\n".join(["not as declared in tests/matrix/table.py:", *lines])
