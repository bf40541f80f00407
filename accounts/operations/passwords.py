"""Forgotten passwords: a link by e-mail that works for one hour, and setting the new password."""

from datetime import datetime, timedelta

from allauth.account.utils import user_pk_to_url_str
from axes.utils import reset as forget_failed_attempts
from django.conf import settings
from django.contrib.auth.tokens import PasswordResetTokenGenerator
from django.db import transaction
from django.urls import reverse

from accounts.models import User
from accounts.operations.letters import Letter, words_for, write_letter
from accounts.operations.limiting import count_attempts
from core import outbox
from core.audit import Actor, record

RESET_ASKED = "password.reset_asked"
AT_MOST_EVERY = timedelta(minutes=1)


def ask_for_password_reset(*, email: str, at: datetime) -> None:
    """Put a mail with a link into the outbox when the address belongs to somebody who may sign in.

    The caller learns nothing, neither from an answer nor from how long it takes: the worker makes the link
    and sends it. Asking again within a minute sends no second mail, and more often than the limit none.
    """
    user = User.objects.filter(email=email.strip().lower(), is_active=True).first()
    if user is None:
        return
    asked = outbox.OutboxMessage.objects.filter(kind=RESET_ASKED, payload__user=user.pk)
    if asked.filter(created_at__gt=at - AT_MOST_EVERY).exists():
        return
    if not count_attempts({"resets_per_account": str(user.pk)}, at=at):
        with transaction.atomic():
            outbox.enqueue(RESET_ASKED, {"user": user.pk}, at=at)


def send_password_reset(*, user: User) -> None:
    """Send the link. It ends working after an hour, once used, and when the user signs in meanwhile."""
    key = PasswordResetTokenGenerator().make_token(user)
    path = reverse("account_reset_password_from_key", kwargs={"uidb36": user_pk_to_url_str(user), "key": key})
    words = words_for(user=user)
    letter = Letter(
        subject=words.say("password_subject"),
        lead=words.say("password_lead"),
        button=(words.say("password_button"), f"{settings.SITE_URL}{path}"),
        after=[words.say("password_unasked")],
        why=words.say("password_why", email=user.email),
    )
    write_letter(letter, words=words, to=[user.email]).send()


def set_password(*, user: User, password: str, at: datetime, by: Actor) -> None:
    """Give a user a new password: all their other sessions end, and a lock-out ends too."""
    with transaction.atomic():
        user.set_password(password)
        user.save(update_fields=["password"])
        record(user, "user.password_set", at=at, by=by)
        forget_failed_attempts(username=user.email)
