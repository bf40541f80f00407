"""Staff sign in with a password and a code: setting it up, showing it, losing it, and what a password alone
is worth."""

import re
import time
from datetime import timedelta
from io import StringIO

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from django.core.cache import cache
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from accounts.models import Organization
from core.audit import AuditEntry
from tests.documents import GET_ACCOUNTS
from tests.factories import NOW, an_organization
from tests.pages import LOGIN, is_signed_in, sign_in, text_of, title_of

ADMIN = "/admin/"
STAFF_LOGIN = "/admin/login/"
FACTOR = "/account/second-factor/"
SET_UP = f"{FACTOR}totp/activate/"
SHOW = f"{FACTOR}reauthenticate/"
AT_SIGN_IN = f"{FACTOR}authenticate/"
CODES = f"{FACTOR}recovery-codes/"
PASSWORD = "correct horse"
STELLA = {"username": "stella@example.com", "password": PASSWORD}
BEHIND = [
    ADMIN,
    "/admin/accounts/user/",
    "/admin/payments/payment/",
    "/admin/payments/payment/1/verify/",
    "/admin/search/",
    "/admin/jsi18n/",
    "/admin/no/such/page/",
    "/account/",
    "/account/tokens/",
    FACTOR,
    CODES,
    f"{CODES}generate/",
    f"{CODES}download/",
    f"{FACTOR}totp/deactivate/",
]


@pytest.fixture(autouse=True)
def clock(time_machine):
    time_machine.move_to(NOW, tick=False)
    return time_machine


@pytest.fixture(autouse=True)
def enforced(settings):
    settings.SECOND_FACTOR = True


@pytest.fixture(autouse=True)
def merchant(db) -> Organization:
    cache.clear()
    return an_organization()


@pytest.fixture
def browser(client):
    return client


@pytest.fixture
def key(browser, stella) -> str:
    """Stella's app, set up in `browser`, which is signed in."""
    browser.post(STAFF_LOGIN, STELLA)
    return set_up(browser)


def set_up(browser) -> str:
    """Scan and confirm; answers the key that the app keeps."""
    page = browser.get(SET_UP)
    key = re.search(r"<code>([A-Z2-7]{32})</code>", page.content.decode())[1]
    answer = browser.post(SET_UP, {"code": code_of(key)})
    assert (answer.status_code, answer["Location"]) == (302, CODES)
    return key


def code_of(key: str, *, later: int = 0) -> str:
    """What the app shows now, or so many steps of half a minute later."""
    return format_hotp_value(hotp_value(key, int(time.time()) // 30 + later))


def recovery_codes(browser) -> list[str]:
    return re.findall(r"<li><code>(\d{8})</code></li>", browser.get(CODES).content.decode())


def trail() -> list[str]:
    entries = AuditEntry.objects.filter(action__startswith="second_factor.").order_by("pk")
    return list(entries.values_list("action", flat=True))


class TestSettingItUp:
    def test_a_password_alone_leads_there_from_everywhere(self, browser, stella):
        answer = browser.post(STAFF_LOGIN, STELLA)
        assert (answer.status_code, answer["Location"]) == (302, ADMIN)
        for address in BEHIND:
            answer = browser.get(address)
            assert answer.status_code == 302, address
            assert answer["Location"].startswith(f"{SET_UP}?next="), address
        assert browser.post("/admin/payments/payment/1/verify/")["Location"] == f"{SET_UP}?next=%2Fadmin%2F"
        asked = browser.get(ADMIN, headers={"HX-Request": "true"})
        assert asked["HX-Redirect"] == f"{SET_UP}?next=%2Fadmin%2F"

    def test_where_it_is_off_nobody_is_led_anywhere(self, browser, stella, settings):
        settings.SECOND_FACTOR = False
        browser.post(STAFF_LOGIN, STELLA)
        assert browser.get(ADMIN).status_code == 200

    def test_then_the_back_office_opens(self, browser, key, stella):
        assert browser.get(ADMIN).status_code == 200
        page = browser.get(FACTOR)
        assert text_of(page).startswith("Second factor Since 3 Sep 2025 you sign in with")
        assert trail() == ["second_factor.set_up"]
        entry = AuditEntry.objects.get(action="second_factor.set_up")
        assert (entry.actor_kind, entry.actor_label, entry.object_id) == ("staff", stella.email, stella.pk)

    def test_a_wrong_code_sets_nothing_up(self, browser, stella):
        browser.post(STAFF_LOGIN, STELLA)
        browser.get(SET_UP)
        page = browser.post(SET_UP, {"code": "000000"})
        assert "Incorrect code." in text_of(page)
        assert not Authenticator.objects.exists()
        assert browser.get(ADMIN).status_code == 302

    def test_neither_key_nor_codes_can_be_read_in_the_database(self, key, stella):
        stored = str(list(Authenticator.objects.values_list("data", flat=True)))
        assert Authenticator.objects.count() == 2
        assert key not in stored
        assert stored.count("gAAAA") == 2

    def test_the_app_shows_the_merchant(self, browser, stella):
        browser.post(STAFF_LOGIN, STELLA)
        page = browser.get(SET_UP)
        assert 'fill="white"' in page.context["totp_svg"]  # a dark page would hide black on nothing
        address = page.context["totp_url"]
        assert address.startswith("otpauth://totp/stella%40example.com?secret=")
        assert address.endswith("&issuer=Northwind%20Supply")

    def test_an_old_session_asks_for_the_password_first(self, browser, stella, clock):
        browser.post(STAFF_LOGIN, STELLA)
        clock.shift(timedelta(minutes=6))
        answer = browser.get(SET_UP)
        assert answer["Location"] == f"/account/confirm/?next={SET_UP.replace('/', '%2F')}"
        page = browser.get(answer["Location"])
        assert title_of(page) == "Enter your password again - Northwind Supply"
        assert "Incorrect password." in text_of(browser.post(answer["Location"], {"password": "wrong"}))
        assert browser.post(answer["Location"], {"password": PASSWORD})["Location"] == SET_UP
        assert browser.get(SET_UP).status_code == 200


class TestSigningIn:
    @pytest.fixture
    def other(self, key) -> Client:
        """Another browser, in which nobody is signed in."""
        return Client()

    @pytest.mark.parametrize("page", [STAFF_LOGIN, LOGIN])
    def test_the_password_opens_no_session_before_the_code(self, other, key, page, clock):
        clock.shift(timedelta(minutes=1))
        answer = other.post(page, {**STELLA, "login": STELLA["username"], "next": "/admin/accounts/user/"})
        assert (answer.status_code, answer["Location"]) == (302, AT_SIGN_IN)
        assert not is_signed_in(other)
        assert other.get(ADMIN)["Location"].startswith(STAFF_LOGIN)
        assert title_of(other.get(AT_SIGN_IN)) == "Enter your code - Northwind Supply"
        page = other.post(AT_SIGN_IN, {"code": "000000"})
        assert "Incorrect code." in text_of(page)
        assert not is_signed_in(other)
        answer = other.post(AT_SIGN_IN, {"code": code_of(key)})
        assert answer["Location"] == "/admin/accounts/user/"
        assert other.get(ADMIN).status_code == 200

    def test_a_code_works_once(self, other, key, clock):
        clock.shift(timedelta(minutes=1))
        for browser, is_in in ((other, True), (Client(), False)):
            browser.post(STAFF_LOGIN, STELLA)
            browser.post(AT_SIGN_IN, {"code": code_of(key)})
            assert is_signed_in(browser) == is_in

    def test_an_old_code_does_not_work(self, other, key, clock):
        old = code_of(key)
        clock.shift(timedelta(minutes=2))
        other.post(STAFF_LOGIN, STELLA)
        other.post(AT_SIGN_IN, {"code": old})
        assert not is_signed_in(other)

    def test_guessing_ends_after_five(self, other, key, clock):
        clock.shift(timedelta(minutes=1))
        other.post(STAFF_LOGIN, STELLA)
        for _ in range(5):
            assert "Incorrect code." in text_of(other.post(AT_SIGN_IN, {"code": "000000"}))
        page = other.post(AT_SIGN_IN, {"code": code_of(key)})
        assert "Too many failed login attempts" in text_of(page)
        assert not is_signed_in(other)
        clock.shift(timedelta(minutes=16))
        other.post(STAFF_LOGIN, STELLA)
        other.post(AT_SIGN_IN, {"code": code_of(key)})
        assert is_signed_in(other)

    def test_a_recovery_code_works_once(self, browser, other, key):
        codes = recovery_codes(browser)
        assert len(set(codes)) == 10
        for one, is_in in ((other, True), (Client(), False)):
            one.post(STAFF_LOGIN, STELLA)
            one.post(AT_SIGN_IN, {"code": codes[0]})
            assert is_signed_in(one) == is_in
        assert other.get(ADMIN).status_code == 200

    def test_customers_sign_in_as_ever(self, alice):
        browser = Client()
        assert sign_in(browser)["Location"] == "/account/"
        assert browser.get("/account/tokens/").status_code == 200


class TestASessionWithoutItsCode:
    """One that was opened before the second factor was set up, or by other means than the sign-in pages."""

    @pytest.fixture
    def other(self, key, stella) -> Client:
        browser = Client()
        browser.force_login(stella)
        return browser

    def test_leads_to_the_code_and_to_nothing_else(self, other, key, clock):
        for address in [*BEHIND, SET_UP, "/account/confirm/"]:
            answer = other.get(address)
            assert answer.status_code == 302, address
            assert answer["Location"].startswith(f"{SHOW}?next="), address
        clock.shift(timedelta(minutes=1))
        answer = other.get("/admin/accounts/user/")
        other.post(answer["Location"], {"code": "000000"})
        assert other.get(ADMIN).status_code == 302
        answer = other.post(answer["Location"], {"code": code_of(key)})
        assert answer["Location"] == "/admin/accounts/user/"
        assert other.get(ADMIN).status_code == 200

    def test_cannot_read_the_recovery_codes_by_the_password(self, other):
        """Else whoever has the password would have the second factor too."""
        answer = other.post("/account/confirm/", {"password": PASSWORD})
        assert answer["Location"].startswith(SHOW)
        assert recovery_codes(other) == []

    def test_is_worth_nothing_to_a_program(self, other, stella):
        answer = other.post("/api/graphql", {"query": GET_ACCOUNTS}, content_type="application/json")
        assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (403, "FORBIDDEN")

    def test_an_authorization_header_opens_no_page(self, other):
        answer = other.get(ADMIN, headers={"Authorization": "Bearer x"})
        assert answer["Location"].startswith(SHOW)

    def test_can_sign_out(self, other):
        other.post(reverse("admin:logout"))
        assert not is_signed_in(other)


class TestRemovingAndRenewing:
    def test_who_removes_it_sets_up_another_one(self, browser, key):
        answer = browser.post(f"{FACTOR}totp/deactivate/")
        assert answer["Location"] == FACTOR
        assert not Authenticator.objects.exists()
        assert browser.get(ADMIN)["Location"].startswith(SET_UP)
        set_up(browser)
        assert browser.get(ADMIN).status_code == 200
        assert trail() == ["second_factor.set_up", "second_factor.removed", "second_factor.set_up"]

    def test_removing_asks_who_it_is_after_five_minutes(self, browser, key, clock):
        clock.shift(timedelta(minutes=6))
        answer = browser.post(f"{FACTOR}totp/deactivate/")
        assert answer["Location"].startswith(("/account/confirm/", SHOW))
        assert Authenticator.objects.count() == 2

    def test_new_recovery_codes_end_the_old_ones(self, browser, key):
        old = recovery_codes(browser)
        assert browser.post(f"{CODES}generate/")["Location"] == CODES
        new = recovery_codes(browser)
        assert (len(new), set(new) & set(old)) == (10, set())
        assert trail()[-1] == "second_factor.codes_renewed"


class TestLosingIt:
    def reset(self, *arguments: str) -> str:
        told = StringIO()
        call_command("reset_second_factor", *arguments, stdout=told)
        return told.getvalue()

    def test_the_command_takes_it_away_and_the_trail_says_why(self, browser, key, stella):
        assert browser.get(ADMIN).status_code == 200
        told = self.reset("Stella@example.com", "--reason", "Lost her phone; called back")
        assert told == "stella@example.com sets up a new second factor at the next sign-in.\n"
        assert not Authenticator.objects.exists()
        entry = AuditEntry.objects.get(action="second_factor.reset")
        assert (entry.actor_kind, entry.object_id, entry.reason) == (
            "system",
            stella.pk,
            "Lost her phone; called back",
        )
        assert browser.get(ADMIN)["Location"].startswith(SET_UP)  # the session showed one that is gone

    @pytest.mark.parametrize(
        ("arguments", "told"),
        [
            (["nobody@example.com", "--reason", "x"], "Nobody has the address nobody@example.com"),
            (["stella@example.com", "--reason", " "], "Say why, for the audit trail"),
            (["alice@example.com", "--reason", "x"], "alice@example.com has no second factor"),
        ],
    )
    def test_what_the_command_refuses(self, key, alice, arguments, told):
        with pytest.raises(CommandError, match=told):
            self.reset(*arguments)
        assert Authenticator.objects.count() == 2
        assert not AuditEntry.objects.filter(action="second_factor.reset").exists()
