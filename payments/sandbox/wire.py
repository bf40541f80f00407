"""What comes in and goes out of the sandbox's one door."""

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from email.message import Message
from typing import Any

PAYPAL_PATHS = ("/v2/", "/v1/oauth2/", "/v1/notifications/", "/v1/reporting/")


@dataclass(frozen=True)
class Keys:
    """The credentials the sandbox accepts and signs with."""

    stripe_secret: str
    stripe_publishable: str
    stripe_webhook_secret: str
    paypal_client_id: str
    paypal_client_secret: str
    paypal_webhook_id: str


@dataclass(frozen=True)
class Call:
    """One request as it arrived."""

    method: str
    path: str
    query: str
    headers: Message
    body: bytes
    origin: str  # scheme and authority under which the caller reached us
    at: float
    defer: int = 0  # a capture or refund is accepted now and done after so many lookups

    @property
    def is_paypal(self) -> bool:
        return self.path.startswith(PAYPAL_PATHS)

    def header(self, name: str) -> str:
        return self.headers.get(name) or ""


@dataclass(frozen=True)
class Answer:
    """One response as it leaves."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)

    def having(self, **headers: str) -> "Answer":
        """The same answer with further headers; underscores stand for dashes."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return Answer(self.status, self.body, {**self.headers, **named})


class Refused(Exception):
    """The request is turned down and nothing was written."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.body.decode())
        self.answer = answer


def in_json(status: int, content: Any) -> Answer:
    return Answer(status, json.dumps(content).encode(), {"Content-Type": "application/json"})


def in_html(status: int, text: str) -> Answer:
    headers = {"Content-Type": "text/html; charset=utf-8", "Cache-Control": "no-store"}
    return Answer(status, text.encode(), headers)


def see_other(location: str) -> Answer:
    return Answer(303, b"", {"Location": location, "Cache-Control": "no-store"})


@dataclass(frozen=True)
class Route:
    """A method and a path; `{}` in the path is an object's id and becomes an argument."""

    method: str
    path: str
    act: Callable[..., Any]
    shape: Any = None  # what the provider declares about the parameters
    supported: frozenset[str] = frozenset()

    def match(self, method: str, path: str) -> tuple[str, ...] | None:
        pattern = re.escape(self.path).replace(r"\{\}", "([A-Za-z0-9_-]+)")
        found = re.fullmatch(pattern, path) if method == self.method else None
        return found.groups() if found else None


def find_route(routes: Iterable[Route], call: Call) -> tuple[Route, tuple[str, ...]] | None:
    """The route of this call and the ids in its path."""
    for route in routes:
        ids = route.match(call.method, call.path)
        if ids is not None:
            return route, ids
    return None
