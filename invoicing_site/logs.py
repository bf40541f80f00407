"""What a log line looks like, and what it may say: no address with its query, no link that signs somebody in,
no secret, no card number (docs/invariants.md, 26)."""

import re
from collections.abc import Mapping, MutableMapping
from typing import Any

import structlog
from django.http import HttpRequest

MASK = "…"
SECRETS = (
    re.compile(r"(?<=/password/reset/key/)[^/\s\"'?]+"),  # a link that sets a password
    re.compile(r"(?<=/account/invitation/)[^/\s\"'?]+"),  # a link that makes a member
    re.compile(r"(?<=/files/)[^/\s\"'?]+"),  # a link that opens a company's papers to whoever has it
    re.compile(r"(?<=_secret_)\w+"),  # a Stripe client secret: pi_…_secret_…
    re.compile(r"(?<=\bctok_)\w+"),  # a token of a customer's program
    re.compile(r"(?<=\b[sr]k_(?:live|test)_)\w+"),
    re.compile(r"(?<=\bwhsec_)\w+"),
    re.compile(r"(?<=\bBearer )[\w.~+/=-]+"),
    re.compile(r"(?<=\bBasic )[\w+/=-]{8,}"),
    re.compile(r"(?<=[?&]token=)[^&\s\"']+"),  # of a payer who comes back from PayPal
    re.compile(r"(?<=[?&]secret=)[^&\s\"']+"),  # of a second factor: otpauth://…
    re.compile(r"(?<=\bsessionid=)[\w.-]+"),
    re.compile(r"(?<=\b__Host-session=)[\w.-]+"),
    re.compile(r"(?<=\bcsrftoken=)[\w.-]+"),
    re.compile(r"(?<=\b__Host-csrf=)[\w.-]+"),
    re.compile(r"(?<=\bA21AA)[\w.-]{16,}"),  # PayPal's access tokens
    re.compile(r"(?<=://)[^/\s:@]+:[^/\s@]+(?=@)"),  # name and password in an address
)
# Whatever stands under such a name, a header, a form's field or a cookie, is nobody's to read.
SECRET_NAMES = re.compile(
    r"authorization|cookie|passw(or)?d|secret|token|api_?key|card_?number|cvc|cvv|session_?key", re.IGNORECASE
)
DIGITS = re.compile(r"(?<![\d.])\d(?:[ -]?\d){12,18}(?![\d.])")


def without_secrets(logger: Any, method: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
    """The last processor before a line is written. Django hands over whole requests: of those stay method,
    path and id, also when the line is written after the request's own context is gone."""
    request = event.get("request")
    if isinstance(request, HttpRequest):
        if own_id := getattr(request, "request_id", ""):
            event["request_id"] = own_id
        event["request"] = f"{request.method} {request.path}"
    return {key: _under(key, value) for key, value in event.items()}


def _under(name: Any, value: Any) -> Any:
    """A value by its name: some names alone say that it is secret."""
    if isinstance(value, str | bytes) and value and SECRET_NAMES.search(str(name)):
        return MASK
    return _masked(value)


def _masked(value: Any) -> Any:
    """Plain JSON, with secrets masked wherever they stand."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Mapping):
        return {str(_masked(key)): _under(key, one) for key, one in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_masked(one) for one in value]
    text = value if isinstance(value, str) else repr(value)
    for secret in SECRETS:
        text = secret.sub(MASK, text)
    return DIGITS.sub(_unless_a_card, text)


def _unless_a_card(found: re.Match[str]) -> str:
    """Thirteen digits and more are a card's when its check digit fits; others are an order's number."""
    digits = [int(digit) for digit in found[0] if digit.isdigit()]
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[-2::-2]]
    is_card = (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0
    return MASK if is_card else found[0]


def logging_settings(*, readable: bool) -> dict[str, Any]:
    """One line an event: JSON, or for people to read. Each names its level, its logger, the time, and the
    request that it belongs to."""
    before = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    written: Any = structlog.processors.JSONRenderer()
    if readable:
        written = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    line = {
        "()": structlog.stdlib.ProcessorFormatter,
        "foreign_pre_chain": before,
        "processors": [
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            without_secrets,
            written,
        ],
    }
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": line},
        "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"handlers": ["console"], "level": "INFO"},
        "loggers": {
            "django": {"handlers": [], "level": "INFO", "propagate": True},
            "django.server": {"handlers": [], "propagate": True},
            "django-q": {"handlers": [], "level": "WARNING", "propagate": True},
            "stripe": {"level": "WARNING"},
            "axes": {"level": "WARNING"},
            "fontTools": {"level": "WARNING"},
            "weasyprint": {"level": "ERROR"},
        },
    }
