"""Below a GraphQL root field the database is shut."""

import graphene
import pytest
from graphql import execute, parse

from accounts.models import Organization
from invoicing_site.graphql_view import ShutBelowRoot
from tests import factories

pytestmark = pytest.mark.django_db


class Merchant(graphene.ObjectType):
    loaded = graphene.String()
    late = graphene.String()

    @staticmethod
    def resolve_late(root, info):
        return Organization.objects.get().name


class Query(graphene.ObjectType):
    merchant = graphene.Field(graphene.NonNull(Merchant))
    merchants = graphene.List(Merchant)

    @staticmethod
    def resolve_merchant(root, info):
        return Merchant(loaded=Organization.objects.get().name)

    @staticmethod
    def resolve_merchants(root, info):
        return [Query.resolve_merchant(root, info)]


SCHEMA = graphene.Schema(query=Query).graphql_schema


def asked(document):
    factories.an_organization()
    result = execute(SCHEMA, parse(document), execution_context_class=ShutBelowRoot)
    return result.data, [error.message[:34] for error in result.errors or ()]


def test_a_root_field_loads():
    name = factories.an_organization().name
    assert asked("{ merchant { loaded } }") == ({"merchant": {"loaded": name}}, [])


@pytest.mark.parametrize("field", ["merchant", "merchants"])
def test_what_a_field_below_it_would_load_is_an_error(field):
    assert asked(f"{{ {field} {{ late }} }}")[1] == ["A query below a GraphQL root field"]


def test_in_production_it_is_logged_and_answered(settings, caplog):
    settings.STRICT = False
    name = factories.an_organization().name
    assert asked("{ merchant { late } }") == ({"merchant": {"late": name}}, [])
    assert caplog.messages == ["graphql.query_below_root"]
