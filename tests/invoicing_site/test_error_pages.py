"""Pages that say no: what a refusal becomes that a view let through."""

import pytest
from django.test import Client, RequestFactory
from django.urls import path

from core.errors import Conflict, Forbidden, NotFound, RateLimited, Unauthenticated
from invoicing_site import error_pages
from invoicing_site.urls import urlpatterns as the_site
from tests.pages import LOGIN, TOKENS, text_of, title_of

ASK = "Ask Alice Example (alice@example.com). Go to your account"


@pytest.fixture
def browser(client):
    """A browser in which nobody is signed in yet."""
    return client


@pytest.fixture
def signed_in(browser, alice):
    browser.force_login(alice.user)
    return browser


REFUSALS = {
    "not-found": NotFound("Invoice not found"),
    "forbidden": Forbidden(),
    "only-admins": Forbidden("Only an Admin can pay."),
    "conflict": Conflict("Invoice is no longer sent"),
    "slow": RateLimited("Try again in a minute."),
    "nobody": Unauthenticated(),
    "bug": ZeroDivisionError("a secret"),
}


def _refuse(request, kind, number=None):
    raise REFUSALS[kind]


urlpatterns = [
    path("account/<str:number>/refuse/<str:kind>/", _refuse),
    path("api/refuse/<str:kind>/", _refuse),
    *the_site,
]
handler403, handler404, handler500 = error_pages.forbidden, error_pages.not_found, error_pages.server_error


@pytest.mark.urls(__name__)
class TestPagesThatSayNo:
    @pytest.fixture
    def refused(self, signed_in, account):
        signed_in.raise_request_exception = False
        return lambda kind, **headers: signed_in.get(
            f"/account/{account.number}/refuse/{kind}/?a=1", headers=headers
        )

    @pytest.mark.parametrize(
        ("kind", "status", "text"),
        [
            ("not-found", 404, "Page not found Check the address, or go to your account."),
            ("conflict", 409, "You cannot do this Invoice is no longer sent Go to your account"),
            ("slow", 429, "Too many attempts Try again in a minute."),
            (
                "forbidden",
                403,
                f"You cannot do this Your role does not allow it. {ASK}",
            ),
            (
                "only-admins",
                403,
                f"You cannot do this Only an Admin can pay. {ASK}",
            ),
        ],
    )
    def test_refusals(self, refused, kind, status, text):
        page = refused(kind)
        assert (page.status_code, text_of(page)) == (status, text)

    def test_a_stranger_learns_no_names(self, browser, alice, mallory, account):
        browser.force_login(mallory.user)
        page = browser.get(f"/account/{account.number}/refuse/forbidden/")
        assert text_of(page) == "You cannot do this Your role does not allow it. Go to your account"

    def test_nobody_goes_to_sign_in_and_comes_back(self, refused, account):
        answer = refused("nobody")
        there = f"{LOGIN}?next=/account/{account.number}/refuse/nobody/%3Fa%3D1"
        assert (answer.status_code, answer["Location"]) == (302, there)

    def test_htmx_is_sent_to_sign_in_as_a_whole_page(self, browser, account):
        seen = f"http://testserver/account/{account.number}/pay/1/"
        for address in (f"/account/{account.number}/refuse/nobody/", TOKENS):
            answer = browser.get(address, headers={"HX-Request": "true", "HX-Current-URL": seen})
            assert answer.status_code == 200
            assert answer["HX-Redirect"] == f"{LOGIN}?next=/account/{account.number}/pay/1/"

    def test_a_form_comes_back_to_its_page(self, browser, account):
        answer = browser.post(
            "/account/1/refuse/nobody/", headers={"Referer": "http://testserver/account/1/"}
        )
        assert answer["Location"] == f"{LOGIN}?next=/account/1/"
        answer = browser.post("/account/1/refuse/nobody/", headers={"Referer": "http://evil.example/"})
        assert answer["Location"] == f"{LOGIN}?next=/account/"

    def test_htmx_shows_the_page_in_the_main_part(self, refused):
        page = refused("not-found", **{"HX-Request": "true"})
        assert (page["HX-Retarget"], page["HX-Reselect"]) == ("#main", "#main > .page")

    def test_programs_doors_are_left_alone(self, signed_in):
        signed_in.raise_request_exception = False
        assert signed_in.get("/api/refuse/not-found/").status_code == 500

    def test_a_bug_tells_its_request_and_nothing_else(self, refused):
        page = refused("bug", **{"X-Request-Id": "abcdef0123456789"})
        assert page.status_code == 500
        assert text_of(page) == (
            "Something went wrong on our side We have been told. If you were paying, do not pay again:"
            " look at your invoice first. Go to your account Request abcdef0123456789"
        )
        assert b"secret" not in page.content

    def test_the_bug_page_needs_no_database(self):
        page = error_pages.server_error(RequestFactory().get("/"))
        assert (page.status_code, "Something went wrong on our side" in page.content.decode()) == (500, True)

    def test_an_unknown_address(self, browser, account):
        page = browser.get("/no/such/page/")
        assert (page.status_code, title_of(page)) == (404, "Page not found - Northwind Supply")

    def test_a_page_open_too_long(self, account):
        page = Client(enforce_csrf_checks=True).post(LOGIN, {"login": "a", "password": "b"})
        assert page.status_code == 403
        assert "This page was open too long. Load it again; nothing was sent." in text_of(page)
