"""The GraphQL endpoint: who may post, how a document is run, and how an error is told."""

import logging
from collections.abc import Callable
from functools import cache, partial
from typing import Any, NamedTuple, cast

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
    is_nullable_type,
    is_object_type,
    is_scalar_type,
)
from graphql.pyutils import Path, Undefined

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


class Handed(NamedTuple):
    """A field that only hands on an attribute of what its parent is: a scalar, or another object."""

    attribute: str
    serialize: Callable[[Any], Any] | None
    is_nullable: bool
    kind: GraphQLObjectType | None


@cache
def handed_on(parent: GraphQLObjectType, name: str) -> Handed | None:
    """How such a field is answered; None for every other field."""
    found = parent.fields.get(name)
    resolve = found.resolve if found else None
    if not isinstance(resolve, partial) or resolve.func is not dict_or_attr_resolver or found.args:
        return None
    attribute, default = resolve.args
    kind, is_nullable = get_nullable_type(found.type), is_nullable_type(found.type) and default is None
    if is_scalar_type(kind):
        return Handed(attribute, kind.serialize, is_nullable, None)
    if is_object_type(kind) and kind.is_type_of is None and is_nullable:
        return Handed(attribute, None, is_nullable, kind)
    return None


class ShutBelowRoot(ExecutionContext):
    """Below a root field the database is shut: what an answer shows is loaded at the root, once. Then most
    fields only hand on an attribute, and that is done at once."""

    is_awaitable = staticmethod(lambda value: False)  # every resolver is synchronous

    def execute_fields(
        self,
        parent_type: GraphQLObjectType,
        source_value: Any,
        path: Path | None,
        fields: dict[str, list[FieldNode]],
    ) -> Any:
        if path is None or isinstance(source_value, dict):  # the root, and what is told by keys
            return super().execute_fields(parent_type, source_value, path, fields)
        answers = {}
        for name, nodes in fields.items():
            here = Path(path, name, parent_type.name)
            field = handed_on(parent_type, nodes[0].name.value)
            answer = Undefined if field is None else self._handed(field, source_value, nodes, here)
            if answer is Undefined:  # what is wrong is told there too
                answer = self.execute_field(parent_type, source_value, nodes, here)
            if answer is not Undefined:
                answers[name] = answer
        return answers

    def _handed(self, field: Handed, source: Any, nodes: list[FieldNode], here: Path) -> Any:
        """The answer of a field that only hands on; Undefined when there is more to it."""
        try:
            value = getattr(source, field.attribute, None)
            if value is None:
                return None if field.is_nullable else Undefined
            if field.serialize is not None:
                return field.serialize(value)
        except MALFORMED:
            logger.debug("graphql.handed", extra={"field": field.attribute})
            return Undefined
        kind = cast("GraphQLObjectType", field.kind)
        try:
            return self.execute_fields(kind, value, here, self.collect_subfields(kind, nodes))
        except GraphQLError as error:  # of a field in it that must not be null
            self.handle_field_error(error, kind, here)
            return None

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
