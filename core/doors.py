"""The one translation per door from a refusal to the door's own shape."""

from typing import Any

from django.contrib import messages
from django.forms import Form
from django.http import HttpRequest
from graphql import FieldNode, FragmentSpreadNode, GraphQLError

from core.errors import RateLimited, Refusal


def customer_of(info: Any, *, may: str = "") -> Any:
    """Who asks at a GraphQL door. Refuses when nobody known does, or when no role of theirs allows `may`."""
    customer = info.context.customer
    _ = customer.user  # found now, so that a stranger is refused here
    if may:
        customer.require(may)
    return customer


def asked_fields(info: Any) -> set[str]:
    """The names of all fields that a document asks below this one, through its fragments, each once."""
    names: set[str] = set()
    fragments, left = dict(info.fragments), [*info.field_nodes]
    while left:
        node = left.pop()
        if isinstance(node, FieldNode):
            names.add(node.name.value)
        elif isinstance(node, FragmentSpreadNode):
            node = fragments.pop(node.name.value, None)
        if node is not None and node.selection_set:
            left += node.selection_set.selections
    return names


def announced_size(request: HttpRequest) -> int:
    """How many bytes of body a request announces; 0 when it says nothing that is a number."""
    announced = request.META.get("CONTENT_LENGTH") or ""
    return int(announced) if announced.isdigit() else 0


def graphql_error(refusal: Refusal) -> GraphQLError:
    """A refusal as a GraphQL error: its text, its code, and the argument at fault."""
    extensions: dict[str, Any] = {"code": refusal.code}
    if refusal.field:
        extensions["field"] = refusal.field
    if isinstance(refusal, RateLimited) and refusal.retry_after:
        extensions["retryAfter"] = refusal.retry_after
    return GraphQLError(refusal.message, extensions=extensions)


def form_error(form: Form, refusal: Refusal) -> None:
    """A refusal as an error of the form, beside its field where the form has it."""
    form.add_error(refusal.field if refusal.field in form.fields else None, refusal.message)


def admin_message(request: HttpRequest, refusal: Refusal) -> None:
    """A refusal as a message on the next admin page."""
    messages.error(request, refusal.message)
