"""An invitation is worth what its sender may still do: a former Admin lets nobody in, nor themselves."""

import re

import pytest

from accounts import operations
from accounts.models import Membership, User
from core import outbox
from core.errors import NotFound
from tests import cast
from tests.books import refuses
from tests.factories import NOW
from tests.pages import text_of

pytestmark = pytest.mark.django_db
OVER = "This invitation no longer works"


@pytest.fixture(autouse=True)
def clock(time_machine):
    time_machine.move_to(NOW, tick=False)


@pytest.fixture
def dora(account, alice):
    """The other Admin, who invites an address of her own."""
    return cast.member("Dora Example", account, "admin")


@pytest.fixture
def invitation(account, dora):
    return operations.invite_member(
        account=account, email="dora2@example.com", role="admin", permissions={}, at=NOW, by=dora.customer
    )


def mailed(mailoutbox):
    outbox.drain(at=NOW)
    return re.search(r"/account/invitation/(\w+)/", mailoutbox[-1].body)[1]


def remove(dora, alice):
    operations.remove_member(member=dora.user.memberships.get(), at=NOW, by=alice.customer)


def demote(dora, alice):
    member = dora.user.memberships.get()
    operations.change_member(member=member, role="junior_buyer", permissions={}, at=NOW, by=alice.customer)


def shut_out(dora, alice):
    User.objects.filter(pk=dora.user.pk).update(is_active=False)


@pytest.mark.parametrize("end", [remove, demote, shut_out])
def test_their_links_end(client, account, alice, dora, invitation, mailoutbox, end):
    token = mailed(mailoutbox)
    assert operations.find_invitation(token, at=NOW) == invitation
    end(dora, alice)
    with refuses(NotFound, OVER):
        operations.accept_invitation(token=token, at=NOW, name="Dora", password="correct horse 4711")
    assert client.get(f"/account/invitation/{token}/").status_code == 404
    assert not Membership.objects.filter(account=account, user__email="dora2@example.com").exists()
    client.force_login(alice.user)
    page = text_of(client.get(f"/account/{account.number}/members/"))
    assert "dora2@example.comInvited by Dora Example Admin Expired" in page


@pytest.mark.parametrize("end", [remove, demote, shut_out])
def test_what_was_not_mailed_yet_is_not_mailed(alice, dora, invitation, mailoutbox, end):
    end(dora, alice)
    outbox.drain(at=NOW)
    assert mailoutbox == []


def test_another_admin_sends_it_again(account, alice, dora, invitation, mailoutbox):
    remove(dora, alice)
    operations.send_invitation_again(invitation=invitation, at=NOW, by=alice.customer)
    token = mailed(mailoutbox)
    place = operations.accept_invitation(token=token, at=NOW, name="Zoe", password="correct horse 4711")
    assert (place.account, place.role) == (account, "admin")
