"""The people in the tests. Alice runs Globex, Bob buys for it, Sam looks, Mallory is from another company,
Stella is the merchant's staff."""

from dataclasses import dataclass

from accounts import operations
from accounts.models import Account, Customer, Membership, User
from core.audit import SYSTEM
from tests import factories

ROLES = Membership.Role


@dataclass(frozen=True)
class Member:
    """A customer with what they need at each door."""

    user: User
    token: str

    @property
    def customer(self) -> Customer:
        return operations.customer_for_user(self.user)

    @property
    def actor(self):
        return self.user.actor


def member(name: str, account: Account | None, role: str, **permissions: int) -> Member:
    """A user, their place at an account, and a token."""
    email = f"{name.split()[0].lower()}@example.com"
    user = User.objects.create_user(email, "correct horse", name=name)
    if account is not None:
        Membership.objects.create(user=user, account=account, role=role, permissions=permissions)
    _, token = operations.create_token(user=user, name="tests", at=factories.NOW, by=SYSTEM)
    return Member(user, token)


def alice(account: Account) -> Member:
    return member("Alice Example", account, ROLES.ADMIN)


def sam(account: Account) -> Member:
    return member("Sam Example", account, ROLES.SENIOR_BUYER)


def bob(account: Account) -> Member:
    return member("Bob Example", account, ROLES.JUNIOR_BUYER)


def mallory() -> Member:
    return member("Mallory Example", factories.an_account("Initech"), ROLES.ADMIN)


def stella() -> User:
    """Staff who may do everything."""
    return User.objects.create_superuser("stella@example.com", "correct horse", name="Stella Staff")
