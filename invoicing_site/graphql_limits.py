"""What a GraphQL document may cost: rules beside the standard ones, and a bounded cache of those that passed.

What parsing and validating costs, and what the limits keep out: docs/decisions/0007-graphql-limits.md.
"""

from collections.abc import Callable
from functools import cache, lru_cache
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLSchema,
    InlineFragmentNode,
    NoSchemaIntrospectionCustomRule,
    SelectionSetNode,
    ValidationRule,
    parse,
    specified_rules,
    validate,
)

DEPTH = 10
ALIASES = 15
DIRECTIVES = 15
TOKENS = 1000
DOCUMENTS_KEPT = 256
NESTED_TOO_DEEP = "Documents may not nest so deep"


class DepthLimit(ValidationRule):
    """No deeper than DEPTH fields, through fragments too. Each fragment is measured once: fragments that
    spread others twice would otherwise take time without end."""

    def __init__(self, context: Any) -> None:
        super().__init__(context)
        self.fragments: dict[str, int] = {}

    def enter_operation_definition(self, node: Any, *_: Any) -> None:
        if self._depth(node.selection_set) > DEPTH:
            self.report_error(GraphQLError(f"Documents may be at most {DEPTH} fields deep", node))

    def _depth(self, selections: SelectionSetNode | None) -> int:
        deepest = 0
        for node in selections.selections if selections else ():
            if isinstance(node, FieldNode):
                deepest = max(deepest, 1 + self._depth(node.selection_set))
            elif isinstance(node, InlineFragmentNode):
                deepest = max(deepest, self._depth(node.selection_set))
            elif isinstance(node, FragmentSpreadNode):
                deepest = max(deepest, self._fragment_depth(node.name.value))
            if deepest > DEPTH:
                return deepest
        return deepest

    def _fragment_depth(self, name: str) -> int:
        if name not in self.fragments:
            self.fragments[name] = 0  # while it is measured: a standard rule refuses circular ones
            fragment = self.context.get_fragment(name)
            self.fragments[name] = self._depth(fragment.selection_set) if fragment else 0
        return self.fragments[name]


class CountLimits(ValidationRule):
    """Few aliases, few directives, few fragment spreads, and one mutation in a document."""

    def __init__(self, context: Any) -> None:
        super().__init__(context)
        self.aliases = self.directives = self.spreads = self.mutations = 0

    def enter_field(self, node: FieldNode, *_: Any) -> None:
        self.aliases += node.alias is not None
        parent = self.context.get_parent_type()
        self.mutations += parent is not None and parent is self.context.schema.mutation_type

    def enter_directive(self, *_: Any) -> None:
        self.directives += 1

    def enter_fragment_spread(self, *_: Any) -> None:
        self.spreads += 1

    def leave_document(self, node: DocumentNode, *_: Any) -> None:
        for count, most, name in (
            (self.aliases, ALIASES, "aliases"),
            (self.directives, DIRECTIVES, "directives"),
            (self.spreads, ALIASES, "fragment spreads"),
            (self.mutations, 1, "mutation"),
        ):
            if count > most:
                self.report_error(GraphQLError(f"Documents may have at most {most} {name}", node))


Checked = tuple[DocumentNode | None, tuple[GraphQLError, ...]]


@cache  # a view lives for one request only, so the schema's documents are kept here
def document_cache(schema: GraphQLSchema, *, introspection: bool) -> Callable[[str], Checked]:
    """A function that answers a document, or why it is refused; asked again it does not parse again."""
    rules = (*specified_rules, DepthLimit, CountLimits)
    if not introspection:
        rules = (*rules, NoSchemaIntrospectionCustomRule)

    @lru_cache(maxsize=DOCUMENTS_KEPT)
    def checked(query: str) -> Checked:
        try:
            document = parse(query, max_tokens=TOKENS)
            return document, tuple(validate(schema, document, rules, max_errors=20))
        except GraphQLError as error:
            return None, (error,)
        except RecursionError:
            return None, (GraphQLError(NESTED_TOO_DEEP),)

    return checked
