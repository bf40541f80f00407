"""The site as the battery serves it: writes are slow, the protections that WITHOUT names are off, and the
process kills itself at the point that is armed. The product knows nothing of all this."""

import json
import os
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from invoicing_site.wsgi import application as site  # isort: skip  it sets Django up, which the others need

from django.db import connections
from django.db.backends.signals import connection_created
from django.urls import get_resolver

from battery import points
from battery.controls import slowly, without
from battery.server import DRAIN
from core import outbox


def slow_down(connection: Any, **_: Any) -> None:
    if slowly not in connection.execute_wrappers:
        connection.execute_wrappers.append(slowly)


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """The site; and at DRAIN the worker's job, so that its process can be killed like the server's."""
    if environ["PATH_INFO"] != DRAIN:
        return site(environ, start_response)
    delivered = outbox.drain_now()
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps({"delivered": delivered}).encode()]


get_resolver().url_patterns  # noqa: B018  loads every door, so that each finds what is put in its place here
connection_created.connect(slow_down)
for_life = ExitStack()
for_life.enter_context(without(os.environ["WITHOUT"]))
if os.environ["TRAP"]:
    for_life.enter_context(points.placed(points.Trap(Path(os.environ["TRAP"]))))
connections.close_all()
