"""Shapes that accounts answer with."""

from typing import Any, Self

import graphene
from graphql import GraphQLError
from moneyed import get_currency

from accounts.models import CustomerToken
from core.money import iso, places, symbol


class JSON(graphene.Scalar):
    """A JSON value, answered as it is. Its keys are documented with the field."""

    @staticmethod
    def serialize(value: Any) -> Any:
        return value

    parse_value = serialize

    @staticmethod
    def parse_literal(node: Any, variables: Any = None) -> Any:
        raise GraphQLError("JSON is only answered, never asked for")


class Currency(graphene.ObjectType):
    """A currency; `id` is its ISO 4217 number, `code` is in lower case."""

    id = graphene.ID(required=True)
    code = graphene.String(required=True)
    symbol = graphene.String(required=True)
    no_division_currency = graphene.Boolean(required=True)

    @classmethod
    def of(cls, code: str, locale: str) -> Self:
        return cls(
            id=get_currency(code).numeric,
            code=code.lower(),
            symbol=symbol(code, locale),
            no_division_currency=places(code) == 0,
        )


class NewToken(graphene.ObjectType):
    """A token, told once: it cannot be shown again."""

    id = graphene.ID(required=True)
    name = graphene.String(required=True)
    token = graphene.String(required=True)
    expires_at = graphene.String()

    @classmethod
    def of(cls, row: CustomerToken, token: str) -> Self:
        return cls(id=row.pk, name=row.name, token=token, expires_at=iso(row.expires_at))


class RevokedToken(graphene.ObjectType):
    """The answer to a revocation."""

    success = graphene.Boolean(required=True)
