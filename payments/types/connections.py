"""Pages of company rows: totalCount, pageInfo and edges, by cursor or by offset."""

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Any

import graphene

from accounts.querysets import OwnedQuerySet, Part, parse_id
from core.errors import Invalid

DEFAULT_PAGE, LARGEST_PAGE = 10, 100
PAGING = {
    "first": graphene.Int(),
    "last": graphene.Int(),
    "before": graphene.String(),
    "after": graphene.String(),
    "offset": graphene.Int(),
}


class PageInfo(graphene.ObjectType):
    """Whether there are more rows on either side of a page, and the cursors of its ends."""

    has_next_page = graphene.Boolean(required=True)
    has_previous_page = graphene.Boolean(required=True)
    start_cursor = graphene.String()
    end_cursor = graphene.String()


def connection_of(node: type[graphene.ObjectType], name: str) -> tuple[Any, Any]:
    """The connection of a node's type and its edge, as the contract names them."""
    edge = type(
        f"{name}CountableEdge",
        (graphene.ObjectType,),
        {
            "__doc__": "A row and its cursor.",
            "cursor": graphene.String(required=True),
            "node": graphene.Field(node, required=True),
        },
    )
    edges = graphene.List(graphene.NonNull(edge), required=True)
    fields = {
        "__doc__": "A page of rows.",
        "total_count": graphene.Int(),
        "page_info": graphene.Field(PageInfo, required=True),
        "edges": edges,
    }
    return type(f"{name}CountableConnection", (graphene.ObjectType,), fields), edge


def page_of(
    rows: OwnedQuerySet, order: Sequence[str], *, known: OwnedQuerySet | None = None, **paging: Any
) -> Part:
    """The page that the paging arguments of a field ask for; `known` are the caller's rows without a filter.
    Refuses a number that is none, and a cursor that is not one of ours, naming the argument."""
    first, last = paging.get("first"), paging.get("last")
    if first is not None and last is not None:
        raise Invalid("Give first or last, not both", field="last")
    for name, number in (("first", first), ("last", last)):
        if number is not None and not 0 <= number <= LARGEST_PAGE:
            raise Invalid(f"{name} must be between 0 and {LARGEST_PAGE}", field=name)
    offset = paging.get("offset") or 0
    if offset < 0:
        raise Invalid("offset cannot be negative", field="offset")
    marks: dict[str, Any] = {name: _marked(paging.get(name), name) for name in ("after", "before")}
    marks["known"] = known
    if last is None:
        return rows.part(order, first=DEFAULT_PAGE if first is None else first, offset=offset, **marks)
    return rows.part(order, last=last, offset=offset, **marks)


def told(
    connection: Any, edge: Any, part: Part, shape: Callable[[Any], Any], *, total: int | None = None
) -> Any:
    """A page as the wire has it."""
    edges = [edge(cursor=cursor_of(row.pk), node=shape(row)) for row in part.rows]
    return connection(
        total_count=total,
        page_info=PageInfo(
            has_next_page=part.has_next,
            has_previous_page=part.has_previous,
            start_cursor=edges[0].cursor if edges else None,
            end_cursor=edges[-1].cursor if edges else None,
        ),
        edges=edges,
    )


def whole(connection: Any, edge: Any, rows: Sequence[Any], shape: Callable[[Any], Any]) -> Any:
    """All rows of something that has few of them."""
    part = Part(list(rows), has_next=False, has_previous=False)
    return told(connection, edge, part, shape, total=len(part.rows))


def cursor_of(pk: int) -> str:
    return base64.urlsafe_b64encode(f"row:{pk}".encode()).decode()


def _marked(cursor: str | None, name: str) -> int | None:
    """The row that a cursor names."""
    if not cursor:
        return None
    try:
        kind, _, pk = base64.urlsafe_b64decode(cursor.encode()).decode().partition(":")
    except (binascii.Error, UnicodeError, ValueError):
        kind, pk = "", ""
    if kind != "row" or not parse_id(pk):
        raise Invalid(f"{name} is no cursor of this list", field=name)
    return parse_id(pk)
