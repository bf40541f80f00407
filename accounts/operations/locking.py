"""The one lock of everything that moves money: the account's row.

Lock order: Account, then NumberSeries, then nothing else. PostgreSQL locks the row and waits at most
`lock_timeout` (settings); SQLite begins every transaction IMMEDIATE, so one writer runs at a time.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import transaction

from accounts.models import Account
from core.reading import Composed

_account = Composed(lambda pk: Account.objects.select_for_update(no_key=True).filter(pk=pk))


@contextmanager
def locked_account(account_id: int) -> Iterator[Account]:
    """A short transaction of its own that holds the account, read after the lock was taken.

    Refuses to run inside another transaction: what it did must be committed when it ends.
    """
    with transaction.atomic(durable=True):
        yield _account.get(account_id)
