"""A real Chromium in front of a running server. What a worker would deliver, a test delivers: `deliver()`."""

import os
import shutil
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect, sync_playwright

from accounts.models import User
from core import outbox
from tests import factories
from tests.browser.watching import Watch, without_script

ARGUMENTS = (
    "--no-sandbox",  # there is none for root, as in a container
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
)
WIDTHS = {"laptop": (1280, 900), "phone": (360, 740), "narrow": (320, 640)}
PATIENCE = 15_000  # on a busy machine; nothing waits longer than it must


@pytest.fixture(scope="session")
def chromium() -> str:
    names = ("chromium", "chromium-browser", "google-chrome")
    path = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, names)), None)
    if path is None:
        missing = (
            "CHROMIUM IS MISSING: nothing was tested in a browser. Install it or set CHROMIUM to its path"
        )
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(missing)
    return path


@pytest.fixture(scope="session")
def browser(chromium) -> Iterator[Browser]:
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        # Playwright's synchronous interface keeps an event loop in this thread, and Django then takes every
        # query of a test for one of a coroutine.
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        expect.set_options(timeout=PATIENCE)
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def site(browser, live_server, sandbox, settings, time_machine) -> str:
    """The address of the running site, on the day of the published example; the clock goes on."""
    time_machine.move_to(factories.NOW)
    settings.SITE_URL = live_server.url
    return live_server.url


@pytest.fixture(params=["laptop", "phone"])
def width(request) -> str:
    return request.param


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def visit(site, browser, watch) -> Iterator[Callable[..., Page]]:
    """`visit(who, width="phone", script=False)` is a new browser of somebody's, signed in unless nobody's.

    What went wrong on its pages unseen fails the test at its end.
    """
    contexts = []

    def open_browser(
        who: User | None = None, *, width: str = "laptop", script: bool = True, scheme: str = "light"
    ) -> Page:
        wide, high = WIDTHS[width]
        context = browser.new_context(
            base_url=site,
            viewport={"width": wide, "height": high},
            color_scheme=scheme,
            locale="en-US",
        )
        contexts.append(context)
        context.set_default_timeout(PATIENCE)
        watch.follow(context)
        if who is not None:
            client = Client()
            client.force_login(who, "django.contrib.auth.backends.ModelBackend")
            context.add_cookies(
                [{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": site}]
            )
        page = context.new_page()
        return page if script else without_script(page)

    yield open_browser
    for context in contexts:
        context.close()
    assert watch.unexpected() == []


@pytest.fixture
def deliver() -> Callable[[], int]:
    """What the worker does: mails and messages of the outbox, those of the next half minute and what they
    cause included."""
    return lambda: sum(outbox.drain(at=timezone.now() + timedelta(minutes=1)) for _ in range(2))


@pytest.fixture
def taken(sandbox) -> Callable[[], list[int]]:
    """The amounts that the providers took during this test."""
    before = len(sandbox.ledger())
    return lambda: [entry.amount for entry in sandbox.ledger()[before:]]
