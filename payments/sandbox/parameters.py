"""Stripe's form parameters, held against the types of the installed Stripe SDK."""

import re
from typing import Any
from urllib.parse import parse_qsl

import stripe

from payments.sandbox.wire import Answer, Refused, in_json

REQUEST_OPTIONS = frozenset(stripe.RequestOptions.__annotations__)
NESTED = re.compile(r"\b\w+Params\w+\b")


def stripe_error(status: int, message: str, **details: Any) -> Answer:
    error = {"type": "invalid_request_error", "message": message, **details}
    if "code" in error:
        error["doc_url"] = f"https://stripe.com/docs/error-codes/{error['code'].replace('_', '-')}"
    return in_json(status, {"error": error})


def refuse(message: str, **details: Any) -> Refused:
    return Refused(stripe_error(400, message, **details))


def decode(form: str) -> dict[str, Any]:
    """`a[b]=1&c[0]=2&d[]=3` as nested objects and lists of text."""
    tree: dict[str, Any] = {}
    for name, value in parse_qsl(form, keep_blank_values=True):
        steps = [name.partition("[")[0], *re.findall(r"\[([^\]]*)\]", name)]
        node = tree
        for step in steps[:-1]:
            node = node.setdefault(step or str(len(node)), {})
            if not isinstance(node, dict):
                raise refuse("Invalid form encoding.", param=name)
        node[steps[-1] or str(len(node))] = value
    return {name: _with_lists(value) for name, value in tree.items()}


def _with_lists(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    if value and all(key.isdigit() for key in value):
        return [_with_lists(item) for item in value.values()]
    return {key: _with_lists(item) for key, item in value.items()}


def checked(given: dict[str, Any], shape: Any, supported: frozenset[str]) -> dict[str, Any]:
    """In the SDK's types. Refuses what the SDK does not know, and what the sandbox would only ignore."""
    missing = sorted(shape.__required_keys__ - REQUEST_OPTIONS - set(given))
    if missing:
        raise refuse(f"Missing required param: {missing[0]}.", code="parameter_missing", param=missing[0])
    values = _typed(given, shape, "")
    for path in _leaves(values, ""):
        if not any(path == allowed or path.startswith(f"{allowed}.") for allowed in supported):
            raise refuse(f"The sandbox does not support the parameter {path}.", param=path)
    return values


def _typed(given: dict[str, Any], shape: Any, prefix: str) -> dict[str, Any]:
    values = {}
    for name, value in given.items():
        param = f"{prefix}[{name}]" if prefix else name
        if name not in shape.__annotations__ or name in REQUEST_OPTIONS:
            raise refuse(f"Received unknown parameter: {param}", code="parameter_unknown", param=param)
        values[name] = _typed_value(value, str(shape.__annotations__[name]), param)
    return values


def _typed_value(value: Any, annotation: str, param: str) -> Any:
    if isinstance(value, dict):
        nested = NESTED.search(annotation)
        if nested:
            return _typed(value, getattr(stripe.params, nested.group()), param)
        if "Dict[" in annotation:
            return value
        raise refuse("Invalid object", param=param)
    if isinstance(value, list):
        if "List[" in annotation:
            return value
        raise refuse("Invalid array", param=param)
    if re.search(r"\bint\b", annotation):
        if not re.fullmatch(r"-?\d{1,15}", value):
            raise refuse(f"Invalid integer: {value}", code="parameter_invalid_integer", param=param)
        return int(value)
    if re.search(r"\bbool\b", annotation):
        if value not in ("true", "false"):
            raise refuse(f"Invalid boolean: {value}", param=param)
        return value == "true"
    return value


def _leaves(values: dict[str, Any], prefix: str) -> list[str]:
    paths = []
    for name, value in values.items():
        path = f"{prefix}{name}"
        paths += _leaves(value, f"{path}.") if isinstance(value, dict) and value else [path]
    return paths
