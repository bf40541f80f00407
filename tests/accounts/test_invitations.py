"""Inviting by e-mail: a link that works for seven days, once, for whom it was sent to."""

import hashlib
import json
import re
from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from accounts import operations
from accounts.models import Invitation, Membership, User
from battery.server import at_once
from core import outbox
from core.audit import AuditEntry
from core.errors import Conflict, Forbidden, Invalid, NotFound, RateLimited
from core.outbox import OutboxMessage
from tests import cast, factories
from tests.bad_text.texts import HEADER, STORED
from tests.books import everything, refuses
from tests.factories import NOW

pytestmark = pytest.mark.django_db
WEEK = timedelta(days=7)
OVER = "This invitation no longer works"
PASSWORD = "correct horse 4711"


def invite(by, email="zoe@example.com", role="senior_buyer", at=NOW, **permissions) -> Invitation:
    return operations.invite_member(
        account=by.user.memberships.get().account,
        email=email,
        role=role,
        permissions=permissions,
        at=at,
        by=by.customer,
    )


def again(invitation, by, at=NOW):
    operations.send_invitation_again(invitation=invitation, at=at, by=by.customer)


def withdraw(invitation, by, at=NOW):
    operations.withdraw_invitation(invitation=invitation, at=at, by=by.customer)


def accept(token, at=NOW, user=None, name="Zoe Example", password=PASSWORD) -> Membership:
    return operations.accept_invitation(token=token, at=at, user=user, name=name, password=password)


@pytest.fixture
def mailed(mailoutbox):
    """The token in the last mail, once the worker has sent what is due."""

    def token(at=NOW) -> str:
        outbox.drain(at=at)
        return re.search(r"/account/invitation/(\w+)/", mailoutbox[-1].body)[1]

    return token


class TestInviting:
    def test_writes_the_offer_and_sends_the_link(self, account, alice, mailed, mailoutbox, settings):
        settings.SITE_URL = "https://pay.example"
        invitation = invite(alice, " Zoe@Example.com ")
        token = mailed()
        assert len(token) == 64
        stored = Invitation.objects.get()
        assert (stored.email, stored.role, stored.permissions) == ("zoe@example.com", "senior_buyer", {})
        assert stored.token_hash == hashlib.sha256(token.encode()).hexdigest()
        assert (stored.invited_by, stored.created_at, stored.expires_at) == (alice.user, NOW, NOW + WEEK)
        (mail,) = mailoutbox
        assert (mail.subject, mail.to) == ("Alice Example invites you to Globex", ["zoe@example.com"])
        assert mail.body.splitlines()[:6] == [
            "Alice Example invites you to see and pay the invoices of Globex.",
            "",
            "The link works for 7 days.",
            "",
            "Accept the invitation:",
            f"https://pay.example/account/invitation/{token}/",
        ]
        entry = AuditEntry.objects.get(action="invitation.sent")
        assert (entry.actor_label, entry.account_id, entry.object_id) == (
            "alice@example.com",
            account.pk,
            invitation.pk,
        )
        assert entry.after == {
            "email": "zoe@example.com",
            "role": "senior_buyer",
            "permissions": {},
            "expires_at": (NOW + WEEK).isoformat(),
            "invited_by": alice.user.pk,
        }

    def test_the_token_stands_in_the_mail_alone(self, alice, mailed):
        invite(alice)
        token = mailed()
        assert token not in json.dumps(everything(), default=str)
        seed = OutboxMessage.objects.get(kind="invitation.sent").payload["seed"]
        for wrong in (seed, token.upper(), token[:-1], "", "\ud800"):
            with refuses(NotFound, OVER):
                operations.find_invitation(wrong, at=NOW)

    def test_a_custom_role_comes_with_its_permissions(self, alice, mailed):
        invite(alice, role="custom", get_invoices=3, pay_invoice=1)
        assert accept(mailed()).permissions == {"get_invoices": 3, "pay_invoice": 1}

    @pytest.mark.parametrize(
        "email",
        [
            *("", " ", "zoe", "zoe@", "@example.com", "zoe@example", "a b@example.com", "a@b@c.example"),
            *("zoe@example.com, bob@example.com", "zoe@example.com\nBcc: x@example.com", "zoe\0@example.com"),
            *('"\x1b"@example.com', "zoe@\ud800.example", "zoe@example.com>", "x" * 250 + "@example.com"),
            *STORED,
            HEADER,
        ],
    )
    def test_what_is_no_address_is_refused(self, alice, email):
        with refuses(Invalid, "Enter an e-mail address like name@example.com", field="email"):
            invite(alice, email)

    @pytest.mark.parametrize(
        ("role", "permissions", "message", "field"),
        [
            ("owner", {}, "Choose a role", "role"),
            ("custom", {}, "Choose at least one permission for the custom role", "permissions"),
            ("admin", {"pay_invoice": 2}, "Only a custom role has permissions of its own", "permissions"),
            ("custom", {"pay_invoice": 0}, "The level of pay_invoice is 1, 2 or 3", "permissions"),
        ],
    )
    def test_an_unknown_role_or_permission_is_refused(self, alice, role, permissions, message, field):
        with refuses(Invalid, message, field=field):
            invite(alice, role=role, **permissions)

    def test_a_member_is_not_invited(self, alice, bob):
        with refuses(Conflict, "bob@example.com is a member of Globex already", field="email"):
            invite(alice, "BOB@example.com")

    def test_nobody_is_invited_twice(self, alice, mallory):
        invite(alice)
        text = "zoe@example.com is invited already. Send the invitation again, or withdraw it."
        for at in (NOW, NOW + 2 * WEEK):
            with refuses(Conflict, text, field="email"):
                invite(alice, "ZOE@example.com", at=at)
        assert invite(mallory).account.company_name == "Initech"

    def test_the_database_keeps_one_open_invitation(self, alice):
        first = invite(alice)
        twice = {"token_hash": "x", "created_at": NOW, "expires_at": NOW, "role": "admin"}
        with pytest.raises(IntegrityError), transaction.atomic():
            Invitation.objects.create(
                account=first.account, email="ZOE@example.com", invited_by=alice.user, **twice
            )
        with pytest.raises(IntegrityError), transaction.atomic():
            Invitation.objects.update(accepted_at=NOW, withdrawn_at=NOW)
        withdraw(first, alice)
        assert invite(alice).pk != first.pk

    @pytest.mark.parametrize("who", ["sam", "bob", "mallory"])
    def test_only_an_admin_invites(self, request, account, alice, who):
        invitation, other = invite(alice), request.getfixturevalue(who)
        for act in (
            lambda: operations.invite_member(
                account=account,
                email="x@example.com",
                role="admin",
                permissions={},
                at=NOW,
                by=other.customer,
            ),
            lambda: again(invitation, other),
            lambda: withdraw(invitation, other),
        ):
            with refuses(Forbidden, "Only an Admin can manage members"):
                act()

    def test_no_program_invites(self, account, alice):
        program = operations.customer_for_token(alice.token, at=NOW)
        with refuses(Forbidden, "Only an Admin can manage members"):
            operations.invite_member(
                account=account, email="x@example.com", role="admin", permissions={}, at=NOW, by=program
            )

    def test_so_many_an_hour_and_no_more(self, alice, mallory, settings):
        settings.LIMITS["invitations_per_account"] = (3, 3600)
        first = invite(alice)
        invite(alice, "yan@example.com")
        again(first, alice)
        text = "Too many invitations. Nothing was sent. Try again in 39 minutes."
        for act in (lambda: invite(alice, "xia@example.com"), lambda: again(first, alice)):
            with refuses(RateLimited, text):
                act()
        invite(mallory)
        assert invite(alice, "xia@example.com", at=NOW + timedelta(hours=1))

    def test_a_name_cannot_write_the_head_of_the_mail(self, alice, mailed, mailoutbox):
        User.objects.filter(pk=alice.user.pk).update(name="Alice\r\nBcc: pwned@example.com")
        invite(alice)
        mailed()
        assert mailoutbox[0].subject == "Alice Bcc: pwned@example.com invites you to Globex"
        assert "Bcc" not in mailoutbox[0].message()


class TestSendingAgain:
    def test_the_old_link_ends_and_the_new_one_works_for_seven_days(self, account, alice, mailed):
        invitation = invite(alice)
        old, later = mailed(), NOW + timedelta(days=9)
        dora = cast.member("Dora Example", account, "admin")
        again(invitation, dora, at=later)
        new = mailed(later)
        with refuses(NotFound, OVER):
            accept(old, at=later)
        assert operations.find_invitation(new, at=later + WEEK - timedelta(seconds=1)).pk == invitation.pk
        with refuses(NotFound, OVER):
            accept(new, at=later + WEEK)
        entry = AuditEntry.objects.get(action="invitation.sent_again")
        assert entry.before == {"expires_at": (NOW + WEEK).isoformat(), "invited_by": alice.user.pk}
        assert entry.after == {"expires_at": (later + WEEK).isoformat(), "invited_by": dora.user.pk}

    def test_a_link_that_ended_before_it_was_mailed_is_not_mailed(self, alice, mailed, mailoutbox):
        invitation = invite(alice)
        again(invitation, alice)
        withdrawn = invite(alice, "yan@example.com")
        withdraw(withdrawn, alice)
        invite(alice, "late@example.com", at=NOW - WEEK)
        mailed()
        assert [mail.to for mail in mailoutbox] == [["zoe@example.com"]]
        assert operations.find_invitation(mailed(), at=NOW).pk == invitation.pk

    def test_a_mail_that_is_delivered_twice_has_the_same_link(self, alice, mailed, mailoutbox):
        invite(alice)
        first = mailed()
        OutboxMessage.objects.update(status="waiting", not_before=NOW)
        assert (mailed(), len(mailoutbox)) == (first, 2)


class TestEnding:
    def test_withdrawing_ends_the_link(self, alice, mailed):
        invitation = invite(alice)
        token = mailed()
        withdraw(invitation, alice)
        with refuses(NotFound, OVER):
            accept(token)
        entry = AuditEntry.objects.get(action="invitation.withdrawn")
        assert (entry.actor_label, entry.after) == ("alice@example.com", {"withdrawn_at": NOW.isoformat()})

    def test_what_is_over_is_neither_sent_nor_withdrawn(self, alice, mailed):
        withdrawn, accepted = invite(alice, "yan@example.com"), invite(alice)
        withdraw(withdrawn, alice)
        accept(mailed())
        for invitation in (withdrawn, accepted):
            for act in (again, withdraw):
                with refuses(Conflict, "This invitation was accepted or withdrawn already"):
                    act(invitation, alice)


class TestAccepting:
    def test_as_a_new_user(self, account, alice, mailed):
        invitation = invite(alice)
        place = accept(mailed(), name=" Zoe Example ")
        zoe = User.objects.get(email="zoe@example.com")
        assert (zoe.name, zoe.is_active, zoe.is_staff, zoe.check_password(PASSWORD)) == (
            *("Zoe Example", True),
            *(False, True),
        )
        assert (place.user, place.account, place.role) == (zoe, account, "senior_buyer")
        invitation.refresh_from_db()
        assert invitation.accepted_at == NOW
        told = {entry.action: (entry.actor_label, entry.after) for entry in AuditEntry.objects.all()[:3]}
        assert told == {
            "user.added": ("zoe@example.com", {"email": "zoe@example.com", "name": "Zoe Example"}),
            "invitation.accepted": ("zoe@example.com", {"user": zoe.pk}),
            "membership.added": (
                "zoe@example.com",
                {"user": zoe.pk, "role": "senior_buyer", "permissions": {}},
            ),
        }

    def test_as_who_is_signed_in(self, account, alice, mallory, mailed):
        invite(alice, mallory.user.email)
        accept(mailed(), user=mallory.user, name="", password="")
        assert account.members.filter(pk=mallory.user.pk).exists()
        assert mallory.user.memberships.count() == 2

    def test_works_once(self, alice, mailed):
        invite(alice)
        token = mailed()
        zoe = accept(token).user
        for user in (None, zoe):
            with refuses(NotFound, OVER):
                accept(token, user=user)

    def test_not_as_somebody_else(self, alice, mallory, mailed):
        invite(alice)
        token = mailed()
        with refuses(Forbidden, "This invitation is for zoe@example.com"):
            accept(token, user=mallory.user)

    def test_whose_address_is_known_signs_in_first(self, alice, mallory, mailed):
        invite(alice, mallory.user.email)
        token = mailed()
        with refuses(Conflict, "Sign in as mallory@example.com to accept this invitation"):
            accept(token)
        assert not mallory.user.check_password(PASSWORD)

    def test_who_became_a_member_meanwhile(self, account, alice, mallory, mailed):
        invite(alice, mallory.user.email)
        Membership.objects.create(user=mallory.user, account=account, role="junior_buyer")
        token = mailed()
        with refuses(Conflict, "You are a member of Globex already"):
            accept(token, user=mallory.user)

    @pytest.mark.parametrize(
        ("name", "password", "message", "field"),
        [
            (" ", PASSWORD, "Enter your name", "name"),
            ("Zoe\nExample", PASSWORD, "Write your name in one line of at most 150 characters", "name"),
            ("\ud800", PASSWORD, "Write your name in one line of at most 150 characters", "name"),
            ("x" * 151, PASSWORD, "Write your name in one line of at most 150 characters", "name"),
            (
                "Zoe",
                "short7!",
                "This password is too short. It must contain at least 8 characters.",
                "password",
            ),
            ("Zoe", "zoe@example.com", "The password is too similar to the e-mail.", "password"),
        ],
    )
    def test_a_new_user_who_is_refused(self, alice, mailed, name, password, message, field):
        invite(alice)
        token = mailed()
        with refuses(Invalid, message, field=field):
            accept(token, name=name, password=password)


@pytest.mark.django_db(transaction=True)
class TestAtOnce:
    @pytest.fixture
    def alice(self, shared_database):
        return cast.alice(factories.an_account())

    def test_two_invite_the_same_address(self, alice):
        came = at_once(*[lambda: invite(alice)] * 4)
        assert sum(isinstance(one, Invitation) for one in came) == 1
        assert {type(one) for one in came} == {Invitation, Conflict}
        assert Invitation.objects.count() == OutboxMessage.objects.count() == 1

    def test_one_link_is_opened_twice(self, alice, mailed):
        invite(alice)
        token = mailed()
        came = at_once(*[lambda: accept(token)] * 3)
        assert sorted(type(one).__name__ for one in came) == ["Membership", "NotFound", "NotFound"]
        assert User.objects.filter(email="zoe@example.com").count() == 1

    def test_two_companies_invite_the_same_stranger(self, alice, mailed):
        mallory, tokens = cast.mallory(), []
        for by in (alice, mallory):
            invite(by)
            tokens.append(mailed())
        came = at_once(*(lambda token=token: accept(token) for token in tokens))
        assert sorted(type(one).__name__ for one in came) == ["Conflict", "Membership"]
        assert User.objects.filter(email="zoe@example.com").count() == 1
