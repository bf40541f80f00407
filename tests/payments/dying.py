"""A process that verifies the only promise and is killed on the way: `python -m tests.payments.dying POINT`.

With `messages-after-the-commit` it writes its messages where they can be lost, for a negative control.
"""

import os
import signal
import sys
from typing import Any, NoReturn

from invoicing_site.wsgi import application  # isort: skip  it sets Django up, which the others need

from django.db import connection, transaction

from accounts.models import User
from invoices.operations import settling
from payments import operations
from payments.models import Payment
from payments.operations import booking
from tests.factories import NOW

__all__ = ["application"]


def die(*_: Any) -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("It lives")


def die_around_messages(point: str) -> Any:
    def watch(execute: Any, sql: str, params: Any, many: bool, context: dict) -> Any:
        is_message = sql.startswith('INSERT INTO "core_outboxmessage"')
        if is_message and point == "before the message":
            die()
        answer = execute(sql, params, many, context)
        if is_message and point == "after the message":
            die()
        return answer

    return watch


def after_the_commit(enqueue: Any) -> Any:
    return lambda *args, **more: transaction.on_commit(lambda: enqueue(*args, **more))


WRITERS: tuple[Any, ...] = (booking, settling)


def verify(point: str, *, late: bool) -> None:
    staff, promise = User.objects.get(is_superuser=True), Payment.objects.get()
    database: Any = connection
    commit = database._commit
    if point == "before the commit":
        database._commit = die
    if late:
        for module in WRITERS:
            module.enqueue = after_the_commit(module.enqueue)
    with connection.execute_wrapper(die_around_messages(point)):
        if point == "after the commit":
            database._commit = lambda: (commit(), die())
        operations.verify_manual_payment(payment=promise, at=NOW, staff=staff)


verify(sys.argv[1], late="messages-after-the-commit" in sys.argv)
