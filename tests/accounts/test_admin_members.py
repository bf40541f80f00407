"""Members and invitations in the back office: the rules are those of the company's own pages."""

import pytest
import time_machine

from accounts import operations
from accounts.models import Invitation, Membership
from core.audit import AuditEntry
from tests import cast
from tests.back_office import a_clerk, button, facts, list_of, page_of, question, refusal, rows, told
from tests.books import unchanged
from tests.factories import NOW

pytestmark = pytest.mark.django_db
LAST_ADMIN = "Globex needs at least one Admin. Make somebody else Admin first."
NO_PERMISSION = "Your role does not allow this. Ask an administrator of this site."


@pytest.fixture(autouse=True)
def clock():
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture
def staff(client, stella):
    client.force_login(stella)
    return client


@pytest.fixture
def senior(account, alice, sam):
    return Membership.objects.get(user=sam.user)


class TestMembers:
    def test_a_role_is_changed(self, staff, senior, account):
        page = staff.get(page_of(senior, "change_role"))
        assert (question(page), button(page)) == ("Change the role of Sam Example?", "Change role")
        assert facts(page)["Role now"] == "Senior Buyer"
        answer = staff.post(page_of(senior, "change_role"), {"role": "junior_buyer"})
        assert told(answer) == ["The role of Sam Example is changed."]
        senior.refresh_from_db()
        assert senior.role == "junior_buyer"
        entry = AuditEntry.objects.get(action="membership.changed")
        assert (entry.actor_label, entry.account_id) == ("stella@example.com", account.pk)
        assert entry.before["role"] == "senior_buyer"

    def test_a_member_is_removed_with_their_tokens(self, staff, senior, account):
        page = staff.get(page_of(senior, "remove"))
        assert (question(page), button(page)) == ("Remove Sam Example from Globex?", "Remove Sam Example")
        answer = staff.post(page_of(senior, "remove"))
        assert answer["Location"] == page_of(account)
        assert not Membership.objects.filter(pk=senior.pk).exists()
        assert senior.user.tokens.get().revoked_at == NOW

    def test_the_last_admin_stays_one(self, staff, account, alice, sam):
        last = Membership.objects.get(user=alice.user)
        assert refusal(staff.get(page_of(last, "remove"))) == LAST_ADMIN
        with unchanged():
            assert told(staff.post(page_of(last, "remove"))) == [LAST_ADMIN]
            assert told(staff.post(page_of(last, "change_role"), {"role": "junior_buyer"}))[-1] == LAST_ADMIN

    def test_an_admin_of_several_may_go(self, staff, account, alice):
        other = cast.member("Ann Example", account, Membership.Role.ADMIN)
        staff.post(page_of(Membership.objects.get(user=alice.user), "remove"))
        assert [one.user for one in Membership.objects.all()] == [other.user]

    def test_without_the_right(self, client, senior):
        client.force_login(a_clerk("accounts.view_membership"))
        for page in ("change_role", "remove"):
            assert refusal(client.get(page_of(senior, page))) == NO_PERMISSION
            with unchanged():
                client.post(page_of(senior, page), {"role": "admin"})

    def test_nothing_is_edited_in_place(self, staff, senior):
        with unchanged():
            assert staff.post(page_of(senior), {"role": "admin"}).status_code == 403
            assert staff.post(page_of(senior, "delete"), {"post": "yes"}).status_code == 403

    def test_the_account_lists_them(self, staff, senior, account):
        shown = staff.get(page_of(account)).content.decode()
        assert page_of(senior) in shown

    def test_the_account_lists_what_a_custom_role_allows_in_words(self, staff, account):
        cast.member("Olga Own", account, Membership.Role.CUSTOM, pay_invoice=1, get_invoices=3)
        shown = staff.get(page_of(account)).content.decode()
        assert "See invoices and balances: Company and subsidiaries<br>Pay invoices: Own" in shown


class TestInvitations:
    @pytest.fixture
    def invited(self, account, alice):
        return operations.invite_member(
            account=account,
            email="zoe@example.com",
            role="senior_buyer",
            permissions={},
            at=NOW,
            by=alice.customer,
        )

    def test_withdraw(self, staff, invited):
        assert [row[:3] for row in rows(staff.get(list_of(Invitation)))] == [
            ["zoe@example.com", "Globex", "Senior Buyer"]
        ]
        page = staff.get(page_of(invited, "withdraw"))
        assert question(page) == "Withdraw the invitation of zoe@example.com?"
        assert told(staff.post(page_of(invited, "withdraw"))) == [
            "The invitation of zoe@example.com is withdrawn."
        ]
        invited.refresh_from_db()
        assert invited.withdrawn_at == NOW
        said = "This invitation was accepted or withdrawn already"
        assert refusal(staff.get(page_of(invited, "withdraw"))) == said

    def test_without_the_right(self, client, invited):
        client.force_login(a_clerk("accounts.view_invitation"))
        assert refusal(client.get(page_of(invited, "withdraw"))) == NO_PERMISSION
        with unchanged():
            client.post(page_of(invited, "withdraw"))

    def test_its_hash_is_on_no_page(self, staff, invited):
        for address in (page_of(invited), list_of(Invitation), page_of(invited, "withdraw")):
            assert invited.token_hash not in staff.get(address).content.decode()
