"""A composed read answers what its queryset answers, and keeps nothing that was read."""

from threading import Thread

import pytest
from django.db import models
from django.db.models import F

from accounts import operations as accounts
from accounts.models import Account, AccountLineItem, Membership
from accounts.operations import locking, tokens
from core.audit import SYSTEM
from core.reading import KEPT, Composed
from payments.operations import claiming, collecting
from tests import factories
from tests.factories import MANUAL, NOW

pytestmark = pytest.mark.django_db


def written(row):
    """All that is in a row, and in the rows that came with it."""
    own = {name: value for name, value in vars(row).items() if name != "_state"}
    came_along = row._state.fields_cache.items()
    joined = {name: written(one) for name, one in came_along if isinstance(one, models.Model)}
    return {**own, **joined, "is_new": row._state.adding, "database": row._state.db}


def test_each_answers_as_its_queryset(account, alice):
    invoice = factories.an_open_invoice(account, account.line_items.get())
    session = factories.an_initiated_session(invoice, MANUAL, by=SYSTEM)
    token, _ = accounts.create_token(user=alice.user, name="API", at=NOW, by=SYSTEM)
    for composed, value, count in (
        (locking._account, account.pk, 1),
        (tokens._token, token.token_hash, 1),
        (tokens._places, alice.user.pk, 1),
        (claiming._session, session.pk, 1),
        (claiming._covered, session.collection_id, 1),
        (collecting._invoice, invoice.pk, 1),
        (collecting._collections, invoice.pk, 1),
        (collecting._attempts, session.collection_id, 3),
    ):
        found = composed.all(value)
        assert len(found) == count
        assert [written(row) for row in found] == [written(row) for row in composed.build(value)]


def test_each_call_asks_the_database(account, django_assert_num_queries):
    rows = Composed(lambda pk: Account.objects.filter(pk=pk))
    assert rows.get(account.pk).title == "Business Account"
    Account.objects.update(title="Renamed")
    with django_assert_num_queries(1):
        assert rows.get(account.pk).title == "Renamed"


def test_values_stand_where_they_belong(account):
    lines = Composed(
        lambda account, amount: AccountLineItem.objects.filter(
            amount__gte=amount, settled_amount=0, account=account
        )
    )
    assert [line.amount for line in lines.all(account.pk, 3940)] == [3940]
    assert lines.all(account.pk, 3941) == []
    assert lines.all(0, 3940) == []


def test_as_many_values_as_there_are(account):
    charged = [factories.an_unpaid_order(account, display_id=name).pk for name in "abc"]
    lines = Composed(lambda *ids: AccountLineItem.objects.filter(pk__in=ids))
    for count in (3, 1, 2, 3):
        assert [line.pk for line in lines.all(*charged[:count])] == charged[:count]
    for count in range(1, KEPT + 3):
        assert lines.all(*[0] * count) == []
    assert len(lines.statements) <= KEPT


def test_none_is_refused_as_by_a_queryset(account):
    with pytest.raises(Account.DoesNotExist):
        Composed(lambda pk: Account.objects.filter(pk=pk)).get(0)


@pytest.mark.parametrize(
    "build",
    [
        lambda pk: Account.objects.filter(pk__gt=pk - 1),
        lambda pk: Account.objects.filter(pk=pk).annotate(twice=F("pk") * 2),
    ],
)
def test_what_would_answer_something_else_is_refused(account, build):
    with pytest.raises(TypeError, match="can be composed"):
        Composed(build).all(account.pk)


def test_each_thread_composes_for_itself():
    places = Composed(lambda user: Membership.objects.filter(user=user))
    found = []
    places.all(0)
    thread = Thread(target=lambda: found.append(dict(places.statements)))
    thread.start()
    thread.join()
    assert found == [{}]
    assert list(places.statements) == [1]
