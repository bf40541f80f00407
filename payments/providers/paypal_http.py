"""One call to PayPal's API: its access token, and what an answer other than expected means."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import requests
from django.conf import settings

from payments.providers.base import (
    MALFORMED,
    ProviderForgot,
    ProviderRefused,
    ProviderUnavailable,
    outside_transactions,
    timeouts,
)

tokens: dict[tuple[str, str], tuple[str, float]] = {}
_local = threading.local()


@contextmanager
def as_documented() -> Iterator[None]:
    """An answer of another shape than PayPal's own means that nobody knows."""
    try:
        yield
    except MALFORMED as error:
        raise ProviderUnavailable("PayPal: an answer that is none of PayPal's") from error


def call(method: str, path: str, *, key: str = "", body: Any = None) -> dict[str, Any]:
    """One call; `body` is JSON text or a value to be written as such. A 4xx about the request means nothing
    happened; everything else means nobody knows."""
    outside_transactions()
    text = json.dumps(body) if body is not None and not isinstance(body, str) else body
    asked = {"PayPal-Request-Id": key, "Prefer": "return=representation"} if key else {}
    options: dict[str, Any] = {"data": text and text.encode()}
    answer = _send(method, path, headers=asked | _signed_in(_token()), **options)
    if answer.status_code == 401:  # the token was revoked before its time
        tokens.pop(_place(), None)
        answer = _send(method, path, headers=asked | _signed_in(_token()), **options)
    if answer.status_code == 404:
        raise ProviderForgot("PayPal: RESOURCE_NOT_FOUND")
    if answer.status_code in (400, 403, 422):
        raise ProviderRefused(f"PayPal: {_issue(answer)}")
    return _understood(answer)


def _send(method: str, path: str, **options: Any) -> requests.Response:
    if not hasattr(_local, "session"):
        _local.session = requests.Session()
    try:
        return _local.session.request(method, settings.PAYPAL_API_BASE + path, timeout=timeouts(), **options)
    except requests.RequestException as error:
        raise ProviderUnavailable(f"PayPal: {type(error).__name__}") from error


def _understood(answer: requests.Response) -> dict[str, Any]:
    try:
        answer.raise_for_status()
        told = answer.json()
    except (requests.RequestException, ValueError, RecursionError) as error:
        raise ProviderUnavailable(f"PayPal: {answer.status_code}") from error
    if not isinstance(told, dict):
        raise ProviderUnavailable(f"PayPal: {answer.status_code} without an object")
    return told


def _issue(answer: requests.Response) -> str:
    try:
        problem = answer.json()
        return problem["details"][0]["issue"] if problem.get("details") else problem["name"]
    except (ValueError, KeyError, IndexError, TypeError, AttributeError):
        return str(answer.status_code)


def _signed_in(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}


def _place() -> tuple[str, str]:
    return settings.PAYPAL_API_BASE, settings.PAYPAL_CLIENT_ID


def _token() -> str:
    """An access token, kept until a minute before it ends."""
    token, until = tokens.get(_place(), ("", 0.0))
    if time.monotonic() < until:
        return token
    answer = _understood(
        _send(
            "POST",
            "/v1/oauth2/token",
            auth=(settings.PAYPAL_CLIENT_ID, settings.PAYPAL_CLIENT_SECRET),
            data={"grant_type": "client_credentials"},
        )
    )
    with as_documented():
        token, lasts = str(answer["access_token"]), int(answer["expires_in"])
    tokens[_place()] = (token, time.monotonic() + lasts - 60)
    return token
