"""What doors share: the one translation per door from a refusal to the door's own shape, what a document asks
for, answers that are files."""

from typing import Any, TypeVar

from django.contrib import messages
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.http import content_disposition_header
from graphql import FieldNode, FragmentSpreadNode, GraphQLError

from core.errors import RateLimited, Refusal

Answer = TypeVar("Answer", bound=HttpResponseBase)


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


def kept(response: Answer, name: str) -> Answer:
    """An answer that a browser saves under this name, and no cache keeps."""
    response["Content-Disposition"] = content_disposition_header(as_attachment=True, filename=name)
    response["Cache-Control"] = "no-store"
    return response


def pdf_file(content: bytes | memoryview, name: str) -> HttpResponse:
    """A PDF, to be saved as `name`.pdf."""
    return kept(HttpResponse(bytes(content), content_type="application/pdf"), f"{name}.pdf")
