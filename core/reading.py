"""Reads whose SQL Django composes once in each thread; docs/decisions/0018-hot-reads-are-composed-once.md."""

from collections.abc import Callable, Sequence
from threading import local
from typing import Any, Generic, TypeVar

from django.db import DEFAULT_DB_ALIAS, connection, models
from django.db.models.query import get_related_populators

Row = TypeVar("Row", bound=models.Model)
Value = int | str | None
MARK = 9 * 10**18  # stands for the first value while the SQL is composed; no row has this id
KEPT = 100


class Composed(local, Generic[Row]):
    """A read that differs from call to call only in its values. `build` takes them, integers or strings, and
    answers a queryset of whole rows, with or without `select_related`; there may be `*more` for an `__in`.

    Turning a queryset into SQL costs several times what the database takes to answer one row by its key.
    Nothing that was read is kept: each call asks the database.
    """

    def __init__(self, build: Callable[..., models.QuerySet[Row]]) -> None:  # in each thread that uses it
        self.build = build
        self.statements: dict[int, _Statement] = {}  # by how many values they take

    def all(self, *values: Value) -> list[Row]:
        """The rows that the queryset has now, in its order."""
        return self._statement(len(values)).rows(values)

    def get(self, *values: Value) -> Row:
        """The one row; refuses as a queryset's `get` does when there is none."""
        statement = self._statement(len(values))
        found = statement.rows(values)
        if not found:
            raise statement.model.DoesNotExist(f"{statement.model._meta.verbose_name} does not exist")
        return found[0]

    def _statement(self, count: int) -> "_Statement":
        if count not in self.statements:
            if len(self.statements) == KEPT:
                self.statements.clear()
            marks = range(MARK, MARK + count)
            self.statements[count] = _Statement(self.build(*marks), marks)
        return self.statements[count]


class _Statement:
    """A queryset's SQL, and how its answer becomes model objects."""

    def __init__(self, queryset: models.QuerySet, marks: Sequence[int]) -> None:
        compiler = queryset.query.get_compiler(DEFAULT_DB_ALIAS)
        self.sql, self.params = compiler.as_sql()
        places = {str(mark): place for place, mark in enumerate(marks)}
        self.places = {at: places[str(one)] for at, one in enumerate(self.params) if str(one) in places}
        if set(self.places.values()) != set(places.values()) or compiler.annotation_col_map:
            raise TypeError("Only whole rows by values that stand in the SQL as they are can be composed")
        columns = [column for column, *_ in compiler.select]
        own = compiler.klass_info["select_fields"]
        self.model: Any = queryset.model
        self.fields = [columns[at].target.attname for at in own]
        self.related = get_related_populators(  # type: ignore[call-arg]  # the stubs are of a later Django
            compiler.klass_info, compiler.select, DEFAULT_DB_ALIAS
        )
        self.compiler, self.converters = compiler, compiler.get_converters(columns)

    def rows(self, values: Sequence[Value]) -> list:
        params = list(self.params)
        for at, place in self.places.items():
            params[at] = values[place]
        with connection.cursor() as cursor:
            cursor.execute(self.sql, params)
            found = cursor.fetchall()
        return [self._row(one) for one in self.compiler.apply_converters(found, self.converters)]

    def _row(self, values: list) -> Any:
        row = self.model.from_db(DEFAULT_DB_ALIAS, self.fields, values[: len(self.fields)])
        for populator in self.related:
            populator.populate(values, row)
        return row
