"""The pages on which an Admin manages members, and the page behind an invitation's link."""

import re
from datetime import timedelta

import pytest
import time_machine

from accounts import operations
from accounts.models import Account, Invitation, Membership, User
from accounts.models.members import PERMISSIONS
from core import outbox
from tests import cast
from tests.books import unchanged
from tests.factories import NOW
from tests.pages import is_signed_in, text_of, title_of

pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(days=7)
OVER = "This invitation no longer works"


@pytest.fixture(autouse=True)
def clock():
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture
def browser(client, alice):
    """Alice's."""
    client.force_login(alice.user)
    return client


@pytest.fixture
def members(account):
    return f"/account/{account.number}/members/"


def page_of(members, person, page="") -> str:
    return f"{members}{person.user.memberships.get().pk}/{page}"


def invite(browser, members, email="zoe@example.com", role="senior_buyer", **levels):
    return browser.post(members, {"email": email, "role": role, **levels})


@pytest.fixture
def link(browser, members, mailoutbox):
    """The link in the mail to somebody whom Alice invited."""

    def link(email="zoe@example.com", role="senior_buyer") -> str:
        invite(browser, members, email, role)
        outbox.drain(at=NOW)
        return re.search(r"/account/invitation/\w+/", mailoutbox[-1].body)[0]

    return link


class TestTheList:
    def test_tells_who_is_a_member_and_who_is_invited(self, browser, members, bob, clock):
        User.objects.filter(pk=bob.user.pk).update(last_login=NOW - timedelta(days=3))
        invite(browser, members)
        page = browser.get(members)
        assert title_of(page) == "Members - Northwind Supply"
        assert text_of(page).startswith(
            "Back to account Invitation sent to zoe@example.com. It works for 7 days. "
            "Members Members of Globex Name and e-mail Role Last sign-in Actions "
            "Alice Examplealice@example.com Admin Last sign-in 3 Sep 2025 "
            "Change Alice Example Remove Alice Example "
            "Bob Examplebob@example.com Junior Buyer Last sign-in 31 Aug 2025 "
            "Change Bob Example Remove Bob Example "
            "Invitations Invitations E-mail Role Works until Actions "
            "zoe@example.comInvited by Alice Example Senior Buyer Works until 10 Sep 2025 "
            "Send again zoe@example.com Withdraw zoe@example.com "
            "Invite a member E-mail Role Admin: sees and pays invoices, manages members "
            "Senior Buyer: sees invoices Junior Buyer: sees neither Custom: what you allow below"
        )
        clock.move_to(LATER)
        browser.force_login(User.objects.get(email="alice@example.com"))
        assert "zoe@example.comInvited by Alice Example Senior Buyer Expired" in text_of(browser.get(members))

    def test_who_never_signed_in(self, browser, members, bob):
        assert "Junior Buyer Last sign-in Never" in text_of(browser.get(members))

    def test_reading_writes_nothing(self, browser, members, bob):
        browser.get(members)
        with unchanged():
            for address in (members, page_of(members, bob), page_of(members, bob, "remove/")):
                assert browser.get(address)["Cache-Control"] == "no-store"

    def test_as_many_queries_for_twenty(self, browser, account, members, django_assert_num_queries):
        def more(count):
            for number in range(count):
                cast.member(f"{count}x{number} Example", account, "junior_buyer")
                invite(browser, members, f"{count}y{number}@example.com")
            browser.get(members)

        for count in (2, 18):
            more(count)
            with django_assert_num_queries(7):  # session, user, places, account, organization, two lists
                browser.get(members)

    def test_who_sees_it_in_the_navigation(self, client, account, members, alice, sam):
        for person, is_there in ((alice, True), (sam, False)):
            client.force_login(person.user)
            page = client.get(f"/account/{account.number}/").content.decode()
            assert (f'href="{members}"' in page) is is_there


class TestWhoMay:
    @pytest.mark.parametrize("who", ["sam", "bob", "custom"])
    def test_the_others_are_told_whom_to_ask(self, request, client, account, alice, members, who):
        if who == "custom":
            person = cast.member("Cora Example", account, "custom", get_invoices=3, pay_invoice=3)
        else:
            person = request.getfixturevalue(who)
        client.force_login(person.user)
        for address in (members, page_of(members, alice), page_of(members, alice, "remove/")):
            with unchanged():
                answers = [client.get(address), client.post(address, {"role": "admin"})]
            for page in answers:
                assert (page.status_code, text_of(page)) == (
                    403,
                    "Back to account Only an Admin can manage members Ask Alice Example (alice@example.com).",
                )

    def test_a_stranger_finds_nothing(self, client, members, alice, mallory):
        client.force_login(mallory.user)
        own = f"/account/{mallory.user.memberships.get().account.number}/members/"
        random = client.get(f"{own}999999999999999999999/")
        for address in (
            members,
            page_of(members, alice),
            f"{own}{alice.user.memberships.get().pk}/",
            f"{own}{alice.user.memberships.get().pk}/remove/",
        ):
            with unchanged():
                for page in (client.get(address), client.post(address)):
                    assert (page.status_code, text_of(page)) == (404, text_of(random))

    def test_needs_signing_in(self, client, members, alice):
        assert client.get(members)["Location"] == f"/account/login/?next={members}"
        program = client.get(members, headers={"Authorization": f"Bearer {alice.token}"})
        assert program["Location"] == f"/account/login/?next={members}"


class TestInviting:
    def test_every_permission_can_be_chosen(self, browser, members):
        page = browser.get(members).content.decode()
        assert tuple(re.findall(r'<select name="(\w+)"', page)) == PERMISSIONS

    def test_a_custom_role(self, browser, members):
        invite(browser, members, role="custom", get_invoices="3", pay_invoice="1", export_invoices="0")
        assert Invitation.objects.get().permissions == {"get_invoices": 3, "pay_invoice": 1}

    def test_levels_of_a_role_that_was_not_chosen_do_not_count(self, browser, members):
        invite(browser, members, role="admin", get_invoices="1")
        assert (Invitation.objects.get().role, Invitation.objects.get().permissions) == ("admin", {})

    @pytest.mark.parametrize(
        ("fields", "error"),
        [
            ({"email": " "}, "Enter the e-mail of whom you invite"),
            ({"email": "zoe"}, "Enter an e-mail address like name@example.com"),
            ({"role": "owner"}, "Choose a role"),
            ({"email": "Alice@example.com"}, "alice@example.com is a member of Globex already"),
            ({"role": "custom"}, "Choose at least one permission for the custom role"),
            (
                {"role": "custom", "pay_invoice": "4"},
                "Select a valid choice. 4 is not one of the available choices.",
            ),
        ],
    )
    def test_refusals_are_told_and_write_nothing(self, browser, members, fields, error):
        browser.get(members)
        with unchanged():
            page = browser.post(members, {"email": "zoe@example.com", "role": "admin", **fields})
        assert (page.status_code, title_of(page)) == (422, "Error: Members - Northwind Supply")
        assert f"There is a problem {error} Members" in text_of(page)
        kept = page.context["form"]
        assert [kept[name].value() for name in fields] == [*fields.values()]

    def test_without_a_role(self, browser, members):
        page = browser.post(members, {"email": "zoe@example.com"})
        assert '<a href="#id_role">Choose a role</a>' in page.content.decode()
        assert 'id="id_role"' in page.content.decode()

    def test_sending_again_and_withdrawing(self, browser, members, mailoutbox):
        invite(browser, members)
        address = f"{members}invitations/{Invitation.objects.get().pk}/"
        assert browser.get(f"{address}again/").status_code == 405
        assert browser.get(f"{address}withdraw/").status_code == 405
        again = browser.post(f"{address}again/", follow=True)
        assert "Invitation sent to zoe@example.com. It works for 7 days." in text_of(again)
        gone = browser.post(f"{address}withdraw/", follow=True)
        assert "The invitation of zoe@example.com is withdrawn. Its link no longer works." in text_of(gone)
        assert "Works until" not in text_of(gone)
        for act in ("again", "withdraw"):
            page = browser.post(f"{address}{act}/", follow=True)
            assert "This invitation was accepted or withdrawn already" in text_of(page)

    def test_another_company_s_invitation_is_not_found(self, client, browser, members, mallory):
        invite(browser, members)
        pk = Invitation.objects.get().pk
        client.force_login(mallory.user)
        own = f"/account/{mallory.user.memberships.get().account.number}/members/"
        for act in ("again", "withdraw"):
            with unchanged():
                assert client.post(f"{own}invitations/{pk}/{act}/").status_code == 404


class TestChanging:
    def test_shows_and_saves(self, browser, account, members):
        cora = cast.member("Cora Example", account, "custom", get_invoices=2)
        page = browser.get(page_of(members, cora))
        content = page.content.decode()
        assert title_of(page) == "Change the role of Cora Example - Northwind Supply"
        assert re.findall(r'value="(\w+)"[^>]* checked', content) == ["custom"]
        assert re.findall(r'<option value="(\d)" selected', content) == ["2"]
        done = browser.post(page_of(members, cora), {"role": "custom", "get_invoices": "1"}, follow=True)
        assert "The role of Cora Example is changed." in text_of(done)
        assert Membership.objects.get(user=cora.user).permissions == {"get_invoices": 1}

    def test_the_last_admin(self, browser, members, alice):
        browser.get(members)
        with unchanged():
            page = browser.post(page_of(members, alice), {"role": "junior_buyer"})
        assert page.status_code == 422
        assert "Globex needs at least one Admin. Make somebody else Admin first." in text_of(page)

    def test_who_steps_back_goes_on_to_the_account(self, browser, account, members, alice, bob):
        browser.post(page_of(members, bob), {"role": "admin"})
        answer = browser.post(page_of(members, alice), {"role": "senior_buyer"})
        assert answer["Location"] == "/account/"
        assert browser.get(members).status_code == 403


class TestRemoving:
    def test_asks_first(self, browser, members, bob):
        operations.create_token(user=bob.user, name="second", at=NOW, by=bob.actor)
        address = page_of(members, bob, "remove/")
        page = browser.get(address)
        assert text_of(page) == (
            "Back to members Remove Bob Example from Globex? Bob can no longer sign in to this account. "
            "2 tokens stop working now. Payments Bob made stay. Remove member Keep them"
        )
        assert title_of(page) == "Remove Bob Example from Globex? - Northwind Supply"
        assert bob.user.memberships.exists()
        done = browser.post(address, follow=True)
        assert "Bob Example is removed from Globex." in text_of(done)
        assert not bob.user.memberships.exists()
        assert browser.post(address).status_code == 404

    def test_tokens_that_go_on_are_not_counted(self, browser, account, members, mallory):
        place = Membership.objects.create(user=mallory.user, account=account, role="junior_buyer")
        page = browser.get(f"{members}{place.pk}/remove/")
        assert "account. Payments Mallory made stay." in text_of(page)

    def test_the_last_admin(self, browser, members, alice):
        browser.get(members)
        with unchanged():
            page = browser.post(page_of(members, alice, "remove/"))
        assert (page.status_code, title_of(page)) == (
            422,
            "Error: Remove Alice Example from Globex? - Northwind Supply",
        )
        assert "Globex needs at least one Admin. Make somebody else Admin first." in text_of(page)

    def test_who_is_removed_sees_the_company_no_more(self, client, browser, account, members, bob):
        client.force_login(bob.user)
        assert client.get(f"/account/{account.number}/").status_code == 200
        operations.remove_member(
            member=bob.user.memberships.get(),
            at=NOW,
            by=operations.customer_for_user(User.objects.get(email="alice@example.com")),
        )
        assert client.get(f"/account/{account.number}/").status_code == 404
        assert "You are not a member of a company yet." in text_of(client.get("/account/"))


class TestTheLink:
    FORM = {"name": "Zoe Example", "password": "correct horse 4711"}

    def test_makes_a_user_and_signs_them_in(self, client, account, link):
        address = link()
        client.logout()
        with unchanged():
            page = client.get(address)
        assert (title_of(page), "no-store" in page["Cache-Control"]) == (
            "Join Globex - Northwind Supply",
            True,
        )
        assert text_of(page).startswith(
            "Join Globex Alice Example invites you to Globex as Senior Buyer. "
            "You will sign in as zoe@example.com. Your name Password"
        )
        done = client.post(address, self.FORM, follow=True)
        assert done.redirect_chain[-1][0] == f"/account/{account.number}/"
        assert "You are a member of Globex now." in text_of(done)
        assert done.wsgi_request.user.email == "zoe@example.com"
        assert (client.get(address).status_code, OVER in text_of(client.get(address))) == (404, True)

    @pytest.mark.parametrize(
        ("fields", "error"),
        [
            ({"name": ""}, "Enter your name"),
            ({"name": "Zoe\u202e"}, "Write your name in one line of at most 150 characters"),
            ({"password": ""}, "Enter a new password"),
            ({"password": "12345678"}, "This password is too common."),
        ],
    )
    def test_what_a_new_user_is_refused(self, client, link, fields, error):
        address = link()
        client.logout()
        with unchanged():
            page = client.post(address, self.FORM | fields)
        assert page.status_code == 422
        assert f"There is a problem {error} Join Globex" in text_of(page)
        assert not is_signed_in(client)

    def test_who_is_known_signs_in_first(self, client, account, link, mallory):
        address = link("mallory@example.com")
        client.logout()
        with unchanged():
            pages = [client.get(address), client.post(address, self.FORM)]
        for page in pages:
            assert "Sign in as mallory@example.com to accept." in text_of(page)
            assert f'href="/account/login/?next={address}"' in page.content.decode()
        client.force_login(mallory.user)
        assert text_of(client.get(address)) == (
            "Join Globex Alice Example invites you to Globex as Senior Buyer. Join"
        )
        client.post(address)
        assert account.members.filter(pk=mallory.user.pk).exists()

    def test_somebody_else_is_told_so(self, client, link, mallory):
        address = link()
        client.force_login(mallory.user)
        client.get(address)
        with unchanged():
            pages = [client.get(address), client.post(address, self.FORM)]
        for page in pages:
            assert page.status_code == 403
            assert (
                "The invitation is for zoe@example.com. You are signed in as mallory@example.com. "
                "Sign out, then open the link again." in text_of(page)
            )

    def test_over_withdrawn_used_and_invented_look_the_same(self, client, browser, members, link, clock):
        links = [link(f"{name}@example.com") for name in ("used", "withdrawn", "over")]
        pk = Invitation.objects.get(email="withdrawn@example.com").pk
        browser.post(f"{members}invitations/{pk}/withdraw/")
        client.logout()
        client.post(links[0], self.FORM)
        client.logout()
        clock.move_to(LATER)
        told = set()
        for address in (*links, "/account/invitation/invented/", f"/account/invitation/{'0' * 64}/"):
            for page in (client.get(address), client.post(address, self.FORM)):
                told.add((page.status_code, text_of(page)))
        ((status, text),) = told
        assert status == 404
        assert text.startswith(OVER)

    @pytest.mark.parametrize("name", ["<b>Zoe</b>", "Zoe {{ 7|add:1 }}", "=1+2", "Zoë 👩‍👩‍👧"])
    def test_a_strange_name_is_shown_as_text(self, client, browser, members, link, alice, name):
        address = link()
        client.logout()
        client.post(address, self.FORM | {"name": name})
        client.force_login(alice.user)
        page = client.get(members).content.decode()
        assert name.replace("<", "&lt;").replace(">", "&gt;") in page
        assert "<b>Zoe" not in page


def test_the_admin_of_a_subsidiary_only_is_no_admin_here(client, account, members, alice, mallory):
    """And the other way round: who reaches a subsidiary manages nobody there."""
    below = Account.objects.get(company_name="Initech")
    Account.objects.filter(pk=below.pk).update(parent=account)
    tina = cast.member("Tina Example", account, "custom", get_invoices=3)
    client.force_login(tina.user)
    page = client.get(f"/account/{below.number}/members/")
    assert (page.status_code, "Ask Mallory Example" in text_of(page)) == (403, True)
    client.force_login(mallory.user)
    assert client.get(members).status_code == 404
