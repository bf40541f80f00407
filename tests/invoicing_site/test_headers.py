"""Headers and cookies, asked of every address that the site has, as nobody, as a customer and as staff."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from invoicing_site import headers
from tests import factories
from tests.factories import MANUAL
from tests.pages import LOGIN, TOKENS, sign_in

ROOT = Path(__file__).resolve().parent.parent.parent
EXPECTED = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": headers.PERMISSIONS_POLICY,
}


def addresses(patterns=None, before="") -> Iterator[str]:
    """Each address with the arguments of a row that is there, or could be."""
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        route = before + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from addresses(pattern.url_patterns, route)
        elif isinstance(pattern, URLPattern):
            yield "/" + filled(route)


def filled(route: str) -> str:
    """`<str:number>` and the like with a value; a regular expression's groups with something they match."""
    route = re.sub(r"<(\w+:)?number>", "ACC-2025-000001", route)
    route = re.sub(r"<path:\w+>", "1", re.sub(r"<(?!path:)(\w+:)?\w+>", "1", route))
    return (
        re.sub(r"\(\?P1[^)]*\)", "1", re.sub(r"\(\?P<\w+>[^)]*\)", "1", route)).strip("^$").replace("\\", "")
    )


@pytest.fixture
def site(account, alice, stella):
    factories.an_initiated_session(factories.an_open_invoice(account, account.line_items.get()), MANUAL)
    return {"nobody": None, "customer": alice.user, "staff": stella}


@pytest.fixture
def https(settings):
    settings.SECURE_HSTS_SECONDS = 365 * 24 * 60 * 60
    settings.SECURE_HSTS_INCLUDE_SUBDOMAINS = settings.SECURE_HSTS_PRELOAD = True


def without_policy(answer) -> bool:
    """Whether a page could stand in somebody's frame, or run a script that was written into it."""
    policy = answer.headers.get("Content-Security-Policy", "")
    (scripts,) = re.findall(r"script-src ([^;]*)", policy) or [""]
    needed = all(one in policy for one in ("frame-ancestors 'none'", "base-uri 'none'", "default-src"))
    return not needed or not scripts or "unsafe-inline" in scripts or "*" in scripts


def lacking(answer) -> list[str]:
    """What an answer should have said, and did not."""
    missing = [name for name, value in EXPECTED.items() if answer.headers.get(name) != value]
    if without_policy(answer):
        missing.append("Content-Security-Policy")
    if answer.headers.get("Strict-Transport-Security") != "max-age=31536000; includeSubDomains; preload":
        missing.append("Strict-Transport-Security")
    return missing


@pytest.mark.parametrize("who", ["nobody", "customer", "staff"])
def test_every_address_answers_with_them(site, https, who):
    browser = Client(raise_request_exception=False)
    if site[who]:
        browser.force_login(site[who])
    asked, found = [*addresses(), "/no/such/page/", "/account/ACC-2025-000001"], {}
    for address in asked:
        answer = browser.get(address, secure=True)
        if missing := lacking(answer):
            found[address] = missing
        assert answer.status_code < 500, address
        if site[who] and "logout" in address:
            browser.force_login(site[who])
    assert len(asked) > 100
    assert found == {}


def test_the_walk_sees_what_is_taken_away(site, https, settings):
    settings.MIDDLEWARE = [
        name for name in settings.MIDDLEWARE if "headers" not in name and "csp" not in name
    ]
    settings.X_FRAME_OPTIONS = "SAMEORIGIN"
    assert lacking(Client().get(LOGIN, secure=True)) == [
        "X-Frame-Options",
        "Permissions-Policy",
        "Content-Security-Policy",
    ]


def test_posts_and_refusals_have_them_too(site, https):
    strict = Client(enforce_csrf_checks=True)
    for answer in (
        strict.post(LOGIN, {}, secure=True),
        strict.post("/api/graphql", "{", content_type="application/json", secure=True),
        strict.post("/webhooks/stripe", "{}", content_type="application/json", secure=True),
        strict.get(LOGIN, headers={"host": "evil.example"}, secure=True),
    ):
        assert lacking(answer) == [], answer.status_code


class TestCookies:
    def test_of_somebody_who_signs_in(self, client, alice, settings):
        settings.SESSION_COOKIE_SECURE = settings.CSRF_COOKIE_SECURE = True
        client.get(LOGIN)
        sign_in(client)
        client.get(TOKENS)
        assert set(client.cookies) == {"csrftoken", "sessionid", "signed_in", "messages"} & set(
            client.cookies
        )
        for name in ("csrftoken", "sessionid", "signed_in"):
            cookie = client.cookies[name]
            told = [cookie[one] for one in ("secure", "httponly", "samesite", "domain", "path")]
            assert told == [True, True, "Lax", "", "/"], name
        assert client.cookies["sessionid"]["max-age"] == 24 * 60 * 60 + 10 * 60

    def test_the_session_has_another_key_after_signing_in(self, client, alice):
        session = client.session
        session["planted"] = "by somebody else"
        session.save()
        client.cookies["sessionid"] = planted = session.session_key
        sign_in(client)
        assert client.cookies["sessionid"].value != planted
        other = Client()
        other.cookies["sessionid"] = planted
        assert other.get(TOKENS).status_code == 302

    def test_the_old_key_is_worth_nothing_after_signing_out(self, client, alice):
        sign_in(client)
        key = client.cookies["sessionid"].value
        client.post("/account/logout/")
        other = Client()
        other.cookies["sessionid"] = key
        assert other.get(TOKENS).status_code == 302


def settings_with(**environment: str) -> dict:
    """What settings.py makes of an environment."""
    names = (
        "SESSION_COOKIE_NAME CSRF_COOKIE_NAME SESSION_COOKIE_SECURE CSRF_COOKIE_SECURE SECURE_SSL_REDIRECT"
        " SECURE_HSTS_SECONDS SECOND_FACTOR COUNT_IN_CACHE"
    ).split()
    told = f"{{name: getattr(settings, name) for name in {names}}}"
    code = f"import json; from django.conf import settings; print(json.dumps({told}))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={
            "PATH": os.environ["PATH"],
            "SECRET_KEY": "x",
            "DJANGO_SETTINGS_MODULE": "invoicing_site.settings",
            **environment,
        },
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


def test_what_settings_make_of_an_https_address():
    assert settings_with(SITE_URL="https://billing.example.com", REDIS_URL="redis://localhost") == {
        "SESSION_COOKIE_NAME": "__Host-session",
        "CSRF_COOKIE_NAME": "__Host-csrf",
        "SESSION_COOKIE_SECURE": True,
        "CSRF_COOKIE_SECURE": True,
        "SECURE_SSL_REDIRECT": True,
        "SECURE_HSTS_SECONDS": 31536000,
        "SECOND_FACTOR": True,
        "COUNT_IN_CACHE": True,
    }


def test_what_settings_make_of_a_machine_to_develop_on():
    assert settings_with(DEBUG="true") == {
        "SESSION_COOKIE_NAME": "sessionid",
        "CSRF_COOKIE_NAME": "csrftoken",
        "SESSION_COOKIE_SECURE": False,
        "CSRF_COOKIE_SECURE": False,
        "SECURE_SSL_REDIRECT": False,
        "SECURE_HSTS_SECONDS": 0,
        "SECOND_FACTOR": False,
        "COUNT_IN_CACHE": False,
    }
