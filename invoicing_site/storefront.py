"""The storefront schema: what the apps offer to customers. Published in schema/storefront.graphql."""

import graphene
from django.views.decorators.csrf import csrf_exempt

from accounts.schema import AccountsMutation
from invoicing_site.graphql_view import Endpoint
from payments.schema import CompanyMutation, CompanyQuery, PaymentsMutation, PaymentsQuery, ReceiptsQuery


class Query(PaymentsQuery, CompanyQuery, ReceiptsQuery, graphene.ObjectType):
    """What a customer can see."""


class Mutation(PaymentsMutation, CompanyMutation, AccountsMutation, graphene.ObjectType):
    """What a customer can do."""


schema = graphene.Schema(query=Query, mutation=Mutation)
graphql = csrf_exempt(Endpoint.as_view(schema=schema))  # the endpoint itself asks for the token with a cookie
