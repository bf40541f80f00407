"""Tokens of customers' programs: shown once, kept as a hash, ended by time or by will."""

import hashlib
from datetime import timedelta

import pytest

from accounts import operations
from accounts.models import CustomerToken
from core.audit import SYSTEM, AuditEntry
from core.errors import Invalid, Unauthenticated
from tests.books import refuses, unchanged
from tests.factories import NOW

pytestmark = pytest.mark.django_db
UNPRINTABLE = ("a\0b", "\0", "a\nb", "a\x1bb", "a\x7fb", "a\u202eb", "a\ud800b")


def test_a_token_is_shown_once_and_kept_as_its_hash(alice, sam):
    row, token = operations.create_token(user=alice.user, name=" Warehouse ", at=NOW, by=alice.actor)
    assert token.startswith("ctok_")
    assert (len(token), int(token[5:], 16) > 0) == (69, True)
    stored = CustomerToken.objects.get(pk=row.pk)
    assert (stored.name, stored.token_hash) == ("Warehouse", hashlib.sha256(token.encode()).hexdigest())
    assert (stored.created_at, stored.expires_at, stored.last_used_at, stored.revoked_at) == (
        NOW,
        NOW + timedelta(days=90),
        None,
        None,
    )
    told = AuditEntry.objects.get(action="token.created", object_id=row.pk)
    assert told.after == {"name": "Warehouse", "user": alice.user.pk}
    assert not any(token in f"{entry.before}{entry.after}" for entry in AuditEntry.objects.all())
    customer = operations.customer_for_token(token, at=NOW)
    assert (customer.user, customer.token) == (alice.user, stored)
    assert [place.account_id for place in customer.memberships] == [alice.user.memberships.get().account_id]
    assert (customer.actor.kind, customer.actor.id, customer.actor.user_id) == (
        "token",
        str(row.pk),
        alice.user.pk,
    )


@pytest.mark.parametrize(
    ("name", "lifetime", "message", "field"),
    [
        ("", timedelta(1), "Enter a name for the token", "name"),
        ("  ", timedelta(1), "Enter a name for the token", "name"),
        ("x" * 101, timedelta(1), "Use at most 100 characters", "name"),
        *((name, timedelta(1), "Use letters, digits and signs only", "name") for name in UNPRINTABLE),
        ("x", timedelta(0), "A token lasts between 1 and 366 days", "lifetime"),
        ("x", timedelta(-1), "A token lasts between 1 and 366 days", "lifetime"),
        ("x", timedelta(367), "A token lasts between 1 and 366 days", "lifetime"),
    ],
)
def test_a_token_that_is_refused(alice, name, lifetime, message, field):
    with refuses(Invalid, message, field=field):
        operations.create_token(user=alice.user, name=name, at=NOW, by=alice.actor, lifetime=lifetime)


def is_nobody(token, at=NOW):
    with refuses(Unauthenticated, "Authentication required"):
        operations.customer_for_token(token, at=at)


def test_unknown_expired_revoked_and_inactive_are_all_nobody(alice):
    for token in ("", "ctok_", "ctok_" + "0" * 64, alice.token.upper(), alice.token + " "):
        is_nobody(token)
    assert operations.customer_for_token(alice.token, at=NOW + timedelta(days=90, seconds=-1))
    is_nobody(alice.token, at=NOW + timedelta(days=90))
    row = CustomerToken.objects.get()
    operations.revoke_token(token=row, at=NOW, by=alice.actor)
    is_nobody(alice.token)
    with unchanged():
        operations.revoke_token(token=row, at=NOW + timedelta(days=1), by=alice.actor)
    assert CustomerToken.objects.get().revoked_at == NOW
    assert AuditEntry.objects.filter(action="token.revoked").count() == 1


def test_who_may_not_sign_in_has_no_token_either(alice):
    alice.user.is_active = False
    alice.user.save()
    is_nobody(alice.token)


def test_a_token_without_end(alice):
    row, token = operations.create_token(user=alice.user, name="x", at=NOW, by=SYSTEM, lifetime=None)
    assert row.expires_at is None
    assert operations.customer_for_token(token, at=NOW + timedelta(days=10_000))


def test_the_last_use_is_written_at_most_every_five_minutes(alice):
    uses = []
    for seconds in (0, 1, 299, 300, 301, 600, 602):
        operations.customer_for_token(alice.token, at=NOW + timedelta(seconds=seconds))
        uses.append((CustomerToken.objects.get().last_used_at - NOW).seconds)
    assert uses == [0, 0, 0, 0, 301, 301, 602]


def test_regenerating_ends_the_tokens_of_that_name(alice):
    kept, other = operations.create_token(user=alice.user, name="Other", at=NOW, by=SYSTEM)
    _, first = operations.regenerate_token(customer=alice.customer, name=None, at=NOW)
    row, second = operations.regenerate_token(customer=alice.customer, name="API", at=NOW)
    assert row.name == "API"
    is_nobody(first)
    for token in (second, other, alice.token):
        assert operations.customer_for_token(token, at=NOW).user == alice.user
    kept.refresh_from_db()
    assert kept.revoked_at is None
