"""An Admin sees and ends the tokens of members, as far as they open this company alone."""

import pytest
import time_machine

from accounts import operations
from accounts.models import Membership
from core.audit import AuditEntry
from core.errors import Forbidden, NotFound
from tests.books import unchanged
from tests.factories import NOW
from tests.pages import text_of

pytestmark = pytest.mark.django_db


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


def test_an_admin_ends_a_token_of_a_member(browser, members, bob):
    shown = text_of(browser.get(f"{members}{bob.user.memberships.get().pk}/"))
    assert "Tokens With these, programs of Bob Example read and pay what this role allows." in shown
    token = bob.user.tokens.get()
    address = f"{members}tokens/{token.pk}/"
    assert 'Revoke "tests"? It is a token of Bob Example.' in text_of(browser.get(address))
    assert bob.user.tokens.get().revoked_at is None
    done = browser.post(address, follow=True)
    assert "“tests” is revoked." in text_of(done)
    assert address not in done.content.decode()
    entry = AuditEntry.objects.get(action="token.revoked")
    assert (entry.object_id, entry.actor_label) == (token.pk, "alice@example.com")
    with unchanged():
        assert browser.post(address).status_code == 404


def test_one_that_opens_another_company_too_is_not_theirs(browser, account, members, mallory):
    place = Membership.objects.create(user=mallory.user, account=account, role="junior_buyer")
    token = mallory.user.tokens.get()
    assert "Tokens" not in text_of(browser.get(f"{members}{place.pk}/")).partition("Save")[2]
    for act in (browser.get, browser.post):
        with unchanged():
            assert act(f"{members}tokens/{token.pk}/").status_code == 404


def test_of_a_stranger_none_is_found(browser, account, members, mallory, alice):
    token = mallory.user.tokens.get()
    with unchanged():
        assert browser.post(f"{members}tokens/{token.pk}/").status_code == 404
    with unchanged(), pytest.raises(NotFound):
        operations.revoke_member_token(account=account, token=token, at=NOW, by=alice.customer)


def test_only_an_admin(account, bob, sam):
    with unchanged(), pytest.raises(Forbidden):
        operations.revoke_member_token(account=account, token=bob.user.tokens.get(), at=NOW, by=sam.customer)
