"""Signing in and out, the lock-out, sessions that end, and a forgotten password, as a browser sees them."""

import re
from datetime import timedelta

import pytest
import time_machine
from django.test import Client

from accounts.models import User
from core import outbox
from tests.factories import NOW, an_organization
from tests.pages import LOGIN, TOKENS, is_signed_in, sign_in, text_of, title_of

RESET = "/account/password/reset/"
NOT_RIGHT = "E-mail or password is not right."
LOCKED = "Too many attempts. Try again in 15 minutes or reset your password."
EXPIRED = "You were signed out after a day without activity. Sign in to go on where you were."


@pytest.fixture(autouse=True)
def clock():
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture
def browser(client):
    """A browser in which nobody is signed in yet."""
    return client


@pytest.fixture
def signed_in(browser, alice):
    browser.force_login(alice.user)
    return browser


class TestSigningIn:
    def test_page(self, browser, account):
        page = browser.get(LOGIN)
        assert page.status_code == 200
        assert title_of(page) == "Sign in - Northwind Supply"
        assert text_of(page) == "Sign in E-mail Password Show Sign in Forgot your password?"
        assert b'autocomplete="username"' in page.content
        assert b'autocomplete="current-password"' in page.content

    def test_works_before_there_is_an_organization(self, browser, db):
        page = browser.get(LOGIN)
        assert (page.status_code, title_of(page)) == (200, "Sign in")

    def test_leads_to_the_account(self, browser, alice):
        answer = sign_in(browser, "Alice@Example.com ")
        assert (answer.status_code, answer["Location"]) == (302, "/account/")
        assert is_signed_in(browser)

    def test_next_is_kept_and_followed(self, browser, alice):
        page = browser.get(LOGIN, {"next": "/account/tokens/?a=1"})
        assert b'<input type="hidden" name="next" value="/account/tokens/?a=1">' in page.content
        wrong = sign_in(browser, password="wrong", next="/account/tokens/?a=1")
        assert b'<input type="hidden" name="next" value="/account/tokens/?a=1">' in wrong.content
        assert sign_in(browser, next="/account/tokens/?a=1")["Location"] == "/account/tokens/?a=1"

    @pytest.mark.parametrize(
        "there", ["https://evil.example/", "//evil.example/", "javascript:alert(1)", "http:///evil.example"]
    )
    @pytest.mark.parametrize("hosts", [["testserver"], ["*"]])
    def test_next_leads_to_no_other_site(self, browser, alice, settings, there, hosts):
        settings.ALLOWED_HOSTS = hosts
        assert b"evil" not in browser.get(LOGIN, {"next": there}).content
        assert sign_in(browser, next=there)["Location"] == "/account/"

    def test_who_is_signed_in_goes_on(self, signed_in):
        assert signed_in.get(LOGIN, {"next": TOKENS})["Location"] == TOKENS
        assert signed_in.get(LOGIN, {"next": "//evil.example/"})["Location"] == "/account/"

    def test_wrong_password(self, browser, alice):
        page = sign_in(browser, password="wrong")
        assert page.status_code == 422
        assert title_of(page) == "Error: Sign in - Northwind Supply"
        assert text_of(page).startswith(
            f"There is a problem {NOT_RIGHT} Sign in E-mail Error: {NOT_RIGHT} Password"
        )
        assert b'<a href="#id_login">' in page.content
        assert b'value="alice@example.com"' in page.content
        assert not is_signed_in(browser)

    def test_unknown_and_inactive_answer_like_a_wrong_password(self, browser, alice, stella):
        User.objects.filter(pk=stella.pk).update(is_active=False)
        wrong = text_of(sign_in(browser, password="wrong"))
        assert text_of(sign_in(browser, "nobody@example.com")) == wrong
        assert text_of(sign_in(browser, "stella@example.com")) == wrong

    def test_empty_fields(self, browser, account):
        page = sign_in(browser, "", "")
        assert page.status_code == 422
        assert text_of(page) == (
            "There is a problem Enter your e-mail Enter your password"
            " Sign in E-mail Error: Enter your e-mail Password Error: Enter your password Show"
            " Sign in Forgot your password?"
        )

    def test_staff_sign_in_here_too(self, browser, stella):
        an_organization()
        sign_in(browser, "stella@example.com")
        page = browser.get(TOKENS)
        assert b'<a href="/admin/">Back office</a>' in page.content

    def test_customers_see_no_back_office(self, signed_in):
        assert b"/admin/" not in signed_in.get(TOKENS).content


class TestLockOut:
    def test_five_failures_lock_for_fifteen_minutes(self, browser, alice, clock):
        for _ in range(4):
            assert sign_in(browser, password="wrong").status_code == 422
        fifth = sign_in(browser, "ALICE@example.com", "wrong")
        assert (fifth.status_code, fifth["Retry-After"]) == (429, "900")
        assert LOCKED in text_of(fifth)
        assert title_of(fifth) == "Error: Sign in - Northwind Supply"
        assert LOCKED in text_of(sign_in(browser))
        assert not is_signed_in(browser)
        clock.shift(timedelta(minutes=16))
        assert sign_in(browser).status_code == 302

    def test_somebody_else_can_still_sign_in(self, browser, alice, sam):
        for _ in range(5):
            sign_in(browser, password="wrong")
        assert sign_in(browser, "sam@example.com").status_code == 302

    def test_success_forgets_failures(self, browser, alice):
        for _ in range(2):
            for _ in range(4):
                sign_in(browser, password="wrong")
            assert sign_in(browser).status_code == 302
            browser.post("/account/logout/")

    def test_the_back_office_locks_too(self, browser, stella):
        an_organization()
        for _ in range(4):
            browser.post("/admin/login/", {"username": "Stella@example.com", "password": "wrong"})
        page = browser.post("/admin/login/", {"username": "stella@example.com", "password": "wrong"})
        assert (page.status_code, page["Retry-After"]) == (429, "900")
        assert text_of(page) == "Too many attempts Try again in 15 minutes."
        assert LOCKED in text_of(sign_in(browser, "stella@example.com"))


class TestSigningOut:
    def test_post_signs_out_and_says_so_once(self, signed_in):
        answer = signed_in.post("/account/logout/")
        assert (answer.status_code, answer["Location"]) == (302, LOGIN)
        assert not is_signed_in(signed_in)
        assert text_of(signed_in.get(LOGIN)).startswith("You are signed out. Sign in")
        assert "You are signed out." not in text_of(signed_in.get(LOGIN))

    def test_get_changes_nothing(self, signed_in):
        page = signed_in.get("/account/logout/")
        assert text_of(page) == "Sign out? Sign out Stay signed in"
        assert is_signed_in(signed_in)

    def test_needs_the_forms_token(self, alice):
        browser = Client(enforce_csrf_checks=True)
        browser.force_login(alice.user)
        assert browser.post("/account/logout/").status_code == 403
        assert is_signed_in(browser)

    def test_leads_to_no_other_site(self, signed_in):
        assert signed_in.post("/account/logout/", {"next": "//evil.example/"})["Location"] == LOGIN


class TestSessionsEnd:
    def test_an_expired_session_is_explained_and_the_page_found_again(self, browser, alice, clock):
        sign_in(browser)
        browser.get(TOKENS)
        clock.shift(timedelta(hours=25))
        answer = browser.get(TOKENS)
        assert answer["Location"] == f"{LOGIN}?next={TOKENS}"
        assert text_of(browser.get(answer["Location"])).startswith(f"{EXPIRED} Sign in")
        assert sign_in(browser, next=TOKENS)["Location"] == TOKENS

    def test_a_day_counts_from_the_last_request(self, browser, alice, clock):
        sign_in(browser)
        for _ in range(3):
            clock.shift(timedelta(hours=23, minutes=59))
            assert browser.get(TOKENS).status_code == 200

    def test_after_thirty_days_it_ends_however_busy(self, browser, alice, clock):
        sign_in(browser)
        for _ in range(30):
            assert browser.get(TOKENS).status_code == 200
            clock.shift(timedelta(hours=23, minutes=59))
        assert browser.get(TOKENS).status_code == 200
        clock.shift(timedelta(hours=1))
        assert browser.get(TOKENS).status_code == 302
        assert not is_signed_in(browser)
        sign_in(browser)
        assert browser.get(TOKENS).status_code == 200

    def test_staff_s_ends_after_eight_hours(self, browser, stella, clock):
        an_organization()
        sign_in(browser, "stella@example.com")
        for hours, status in ((0, 200), (7, 200), (7, 200), (9, 302)):
            clock.shift(timedelta(hours=hours))
            assert browser.get("/admin/").status_code == status

    def test_a_first_visit_is_not_called_expired(self, browser, account):
        assert EXPIRED not in text_of(browser.get(LOGIN, {"next": TOKENS}))

    def test_signing_out_is_not_called_expired(self, browser, alice):
        sign_in(browser)
        browser.get(TOKENS)
        browser.post("/account/logout/")
        assert EXPIRED not in text_of(browser.get(LOGIN, {"next": TOKENS}))

    def test_no_cache_keeps_a_signed_in_page(self, signed_in):
        assert signed_in.get(TOKENS)["Cache-Control"] == "no-store"


def ask_for_link(browser, mailoutbox, email="alice@example.com") -> str:
    """Ask for a reset; the path of the link in the mail."""
    browser.post(RESET, {"email": email})
    outbox.drain(at=NOW)
    return re.search(r"http://[^/]+(/\S+)", mailoutbox[-1].body)[1]


class TestForgottenPassword:
    def test_round_trip(self, browser, alice, mailoutbox, settings):
        settings.SITE_URL = "http://shop.example"
        answer = browser.post(RESET, {"email": "Alice@example.com"})
        assert answer["Location"] == f"{RESET}done/"
        assert text_of(browser.get(answer["Location"])) == (
            "Back to sign in Look at your e-mail If Alice@example.com belongs to an account, we have sent"
            " a link. It works for one hour. Ask for another link"
        )
        assert mailoutbox == []  # the worker sends it: the answer takes as long as for an unknown address
        outbox.drain(at=NOW)
        (mail,) = mailoutbox
        assert (mail.subject, mail.to) == ("Set a new password", ["alice@example.com"])
        assert mail.from_email == "Northwind Supply <billing@northwind.example>"
        lines = mail.body.splitlines()
        assert lines[0] == "Set a new password with this link. It works for one hour."
        assert lines[2] == "Set a new password:"
        assert lines[3].startswith(f"http://shop.example{RESET}key/")
        link = lines[3].removeprefix("http://shop.example")
        form = browser.get(link)["Location"]
        assert form.endswith("-set-password/")  # the key has left the address
        assert text_of(browser.get(form)).startswith("Set a new password New password At least 8 characters")
        answer = browser.post(form, {"password": "a new battery staple"})
        assert answer["Location"] == LOGIN
        assert text_of(browser.get(LOGIN)).startswith("Your new password is set. Sign in with it.")
        assert sign_in(browser).status_code == 422
        assert sign_in(browser, password="a new battery staple").status_code == 302

    def test_unknown_and_inactive_get_the_same_answer_and_no_mail(self, browser, alice, mailoutbox):
        User.objects.create_user("gone@example.com", "x", is_active=False)
        known = browser.post(RESET, {"email": "alice@example.com"}, follow=True)
        for address in ("nobody@example.com", "gone@example.com"):
            answer = browser.post(RESET, {"email": address}, follow=True)
            assert answer.status_code == known.status_code == 200
            assert text_of(answer) == text_of(known).replace("alice@example.com", address)
        outbox.drain(at=NOW)
        assert [mail.to for mail in mailoutbox] == [["alice@example.com"]]

    def test_once_a_minute(self, browser, alice, mailoutbox, clock):
        for _ in range(3):
            browser.post(RESET, {"email": "alice@example.com"})
        clock.shift(timedelta(minutes=2))
        browser.post(RESET, {"email": "alice@example.com"})
        outbox.drain(at=NOW + timedelta(minutes=3))
        assert len(mailoutbox) == 2

    def test_ends_a_lock_out(self, browser, alice, mailoutbox):
        for _ in range(5):
            sign_in(browser, password="wrong")
        form = browser.get(ask_for_link(browser, mailoutbox))["Location"]
        browser.post(form, {"password": "a new battery staple"})
        assert sign_in(browser, password="a new battery staple").status_code == 302

    def test_ends_other_sessions(self, browser, alice, mailoutbox):
        other = Client()
        sign_in(other)
        form = browser.get(ask_for_link(browser, mailoutbox))["Location"]
        browser.post(form, {"password": "a new battery staple"})
        assert other.get(TOKENS).status_code == 302

    def test_a_link_works_once(self, browser, alice, mailoutbox):
        link = ask_for_link(browser, mailoutbox)
        browser.post(browser.get(link)["Location"], {"password": "a new battery staple"})
        assert text_of(Client().get(link)).startswith("This link no longer works")

    def test_a_link_works_for_one_hour(self, browser, alice, mailoutbox, clock):
        link = ask_for_link(browser, mailoutbox)
        clock.shift(timedelta(minutes=59))
        assert browser.get(link).status_code == 302
        clock.shift(timedelta(minutes=2))
        assert text_of(Client().get(link)).startswith("This link no longer works")

    @pytest.mark.parametrize("key", ["1-abc", "zzzzzzzzzzzzzzzz-abc", "0-set-password"])
    def test_an_invented_link(self, browser, account, key):
        assert text_of(browser.get(f"{RESET}key/{key}/")).startswith("This link no longer works")

    def test_weak_and_empty_passwords_are_refused(self, browser, alice, mailoutbox):
        form = browser.get(ask_for_link(browser, mailoutbox))["Location"]
        empty, short = browser.post(form, {"password": ""}), browser.post(form, {"password": "abc"})
        assert (empty.status_code, short.status_code) == (422, 422)
        assert "Enter a new password" in text_of(empty)
        assert "This password is too short." in text_of(short)
        assert title_of(short) == "Error: Set a new password - Northwind Supply"
        assert sign_in(browser).status_code == 302

    def test_empty_address(self, browser, account):
        page = browser.post(RESET, {"email": ""})
        assert page.status_code == 422
        assert "Enter your e-mail" in text_of(page)

    def test_the_answer_needs_a_question(self, browser, account):
        assert browser.get(f"{RESET}done/")["Location"] == RESET
