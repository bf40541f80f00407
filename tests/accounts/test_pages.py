"""The frame of every page, and tokens."""

import re
from datetime import timedelta

import pytest
import time_machine

from accounts.models import CustomerToken
from tests.factories import NOW
from tests.pages import LOGIN, TOKENS, text_of, title_of


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


class TestTokens:
    def test_none(self, signed_in):
        CustomerToken.objects.all().delete()
        assert text_of(signed_in.get(TOKENS)).startswith(
            "Tokens No tokens. A token lets your own program read and pay invoices in your name. Create token"
        )

    def test_is_shown_once_and_works(self, signed_in, graphql, alice):
        first = signed_in.post(TOKENS, {"name": "ERP nightly", "days": "90"})
        assert (first.status_code, first["Cache-Control"]) == (200, "no-store")
        assert "Copy this token now. We cannot show it again." in text_of(first)
        token = re.search(r'value="(ctok_[0-9a-f]{64})"', first.content.decode())[1]
        again = signed_in.get(TOKENS)
        assert token.encode() not in again.content
        assert b"ctok_" not in again.content
        row = CustomerToken.objects.get(name="ERP nightly")
        assert (row.user, row.expires_at - row.created_at) == (alice.user, timedelta(days=90))
        assert "ERP nightly 3 Sep 2025 Last used Never Expires 2 Dec 2025 Revoke ERP nightly" in text_of(
            again
        )

    @pytest.mark.parametrize(
        ("fields", "error"),
        [
            ({"name": " ", "days": "90"}, "Enter a name for the token"),
            ({"name": "x" * 101, "days": "90"}, "Use at most 100 characters"),
        ],
    )
    def test_refusals_write_nothing(self, signed_in, fields, error):
        before = CustomerToken.objects.count()
        page = signed_in.post(TOKENS, fields)
        assert page.status_code == 422
        assert f"There is a problem {error} Tokens" in text_of(page)
        assert CustomerToken.objects.count() == before

    def test_an_invented_lifetime_is_refused(self, signed_in):
        before = CustomerToken.objects.count()
        assert signed_in.post(TOKENS, {"name": "x", "days": "4000"}).status_code == 422
        assert CustomerToken.objects.count() == before

    def test_revoking_asks_first(self, signed_in, alice):
        token = alice.user.tokens.get()
        address = f"{TOKENS}{token.pk}/revoke/"
        page = signed_in.get(address)
        assert text_of(page) == (
            'Back to tokens Revoke "tests"? Programs that use it stop working at once. Revoke token Keep it'
        )
        assert title_of(page) == 'Revoke "tests"? - Northwind Supply'
        token.refresh_from_db()
        assert token.revoked_at is None
        assert signed_in.post(address)["Location"] == TOKENS
        token.refresh_from_db()
        assert token.revoked_at == NOW
        assert text_of(signed_in.get(TOKENS)).startswith("“tests” is revoked. Tokens No tokens.")
        assert signed_in.post(address)["Location"] == TOKENS  # a double click

    @pytest.mark.parametrize("method", ["get", "post"])
    def test_a_strangers_token_is_not_found(self, browser, alice, mallory, method):
        browser.force_login(mallory.user)
        token = alice.user.tokens.get()
        foreign = getattr(browser, method)(f"{TOKENS}{token.pk}/revoke/")
        random = getattr(browser, method)(f"{TOKENS}999999999999999999999/revoke/")
        assert (foreign.status_code, text_of(foreign)) == (404, text_of(random))
        assert text_of(random) == "Page not found Check the address, or go to your account."
        token.refresh_from_db()
        assert token.revoked_at is None

    def test_lists_only_the_readers_own(self, browser, alice, mallory):
        CustomerToken.objects.filter(user=alice.user).update(name="Alice's own")
        browser.force_login(mallory.user)
        assert "Alice" not in text_of(browser.get(TOKENS))

    def test_needs_signing_in(self, browser, account):
        for method in (browser.get, browser.post):
            assert method(TOKENS)["Location"] == f"{LOGIN}?next={TOKENS}"

    def test_as_many_queries_for_twenty(self, signed_in, alice, django_assert_num_queries):
        def tokens(count):
            for n in range(count):
                CustomerToken.objects.create(
                    user=alice.user, name="x", token_hash=f"{count}{n}", created_at=NOW
                )

        signed_in.get(TOKENS)
        for count in (2, 18):
            tokens(count)
            with django_assert_num_queries(4):  # session, user, tokens, organization
                signed_in.get(TOKENS)


class TestFrame:
    def test_test_mode_is_told(self, browser, account, settings):
        banner = b"Test mode: no real money moves."
        assert banner in browser.get(LOGIN).content
        settings.PAYMENTS = "live"
        assert banner not in browser.get(LOGIN).content

    def test_nothing_inline_and_a_strict_policy(self, signed_in):
        page = signed_in.get(TOKENS)
        assert not re.search(rb"<style|\sstyle=|\son[a-z]+=|<script(?![^>]*\ssrc=)", page.content)
        policy = page["Content-Security-Policy"]
        assert "unsafe" not in policy
        assert "default-src 'none'" in policy
        assert "script-src 'self';" in f"{policy};"

    def test_landmarks_live_region_and_skip_link(self, browser, account):
        content = browser.get(LOGIN).content.decode()
        assert '<html lang="en" dir="ltr">' in content
        assert '<a class="skip" href="#main">Skip to content</a>' in content
        assert '<p role="status" class="visually-hidden" id="live"></p>' in content
        assert content.count("<h1") == 1

    def test_the_menu(self, signed_in):
        menu = (
            signed_in.get(TOKENS)
            .content.decode()
            .partition('class="user-menu"')[2]
            .partition("</details>")[0]
        )
        assert "Alice Example" in menu
        assert '<a href="/account/tokens/" aria-current="page">Tokens</a>' in menu
        assert '<form method="post" action="/account/logout/">' in menu
