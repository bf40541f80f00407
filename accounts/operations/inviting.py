"""Inviting people into a company: by e-mail, with a link that works for seven days.

The link's token is made of a random seed and the site's key when the mail is sent: the database has its
SHA-256, the outbox the seed, and neither opens anything.
"""

import hashlib
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _

from accounts.models import Account, Customer, Invitation, Membership, User
from accounts.operations.letters import words_for, write_invitation
from accounts.operations.limiting import count_attempts, too_many
from accounts.operations.locking import locked_account
from accounts.operations.membering import checked_role, require_admin, require_may
from accounts.operations.rights import acting
from core import outbox
from core.audit import record
from core.errors import Conflict, Forbidden, Invalid, NotFound

INVITED = "invitation.sent"
WITHDRAW = "accounts.change_invitation"
LASTS = timedelta(days=7)
SALT = "accounts.invitation"
JOINERS = str.maketrans("", "", "\u200c\u200d")  # some scripts write names with them
LONGEST_EMAIL, LONGEST_NAME = 254, 150  # the columns of a user


def invite_member(
    *, account: Account, email: str, role: str, permissions: Mapping[str, int], at: datetime, by: Customer
) -> Invitation:
    """Offer somebody a place in the company, by a mail with a link that works for seven days.

    Refuses who is no Admin, an address that is none or whose owner is a member or invited already, an unknown
    role or permission, and more invitations of one company than the limit.
    """
    email = _checked_email(email)
    role, levels = checked_role(role, permissions)
    with locked_account(account.pk) as current:
        require_admin(current, by)
        named = {"email": email, "company": current.company_name}
        if current.memberships.filter(user__email__iexact=email).exists():
            raise Conflict(_("%(email)s is a member of %(company)s already") % named, field="email")
        if current.invitations.open().filter(email__iexact=email).exists():
            text = _("%(email)s is invited already. Send the invitation again, or withdraw it.")
            raise Conflict(text % named, field="email")
        _count(current, at)
        seed = secrets.token_hex(32)
        invitation = Invitation.objects.create(
            account=current,
            email=email,
            role=role,
            permissions=levels,
            token_hash=_hashed(_token(seed)),
            invited_by=by.user,
            created_at=at,
            expires_at=at + LASTS,
        )
        after = {"email": email, "role": role, "permissions": levels, **_told(invitation)}
        record(invitation, INVITED, at=at, by=by.actor, after=after)
        outbox.enqueue(INVITED, {"invitation": invitation.pk, "seed": seed}, at=at)
    return invitation


def send_invitation_again(*, invitation: Invitation, at: datetime, by: Customer) -> None:
    """Another mail with another link and seven new days, in the name of who sends it; the old link ends."""
    with locked_account(invitation.account_id) as account:
        require_admin(account, by)
        current = _still_open(invitation)
        _count(account, at)
        before, seed = _told(current), secrets.token_hex(32)
        current.token_hash, current.invited_by = _hashed(_token(seed)), by.user
        current.expires_at = at + LASTS
        current.save(update_fields=["token_hash", "invited_by", "expires_at"])
        record(current, "invitation.sent_again", at=at, by=by.actor, before=before, after=_told(current))
        outbox.enqueue(INVITED, {"invitation": current.pk, "seed": seed}, at=at)


def withdraw_invitation(*, invitation: Invitation, at: datetime, by: Customer | User) -> None:
    """Take an invitation back: its link ends at once."""
    with locked_account(invitation.account_id) as account:
        require_may(account, by, WITHDRAW)
        current = _still_open(invitation)
        current.withdrawn_at = at
        current.save(update_fields=["withdrawn_at"])
        after = {"withdrawn_at": at.isoformat()}
        record(current, "invitation.withdrawn", at=at, by=by.actor, before=_told(current), after=after)


def withdrawable(*, invitation: Invitation, staff: User) -> Invitation:
    """The invitation as it is now, if this member of staff can take it back."""
    acting(staff, WITHDRAW)
    return _still_open(invitation)


def send_invitation(*, invitation: Invitation, seed: str, at: datetime) -> None:
    """Send the link, unless it ended meanwhile: withdrawn, sent again or over, or its sender no Admin."""
    token = _token(seed)
    if _hashed(token) != invitation.token_hash or not _works(invitation, at=at):
        return
    account = invitation.account
    write_invitation(
        inviter=str(invitation.invited_by),
        company=account.company_name,
        url=f"{settings.SITE_URL}{reverse('invitation', args=[token])}",
        days=LASTS.days,
        to=invitation.email,
        words=words_for(account=account),
    ).send()


def find_invitation(token: str, *, at: datetime) -> Invitation:
    """The invitation behind a link. Unknown, over, withdrawn and used all answer the same, and so does one
    whose sender is no Admin of the company any more: who was removed comes back by no link of their own."""
    rows = Invitation.objects.select_related("account", "invited_by")
    invitation = rows.filter(token_hash=_hashed(token)).first()
    if invitation is None or not _works(invitation, at=at):
        raise NotFound(_("This invitation no longer works"))
    return invitation


def accept_invitation(
    *, token: str, at: datetime, user: User | None = None, name: str = "", password: str = ""
) -> Membership:
    """Take the place that a link offers: as the signed-in user whose e-mail was invited, or as a new user
    with this name and password.

    Refuses a link that no longer works, somebody else's, a member, and an address whose owner has a user
    already but is not signed in.
    """
    invitation = find_invitation(token, at=at)
    if user is not None and user.email.lower() != invitation.email:
        raise Forbidden(_("This invitation is for %(email)s") % {"email": invitation.email})
    fresh = user or _checked_user(invitation.email, name, password)
    with locked_account(invitation.account_id) as account:
        invitation = find_invitation(token, at=at)
        member = user or _added(fresh, at=at)
        if account.memberships.filter(user=member).exists():
            raise Conflict(_("You are a member of %(company)s already") % {"company": account.company_name})
        place = Membership.objects.create(
            user=member, account=account, role=invitation.role, permissions=invitation.permissions
        )
        invitation.accepted_at = at
        invitation.save(update_fields=["accepted_at"])
        record(invitation, "invitation.accepted", at=at, by=member.actor, after={"user": member.pk})
        after = {"user": member.pk, "role": place.role, "permissions": place.permissions}
        record(place, "membership.added", at=at, by=member.actor, after=after)
    return place


def _works(invitation: Invitation, *, at: datetime) -> bool:
    admins = Membership.objects.admins_of(invitation.account_id)
    return invitation.is_usable(at=at) and admins.filter(user=invitation.invited_by_id).exists()


def _still_open(invitation: Invitation) -> Invitation:
    """The row as it is now, under the account's lock. Refuses one that was accepted or withdrawn."""
    current = Invitation.objects.open().filter(pk=invitation.pk).first()
    if current is None:
        raise Conflict(_("This invitation was accepted or withdrawn already"))
    return current


def _count(account: Account, at: datetime) -> None:
    if wait := count_attempts({"invitations_per_account": str(account.pk)}, at=at):
        raise too_many(_("Too many invitations. Nothing was sent."), wait)


def _told(invitation: Invitation) -> dict[str, str | int]:
    """What sending changes, for the trail."""
    return {"expires_at": invitation.expires_at.isoformat(), "invited_by": invitation.invited_by_id}


def _token(seed: str) -> str:
    return salted_hmac(SALT, seed, algorithm="sha256").hexdigest()


def _hashed(token: str) -> str:
    return hashlib.sha256(token.encode(errors="replace")).hexdigest()


def _checked_email(email: str) -> str:
    email = email.strip().lower()
    try:
        if not email.isprintable() or len(email) > LONGEST_EMAIL:
            raise ValidationError("")
        validate_email(email)
    except ValidationError:
        raise Invalid(_("Enter an e-mail address like name@example.com"), field="email") from None
    return email


def _checked_user(email: str, name: str, password: str) -> User:
    """A new user, not saved yet. The hash takes its time, so it is made before the account is locked."""
    name = name.strip()
    if not name:
        raise Invalid(_("Enter your name"), field="name")
    if not name.translate(JOINERS).isprintable() or len(name) > LONGEST_NAME:
        raise Invalid(_("Write your name in one line of at most 150 characters"), field="name")
    user = User(email=email, name=name)
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise Invalid(" ".join(error.messages), field="password") from None
    user.password = make_password(password)
    return user


def _added(user: User, *, at: datetime) -> User:
    """The database decides whether the address is free."""
    try:
        with transaction.atomic():
            user.save()
    except IntegrityError:
        raise Conflict(_("Sign in as %(email)s to accept this invitation") % {"email": user.email}) from None
    record(user, "user.added", at=at, by=user.actor, after={"email": user.email, "name": user.name})
    return user
