"""An Admin invites somebody, who joins; with and without JavaScript, on a laptop and on a phone."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests import cast
from tests.browser.test_access import CUT_OFF, SMALL
from tests.browser.watching import is_clean

pytestmark = pytest.mark.django_db(transaction=True)
LONG = "maximiliane.von-und-zu-musterhausen-hinterwaldkirchen@accounting.subsidiary.example.com"


def is_usable(page: Page) -> None:
    """Nothing is cut off, too small to be pressed, or found by axe."""
    page.wait_for_load_state()  # with all its styles
    assert page.evaluate(CUT_OFF) == []
    assert page.evaluate(SMALL) == []
    is_clean(page)


@pytest.mark.parametrize("script", [True, False])
def test_an_invitation_from_the_form_to_the_account(
    visit, deliver, mailoutbox, alice, account, width, script
):
    page = visit(alice.user, width=width, script=script)
    page.goto(f"/account/{account.number}/")
    page.get_by_role("link", name="Members").click()
    page.get_by_label("E-mail").fill("zoe@example.com")
    page.get_by_role("radio", name="Custom").check()
    page.get_by_label("See invoices and balances").select_option("Company")
    page.get_by_role("button", name="Send invitation").click()
    expect(page.get_by_text("Invitation sent to zoe@example.com. It works for 7 days.")).to_be_visible()
    deliver()
    link = re.search(r"/account/invitation/\w+/", mailoutbox[-1].body)[0]

    zoe = visit(width=width, script=script)
    zoe.goto(link)
    is_clean(zoe)
    zoe.get_by_label("Your name").fill("Zoe Example")
    zoe.get_by_label("Password", exact=True).fill("correct horse 4711")
    zoe.get_by_role("button", name="Join").click()
    expect(zoe.get_by_text("You are a member of Globex now.")).to_be_visible()
    expect(zoe.get_by_role("link", name="Members")).to_have_count(0)

    page.goto(f"/account/{account.number}/members/")
    page.get_by_role("link", name="Remove Zoe Example").click()
    page.get_by_role("button", name="Remove member").click()
    expect(page.get_by_text("Zoe Example is removed from Globex.")).to_be_visible()


def test_every_page_is_usable(visit, watch, deliver, mailoutbox, alice, account, width):
    watch.expect("status of 422", "status of 403", "status of 404")
    bob = cast.member("Bob Example", account, "junior_buyer")
    cora = cast.member("Cora Example", account, "custom", get_invoices=2, pay_invoice=1)
    page = visit(alice.user, width=width)
    members = f"/account/{account.number}/members/"
    page.goto(members)
    page.get_by_label("E-mail").fill("zoe@example.com")
    page.get_by_role("radio", name="Custom").check()
    page.get_by_role("button", name="Send invitation").click()
    expect(page.get_by_role("alert")).to_be_focused()
    is_usable(page)
    page.get_by_label("E-mail").fill(LONG)
    page.get_by_role("radio", name="Admin").check()
    page.get_by_role("button", name="Send invitation").click()
    expect(page.get_by_role("table", name="Invitations").get_by_role("row")).to_have_count(2)
    is_usable(page)
    for address in (f"{place_of(cora)}/", f"{place_of(bob)}/remove/"):
        page.goto(f"{members}{address}")
        is_usable(page)
    deliver()
    link = re.search(r"/account/invitation/\w+/", mailoutbox[-1].body)[0]
    for reader, address in (
        (bob.user, members),
        (bob.user, link),
        (None, link),
        (None, "/account/invitation/over/"),
    ):
        others = visit(reader, width=width)
        others.goto(address)
        is_usable(others)


def test_the_list_by_keyboard(visit, alice, bob, account):
    page = visit(alice.user)
    page.goto(f"/account/{account.number}/members/")
    page.get_by_role("link", name="Back to account").focus()
    stops = []
    for _ in range(7):
        page.keyboard.press("Tab")
        stops.append(page.evaluate("document.activeElement.textContent || document.activeElement.name"))
    assert stops == [
        *("Change Alice Example", "Remove Alice Example", "Change Bob Example", "Remove Bob Example"),
        *("email", "role", "Send invitation"),
    ]


def place_of(person) -> int:
    return person.user.memberships.get().pk
