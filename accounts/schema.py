"""The storefront's door to accounts: tokens."""

import graphene
from django.utils import timezone

from accounts import operations
from accounts.models import CustomerToken
from accounts.querysets import parse_id
from accounts.types import NewToken, RevokedToken
from core.doors import customer_of
from core.errors import NotFound


class RegenerateCustomerToken(graphene.Mutation):
    """A new token of the caller's, in the place of their tokens of that name."""

    class Arguments:
        name = graphene.String()

    Output = NewToken

    @staticmethod
    def mutate(root, info, name=None):
        customer = customer_of(info)
        return NewToken.of(*operations.regenerate_token(customer=customer, name=name, at=timezone.now()))


class RevokeCustomerToken(graphene.Mutation):
    """End one of the caller's tokens at once."""

    class Arguments:
        id = graphene.ID(required=True)

    Output = RevokedToken

    @staticmethod
    def mutate(root, info, id):
        customer = customer_of(info)
        token = CustomerToken.objects.filter(user=customer.user, pk=parse_id(id)).first()
        if token is None:
            raise NotFound("Token not found")
        operations.revoke_token(token=token, at=timezone.now(), by=customer.actor)
        return RevokedToken(success=True)


class AccountsMutation:
    """What a customer can do with tokens."""

    regenerate_customer_token = RegenerateCustomerToken.Field()
    revoke_customer_token = RevokeCustomerToken.Field()
