"""What all Stripe objects have in common: ids, expansion, lists and events."""

import secrets
from dataclasses import dataclass
from typing import Any

import stripe

from payments.sandbox.parameters import refuse
from payments.sandbox.store import Store
from payments.sandbox.wire import Answer, in_json

SHOPPER_SEES = (
    "id object amount automatic_payment_methods canceled_at cancellation_reason capture_method client_secret "
    "confirmation_method created currency description last_payment_error livemode next_action payment_method "
    "payment_method_types processing receipt_email setup_future_usage shipping source status"
)


@dataclass(frozen=True)
class Request:
    """One authenticated, checked request."""

    store: Store
    params: dict[str, Any]
    at: int
    origin: str
    shopper: bool  # came with the publishable key: may read and confirm one intent by its client secret
    id: str = ""
    idempotency_key: str = ""
    defer: int = 0


def new_id(prefix: str) -> str:
    return f"{prefix}_{secrets.token_hex(12)}"


def found(
    request: Request, kind: str, object_id: str, *, param: str = "id", status: int = 404
) -> dict[str, Any]:
    thing = request.store.get(kind, object_id)
    if thing is None:
        name = kind.replace("_", " ")
        refusal = refuse(f"No such {name}: '{object_id}'", code="resource_missing", param=param)
        refusal.answer = Answer(status, refusal.answer.body, refusal.answer.headers)
        raise refusal
    return thing


def public(thing: dict[str, Any]) -> dict[str, Any]:
    """Without our own notes, which start with an underscore."""
    return {name: value for name, value in thing.items() if not name.startswith("_")}


def shown(request: Request, thing: dict[str, Any]) -> dict[str, Any]:
    """The object as the caller may see it: expanded for the merchant, reduced for the shopper."""
    if request.shopper:
        return {name: thing[name] for name in SHOPPER_SEES.split() if name in thing}
    return public(thing)


def answered(request: Request, thing: dict[str, Any]) -> Answer:
    content = shown(request, thing)
    for path in request.params.get("expand", []):
        _expand(request, content, path.split("."), path)
    return in_json(200, content)


def _expand(request: Request, content: dict[str, Any], steps: list[str], path: str) -> None:
    first, rest = steps[0], steps[1:]
    value = content.get(first)
    if first not in content or (rest and first == "data" and not isinstance(value, list)):
        raise refuse(f"This property cannot be expanded ({path}).", param="expand")
    if isinstance(value, list):
        for item in value:
            _expand(request, item, rest, path)
        return
    if isinstance(value, str):
        value = request.store.anything(value)
        if value is None:
            raise refuse(f"This property cannot be expanded ({path}).", param="expand")
        content[first] = value = shown(request, value)
    if rest and isinstance(value, dict):
        _expand(request, value, rest, path)


def listed(request: Request, kind: str, url: str, **equal: Any) -> Answer:
    """A page, newest first. `equal` keeps only objects with these values."""
    params, limit = request.params, request.params.get("limit", 10)
    if not 1 <= limit <= 100:
        raise refuse("Invalid limit: must be between 1 and 100", param="limit")
    since, until = _period(params.get("created"))
    things = request.store.newest(kind, since=since, until=until)
    things = [thing for thing in things if all(thing.get(name) == value for name, value in equal.items())]
    if after := params.get("starting_after"):
        ids = [thing["id"] for thing in things]
        if after not in ids:
            raise refuse(f"No such {kind}: '{after}'", code="resource_missing", param="starting_after")
        things = things[ids.index(after) + 1 :]
    page = [shown(request, thing) for thing in things[:limit]]
    return answered(request, {"object": "list", "url": url, "has_more": len(things) > limit, "data": page})


def _period(created: Any) -> tuple[float, float]:
    if created is None:
        return 0, 1e12
    if isinstance(created, int):
        return created, created
    since = max(created.get("gte", 0), created.get("gt", -1) + 1)
    until = min(created.get("lte", 10**12), created.get("lt", 10**12 + 1) - 1)
    return since, until


def tell(request: Request, type: str, thing: dict[str, Any]) -> None:
    """Record an event with the object as it stands now."""
    event = {
        "id": new_id("evt"),
        "object": "event",
        "api_version": stripe.api_version,
        "created": request.at,
        "data": {"object": public(thing)},
        "livemode": False,
        "pending_webhooks": 1,
        "request": {"id": request.id or None, "idempotency_key": request.idempotency_key or None},
        "type": type,
    }
    request.store.record_event("stripe", event, type=type, at=request.at)
