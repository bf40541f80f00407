"""The site as the race tests serve it: writes are slow, and the protections that WITHOUT names are off, for
negative controls: `lock` (the account's row is read without its lock) and `move` (a status moves whatever it
has become meanwhile)."""

import os
import sys
from typing import Any

from invoicing_site.wsgi import application  # isort: skip  it sets Django up, which the others need

from django.db.backends.signals import connection_created

from accounts.querysets import AccountQuerySet
from core import transitions
from tests.payments.racing import reckless, slowly, unlocked

__all__ = ["application"]
WITHOUT = os.environ["WITHOUT"].split()


def slow_down(connection: Any, **_: Any) -> None:
    if slowly not in connection.execute_wrappers:
        connection.execute_wrappers.append(slowly)


connection_created.connect(slow_down)
if "lock" in WITHOUT:
    AccountQuerySet.select_for_update = unlocked  # type: ignore[method-assign,assignment]
if "move" in WITHOUT:
    real = transitions.move
    for module in list(sys.modules.values()):  # those that are not loaded yet will find the reckless one
        if getattr(module, "move", None) is real:
            module.move = reckless  # type: ignore[attr-defined]
