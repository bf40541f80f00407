"""Who belongs to a company, changed and removed by its Admins; one of them always stays."""

from contextlib import nullcontext
from threading import Barrier

import pytest

from accounts import operations
from accounts.models import Account, CustomerToken, Membership, User
from accounts.operations import membering
from battery.server import at_once
from core.audit import AuditEntry
from core.errors import Conflict, Forbidden, Invalid, NotFound
from payments.models import Payment
from tests import cast, factories
from tests.books import refuses, unchanged
from tests.factories import NOW

pytestmark = pytest.mark.django_db
LAST = "Globex needs at least one Admin. Make somebody else Admin first."
ONLY_ADMINS = "Only an Admin can manage members"


def place_of(person) -> Membership:
    return person.user.memberships.get()


def change(member, by, role="senior_buyer", **permissions):
    operations.change_member(
        member=place_of(member), role=role, permissions=permissions, at=NOW, by=by.customer
    )


def remove(member, by):
    operations.remove_member(member=place_of(member), at=NOW, by=by.customer)


def trail(action):
    entry = AuditEntry.objects.get(action=action)
    return entry.actor_label, entry.account_id, entry.before, entry.after


class TestChanging:
    def test_gives_another_role(self, account, alice, bob):
        change(bob, alice)
        assert place_of(bob).role == "senior_buyer"
        assert trail("membership.changed") == (
            "alice@example.com",
            account.pk,
            {"role": "junior_buyer", "permissions": {}},
            {"role": "senior_buyer", "permissions": {}},
        )

    def test_a_custom_role_has_its_own_permissions(self, alice, bob):
        change(bob, alice, "custom", get_invoices=2, pay_invoice=1)
        assert place_of(bob).permissions == {"get_invoices": 2, "pay_invoice": 1}
        change(bob, alice, "junior_buyer")
        assert (place_of(bob).role, place_of(bob).permissions) == ("junior_buyer", {})

    def test_what_changes_nothing_writes_nothing(self, alice, bob):
        with unchanged():
            change(bob, alice, "junior_buyer")

    @pytest.mark.parametrize(
        ("role", "permissions", "message", "field"),
        [
            ("", {}, "Choose a role", "role"),
            ("owner", {}, "Choose a role", "role"),
            ("custom", {}, "Choose at least one permission for the custom role", "permissions"),
            ("custom", {"pay_invoice": 4}, "The level of pay_invoice is 1, 2 or 3", "permissions"),
            ("custom", {"pay_invoice": True}, "The level of pay_invoice is 1, 2 or 3", "permissions"),
            (
                "senior_buyer",
                {"pay_invoice": 2},
                "Only a custom role has permissions of its own",
                "permissions",
            ),
        ],
    )
    def test_refused(self, alice, bob, role, permissions, message, field):
        with refuses(Invalid, message, field=field):
            change(bob, alice, role, **permissions)

    def test_an_unknown_permission_is_named(self, alice, bob):
        with pytest.raises(Invalid, match="There is no permission “fly”") as caught, unchanged():
            change(bob, alice, "custom", fly=1)
        assert caught.value.field == "permissions"

    def test_who_was_removed_meanwhile_is_not_found(self, alice, bob):
        gone = place_of(bob)
        remove(bob, alice)
        with refuses(NotFound, "Member not found"):
            operations.change_member(member=gone, role="admin", permissions={}, at=NOW, by=alice.customer)


class TestRemoving:
    def test_the_place_and_its_tokens_go_and_payments_stay(self, account, alice, bob):
        invoice = factories.an_open_invoice(account, account.line_items.get())
        factories.a_promised_payment(invoice, by=bob.user)
        remove(bob, alice)
        assert list(account.members.all()) == [alice.user]
        assert trail("membership.removed") == (
            "alice@example.com",
            account.pk,
            {"user": bob.user.pk, "role": "junior_buyer", "permissions": {}},
            {},
        )
        token = CustomerToken.objects.get(user=bob.user)
        assert token.revoked_at == NOW
        assert CustomerToken.objects.get(user=alice.user).revoked_at is None
        assert Payment.objects.get().payer == bob.user
        assert User.objects.get(pk=bob.user.pk).is_active

    def test_tokens_that_open_another_company_go_on(self, alice, bob):
        other = Membership.objects.create(
            user=bob.user, account=factories.an_account("Initech"), role="admin"
        )
        operations.remove_member(
            member=bob.user.memberships.exclude(pk=other.pk).get(), at=NOW, by=alice.customer
        )
        assert CustomerToken.objects.get(user=bob.user).revoked_at is None
        assert list(bob.user.memberships.all()) == [other]


class TestWhoMay:
    @pytest.fixture(params=["sam", "bob", "mallory", "stella", "custom"])
    def outsider(self, request, account, alice):
        if request.param == "stella":
            return operations.customer_for_user(request.getfixturevalue("stella"))
        if request.param == "custom":
            every = dict.fromkeys(("get_invoices", "pay_invoice"), 3)
            return cast.member("Cora Example", account, "custom", **every).customer
        return request.getfixturevalue(request.param).customer

    def test_nobody_but_an_admin(self, alice, outsider):
        with refuses(Forbidden, ONLY_ADMINS):
            operations.change_member(
                member=place_of(alice), role="junior_buyer", permissions={}, at=NOW, by=outsider
            )
        with refuses(Forbidden, ONLY_ADMINS):
            operations.remove_member(member=place_of(alice), at=NOW, by=outsider)

    def test_no_program(self, alice, bob):
        program = operations.customer_for_token(alice.token, at=NOW)
        with refuses(Forbidden, ONLY_ADMINS):
            operations.remove_member(member=place_of(bob), at=NOW, by=program)

    def test_who_was_an_admin_when_the_page_was_loaded(self, account, alice, bob):
        dora = cast.member("Dora Example", account, "admin")
        before = dora.customer
        change(dora, alice)
        with refuses(Forbidden, ONLY_ADMINS):
            operations.remove_member(member=place_of(bob), at=NOW, by=before)

    def test_the_admin_of_the_parent_company_is_none_of_its_subsidiary(self, account, alice, mallory):
        Account.objects.filter(company_name="Initech").update(parent=account)
        with refuses(Forbidden, ONLY_ADMINS):
            operations.remove_member(member=place_of(mallory), at=NOW, by=alice.customer)


class TestTheLastAdmin:
    def test_stays(self, alice, bob):
        with refuses(Conflict, LAST):
            remove(alice, alice)
        for role in ("senior_buyer", "junior_buyer"):
            with refuses(Conflict, LAST):
                change(alice, alice, role)
        with refuses(Conflict, LAST):
            change(alice, alice, "custom", get_invoices=1)

    def test_an_admin_who_may_not_sign_in_is_none(self, account, alice):
        dora = cast.member("Dora Example", account, "admin")
        User.objects.filter(pk=dora.user.pk).update(is_active=False)
        with refuses(Conflict, LAST):
            remove(alice, alice)
        remove(dora, alice)

    def test_goes_once_there_is_another(self, alice, bob):
        change(bob, alice, "admin")
        remove(alice, alice)
        assert not alice.user.memberships.exists()


@pytest.mark.django_db(transaction=True)
class TestAtOnce:
    """Two Admins act in the same moment; each has loaded their page before."""

    @pytest.fixture
    def two(self, shared_database):
        account = factories.an_account()
        return cast.alice(account), cast.member("Dora Example", account, "admin")

    def test_each_demotes_the_other(self, two):
        alice, dora = two
        customers, places = (alice.customer, dora.customer), (place_of(alice), place_of(dora))

        def demote(by, member):
            return lambda: operations.change_member(
                member=member, role="junior_buyer", permissions={}, at=NOW, by=by
            )

        came = at_once(demote(customers[0], places[1]), demote(customers[1], places[0]))
        assert sorted(str(one) for one in came) == ["None", ONLY_ADMINS]
        assert Membership.objects.filter(role="admin").count() == 1

    @pytest.mark.parametrize("act", [lambda who: remove(who, who), lambda who: change(who, who)])
    def test_each_steps_back(self, two, act):
        came = at_once(*(lambda who=who: act(who) for who in two))
        assert sorted(str(one) for one in came) == [LAST, "None"]
        assert Membership.objects.filter(role="admin").count() == 1

    @pytest.mark.control
    def test_without_the_lock_the_company_has_no_admin_left(self, two, monkeypatch):
        """The negative control: each looks for another Admin before either has gone."""
        both_looked, look = Barrier(2), Membership.is_last_admin

        def look_and_wait(place):
            is_last = look(place)
            both_looked.wait(30)
            return is_last

        monkeypatch.setattr(Membership, "is_last_admin", look_and_wait)
        monkeypatch.setattr(membering, "locked_account", lambda pk: nullcontext(Account.objects.get(pk=pk)))
        assert at_once(*(lambda who=who: remove(who, who) for who in two)) == [None, None]
        assert not Membership.objects.exists()
