"""Odd values through the storefront: refused in words or without effect, and never an error of ours."""

import pytest

from accounts import operations as accounts
from accounts.models import CustomerToken, Membership
from tests import cast, factories
from tests.books import unchanged
from tests.documents import CREATE_INVOICE, CREATE_SESSIONS, GET_ACCOUNTS

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("the_clock")]
FORBIDDEN = ("Insufficient permissions", "FORBIDDEN")
TOKEN = "mutation RegenerateCustomerToken($name: String) { regenerateCustomerToken(name: $name) { id } }"


@pytest.fixture
def shop_of(graphql):
    """The storefront as a member sees it whose token was used a moment ago: its use writes nothing new."""

    def enter(member):
        shop = graphql(member)
        shop.post(GET_ACCOUNTS)
        return shop

    return enter


@pytest.mark.parametrize(
    "due",
    [
        "0001-01-01T00:00:00+23:59",
        "9999-12-31T23:59:59-23:59",
        "0000-01-01",
        "2025-02-30",
        "2025-13-01T00:00:00Z",
        "tomorrow",
    ],
)
def test_a_due_date_that_no_calendar_has(shop_of, account, alice, due):
    factories.an_organization(time_zone="Europe/Berlin")
    line = account.line_items.get()
    given = {"accountId": account.pk, "regionId": line.region_id, "lineItemIds": [line.pk], "dueDate": due}
    shop = shop_of(alice)
    with unchanged():
        assert shop.error(CREATE_INVOICE, **given) == (
            "Due date must be an ISO 8601 date",
            "VALIDATION_ERROR",
        )


@pytest.mark.parametrize("name", ["a\0b", "a\nb", "a\x1bb"])
def test_a_token_name_that_nobody_can_read(shop_of, alice, name):
    shop = shop_of(alice)
    with unchanged():
        assert shop.error(TOKEN, name=name) == ("Use letters, digits and signs only", "VALIDATION_ERROR")
    assert CustomerToken.objects.count() == 1


@pytest.mark.parametrize("level", ["2", "company", None, 2.5, True, [2], {"level": 2}, -2, 0, 4])
def test_a_custom_role_whose_level_is_no_level_gives_no_right(shop_of, account, level):
    member = cast.member(
        "Carl Custom", account, Membership.Role.CUSTOM, get_invoices=level, pay_invoice=level
    )
    invoice = factories.an_open_invoice(account, account.line_items.get())
    shop = shop_of(member)
    with unchanged():
        assert shop.error(GET_ACCOUNTS) == FORBIDDEN
        assert shop.error(CREATE_SESSIONS, invoiceId=invoice.pk) == FORBIDDEN


@pytest.mark.parametrize("permissions", [[], ["get_invoices"], "get_invoices", 7, None, True])
def test_a_custom_role_whose_permissions_are_no_table_gives_no_right(shop_of, account, permissions):
    member = cast.member("Carl Custom", account, Membership.Role.CUSTOM)
    if permissions is not None:
        Membership.objects.filter(user=member.user).update(permissions=permissions)
    shop = shop_of(member)
    with unchanged():
        assert shop.error(GET_ACCOUNTS) == FORBIDDEN


@pytest.mark.parametrize("level", [2, 3])
def test_a_custom_role_of_the_company_s_level_reads(graphql, account, level):
    member = cast.member("Carl Custom", account, Membership.Role.CUSTOM, get_invoices=level)
    assert len(graphql(member)(GET_ACCOUNTS)["getCustomerAccounts"]) == 1
    assert accounts.customer_for_user(member.user).may("pay_invoice", account_id=account.pk) is False
