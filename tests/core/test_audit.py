"""The audit trail: what one entry holds."""

import pytest

from core.audit import SYSTEM, Actor, AuditEntry, record
from tests import factories
from tests.factories import NOW

pytestmark = pytest.mark.django_db


def test_an_entry_about_an_account(account):
    entry = record(account, "account.greeted", at=NOW, by=SYSTEM, after={"words": 2}, reason="a test")
    stored = AuditEntry.objects.get(pk=entry.pk)
    assert (stored.object_kind, stored.object_id, stored.account_id) == (
        "accounts.account",
        account.pk,
        account.pk,
    )
    assert (stored.before, stored.after, stored.reason) == ({}, {"words": 2}, "a test")
    assert (stored.actor_kind, stored.actor_id, stored.actor_label) == ("system", "", "Invoicing Site")
    assert (stored.at, stored.request_id) == (NOW, "")
    assert str(stored) == f"account.greeted accounts.account {account.pk}"


def test_an_entry_about_something_of_an_account_names_the_account(account):
    line = account.line_items.get()
    assert record(line, "line.looked_at", at=NOW, by=SYSTEM).account_id == account.pk


def test_an_entry_about_something_of_nobody_s(account):
    region = factories.a_region()
    assert record(region, "region.looked_at", at=NOW, by=SYSTEM).account_id is None


def test_actors(alice, stella):
    assert alice.actor == Actor("user", str(alice.user.pk), "alice@example.com", alice.user.pk)
    assert stella.actor == Actor("staff", str(stella.pk), "stella@example.com", stella.pk)


def test_the_trail_outlives_what_it_tells_of(alice):
    told = AuditEntry.objects.get(action="token.created")
    after = {"name": "tests", "user": alice.user.pk}
    alice.user.delete()
    told.refresh_from_db()
    assert (told.after, told.actor_kind, told.actor_label) == (after, "system", "Invoicing Site")
