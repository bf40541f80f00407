"""Fields that only hand on an attribute are answered at once, and never otherwise than the library would."""

from types import SimpleNamespace

import graphene
import pytest
from graphql import ExecutionContext, execute, parse

from invoicing_site.graphql_view import ShutBelowRoot

pytestmark = pytest.mark.django_db


class Street(graphene.ObjectType):
    name = graphene.String()
    number = graphene.Int(required=True)


class Company(graphene.ObjectType):
    id = graphene.ID(required=True)
    staff = graphene.Int()
    street = graphene.Field(Street)
    home = graphene.Field(Street, required=True)
    said = graphene.String(twice=graphene.Boolean())
    made = graphene.String(default_value="by default")
    streets = graphene.List(Street)

    @staticmethod
    def resolve_said(root, info, twice=False):
        return "yes" * (1 + twice)


class Query(graphene.ObjectType):
    company = graphene.Field(Company)
    companies = graphene.List(Company)

    @staticmethod
    def resolve_company(root, info):
        return root

    @staticmethod
    def resolve_companies(root, info):
        return [root, root]


SCHEMA = graphene.Schema(query=Query).graphql_schema
WHOLE = """{ company { ...all __typename } companies { other: staff ...all } }
fragment all on Company {
  id staff said(twice: true) made street { name number __typename } home { number } streets { number }
}"""
HOME = {"name": "High Street", "number": 1}


class Broken:
    @property
    def number(self):
        raise ValueError("Nobody knows")


def a_company(**changes):
    home = SimpleNamespace(**HOME)
    facts = {"id": 7, "staff": 3, "street": home, "home": home, "streets": [home, None]}
    return SimpleNamespace(**facts | changes)


@pytest.mark.parametrize(
    ("company", "is_wrong"),
    [
        (a_company(), False),
        (a_company(street=None, staff=None, streets=None), False),
        (a_company(street=HOME, home=HOME), False),  # told by keys
        (a_company(made="by hand"), False),
        ({"id": 7, "home": HOME}, False),
        (a_company(staff="many"), True),
        (a_company(street=SimpleNamespace(name="x", number=None)), True),
        (a_company(street=SimpleNamespace(name=["x"], number=2**40)), True),
        (a_company(street=Broken()), True),
        (a_company(home=SimpleNamespace(number="none")), True),
        (a_company(home=None), True),
        (a_company(id=None), True),
        (SimpleNamespace(id=1), True),
    ],
)
def test_the_answer_is_the_library_s(company, is_wrong):
    ours, theirs = (
        execute(SCHEMA, parse(WHOLE), root_value=company, execution_context_class=context)
        for context in (ShutBelowRoot, ExecutionContext)
    )
    assert ours.data == theirs.data
    told = [[(error.message, error.path) for error in one.errors or ()] for one in (ours, theirs)]
    assert told[0] == told[1]
    assert bool(told[0]) == is_wrong
