"""What a log line may say: no address with its query, no link that signs somebody in, no secret
(docs/invariants.md, 26)."""

import re
from collections.abc import Mapping, MutableMapping
from typing import Any

from django.http import HttpRequest

MASK = "…"
SECRETS = (
    re.compile(r"(?<=/password/reset/key/)[^/\s\"'?]+"),  # a link that sets a password
    re.compile(r"(?<=_secret_)\w+"),  # a Stripe client secret: pi_…_secret_…
    re.compile(r"(?<=\bctok_)\w+"),  # a token of a customer's program
    re.compile(r"(?<=\b[sr]k_(?:live|test)_)\w+"),
    re.compile(r"(?<=\bwhsec_)\w+"),
    re.compile(r"(?<=\bBearer )[\w.~+/=-]+"),
    re.compile(r"(?<=[?&]token=)[^&\s\"']+"),  # of a payer who comes back from PayPal
)


def without_secrets(logger: Any, method: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
    """The last processor before a line is written. Django hands over whole requests: of those stay method,
    path and id, also when the line is written after the request's own context is gone."""
    request = event.get("request")
    if isinstance(request, HttpRequest):
        if own_id := getattr(request, "request_id", ""):
            event["request_id"] = own_id
        event["request"] = f"{request.method} {request.path}"
    return {key: _masked(value) for key, value in event.items()}


def _masked(value: Any) -> Any:
    """Plain JSON, with secrets masked wherever they stand."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Mapping):
        return {str(_masked(key)): _masked(one) for key, one in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_masked(one) for one in value]
    text = value if isinstance(value, str) else repr(value)
    for secret in SECRETS:
        text = secret.sub(MASK, text)
    return text
