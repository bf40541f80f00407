"""Something else happens, over a connection of its own, while a statement is about to be executed."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection


@contextmanager
def meanwhile(beginning: str, act: Callable[[], Any], *, waits: bool = False) -> Iterator[None]:
    """`act` is begun once, before the block's first statement with this beginning. It is done before that is
    executed; with `waits` it has to wait for what the block holds, and is done after it."""
    others: list[threading.Thread] = []

    def alone() -> None:
        act()
        connection.close()

    def look(execute: Callable, sql: str, params: Any, many: bool, context: dict) -> Any:
        if sql.startswith(beginning) and not others:
            others.append(threading.Thread(target=alone))
            others[0].start()
            others[0].join(0.3 if waits else None)
            assert others[0].is_alive() is waits
        return execute(sql, params, many, context)

    with connection.execute_wrapper(look):
        yield
    others[0].join()
