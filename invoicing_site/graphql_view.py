"""The GraphQL endpoint: who may post, how a document is run, and how an error is told."""

import logging
from collections.abc import Callable
from functools import cache, partial
from typing import Any, NamedTuple

from django.conf import settings
from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.middleware.csrf import CsrfViewMiddleware
from graphene.types.resolver import dict_or_attr_resolver
from graphene_django.views import GraphQLView, HttpError
from graphql import (
    ExecutionContext,
    ExecutionResult,
    FieldNode,
    GraphQLError,
    GraphQLObjectType,
    GraphQLResolveInfo,
    OperationType,
    execute,
    get_nullable_type,
    get_operation_ast,
    is_scalar_type,
)
from graphql.pyutils import Path

from core.doors import announced_size, graphql_error
from core.errors import Refusal
from invoicing_site.graphql_limits import NESTED_TOO_DEEP, document_cache

logger = logging.getLogger(__name__)
LARGEST_BODY = 100 * 1024
_csrf = CsrfViewMiddleware(lambda request: HttpResponse())


class Endpoint(GraphQLView):
    """One schema at one address, POST with a JSON object only.

    A resolver's refusal answers 200 with its text and code; a document that cannot run answers 400.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.checked = document_cache(self.schema.graphql_schema, introspection=settings.DEBUG)

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        refused = _refused(request)
        if refused is not None:
            return refused
        try:
            content, status = self.get_response(request, self.parse_body(request))
        except HttpError as error:
            content, status = self.json_encode(request, {"errors": [_error(error.message)]}), 400
        except RecursionError:
            content, status = self.json_encode(request, {"errors": [_error(NESTED_TOO_DEEP)]}), 400
        return HttpResponse(content, status=status, content_type="application/json")

    def execute_graphql_request(
        self,
        request: HttpRequest,
        data: dict,
        query: Any,
        variables: Any,
        operation_name: Any,
        show_graphiql: bool = False,
    ) -> ExecutionResult:
        if not isinstance(query, str) or not query:
            return ExecutionResult(errors=[GraphQLError("Must provide query string")])
        if not isinstance(variables, dict | None) or not isinstance(operation_name, str | None):
            return ExecutionResult(
                errors=[GraphQLError("variables must be an object, operationName a string")]
            )
        document, errors = self.checked(query)
        if document is None or errors:
            return ExecutionResult(errors=list(errors))
        operation = get_operation_ast(document, operation_name)
        if operation is not None and operation.operation is OperationType.SUBSCRIPTION:
            return ExecutionResult(errors=[GraphQLError("There are no subscriptions")])
        result = execute(
            self.schema.graphql_schema,
            document,
            context_value=request,
            variable_values=variables,
            operation_name=operation_name,
            execution_context_class=ShutBelowRoot,
        )
        assert isinstance(result, ExecutionResult)  # noqa: S101 every resolver is synchronous
        return result

    @staticmethod
    def format_error(error: Any) -> dict[str, Any]:
        """Refusals with their code, mistakes in the document as they are, all else without its text."""
        original = getattr(error, "original_error", None)
        if isinstance(original, Refusal):
            return {**graphql_error(original).formatted, "path": error.path}
        if isinstance(error, GraphQLError) and isinstance(original, GraphQLError | None):
            return _error(**error.formatted)
        logger.error("graphql.failed", exc_info=original or error)
        return _error("Something went wrong on our side", code="INTERNAL")


def _error(message: str, code: str = "VALIDATION_ERROR", **more: Any) -> dict[str, Any]:
    return {"message": message, "extensions": {"code": code}, **more}


def _refused(request: HttpRequest) -> HttpResponse | None:
    """What is refused before the body is read. A session cookie needs the CSRF token; a bearer does not."""
    if request.method != "POST":
        answer = JsonResponse({"errors": [_error("Send a POST request")]}, status=405)
        answer["Allow"] = "POST"
        return answer
    if request.content_type != "application/json":
        return JsonResponse({"errors": [_error("Send application/json")]}, status=415)
    if announced_size(request) > LARGEST_BODY:
        return JsonResponse({"errors": [_error("Documents may be at most 100 KB")]}, status=413)
    if "Authorization" not in request.headers and settings.SESSION_COOKIE_NAME in request.COOKIES:
        _csrf.process_request(request)
        if _csrf.process_view(request, HttpResponse, (), {}) is not None:
            return JsonResponse({"errors": [_error("CSRF token missing or wrong", "FORBIDDEN")]}, status=403)
    return None


MALFORMED = (GraphQLError, ValueError, TypeError, ArithmeticError, AssertionError)


class Leaf(NamedTuple):
    """A field that only hands on an attribute of what its parent is, as a scalar."""

    attribute: str
    serialize: Callable[[Any], Any]


@cache
def leaf_of(parent: GraphQLObjectType, name: str) -> Leaf | None:
    """How such a field is answered; None for every other field."""
    found = parent.fields.get(name)
    resolve = found.resolve if found else None
    kind = found and get_nullable_type(found.type)
    if not isinstance(resolve, partial) or resolve.func is not dict_or_attr_resolver or found.args:
        return None
    return Leaf(resolve.args[0], kind.serialize) if is_scalar_type(kind) else None


class ShutBelowRoot(ExecutionContext):
    """Below a root field the database is shut: what an answer shows is loaded at the root, once. Then most
    fields only hand on an attribute, and that is done at once."""

    is_awaitable = staticmethod(lambda value: False)  # every resolver is synchronous

    def execute_field(
        self, parent_type: GraphQLObjectType, source: Any, field_nodes: list[FieldNode], path: Path
    ) -> Any:
        leaf = leaf_of(parent_type, field_nodes[0].name.value)
        if leaf is not None and path.prev is not None:
            value = getattr(source, leaf.attribute, None)
            try:
                if value is not None:
                    return leaf.serialize(value)
            except MALFORMED:
                logger.debug("graphql.leaf", extra={"field": leaf.attribute})  # told below, as every mistake
        return super().execute_field(parent_type, source, field_nodes, path)

    def complete_value(
        self, return_type: Any, field_nodes: Any, info: GraphQLResolveInfo, path: Any, result: Any
    ) -> Any:
        if path.prev is not None or _shut in connection.execute_wrappers:
            return super().complete_value(return_type, field_nodes, info, path, result)
        with connection.execute_wrapper(_shut):
            return super().complete_value(return_type, field_nodes, info, path, result)


def _shut(execute_sql: Callable, sql: str, params: Any, many: bool, context: dict) -> Any:
    if settings.STRICT:
        raise RuntimeError(f"A query below a GraphQL root field: {sql[:200]}")
    logger.error("graphql.query_below_root", extra={"sql": sql[:200]})
    return execute_sql(sql, params, many, context)
