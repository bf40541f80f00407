"""A ZIP as an answer: sent at once, or where its rows are many written by the worker, as large lists are."""

import tempfile
from collections.abc import Iterable, Iterator
from typing import Any

from django.http import FileResponse, HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils import timezone

from accounts import operations
from accounts.admin.base import staff_of
from accounts.admin.exporting import KINDS
from accounts.models import Export
from accounts.operations.zipping import ZIPS
from core.doors import admin_message, kept
from core.errors import Refusal

MOST_IN_MEMORY = 5 * 1024 * 1024


def give_zip(request: HttpRequest, kind: str, *, filters: str, name: str, rows: int) -> HttpResponseBase:
    """The file as the answer, or the page that says how far the worker is with it. Either is told in the
    audit trail."""
    zipped, at = ZIPS[kind], timezone.now()
    asked: dict[str, Any] = {
        "kind": kind,
        "filters": filters,
        "form": Export.Form.ZIP,
        "name": name,
        "at": at,
    }
    if rows > zipped.at_once:
        try:
            export = operations.begin_export(**asked, rows=rows, staff=staff_of(request), is_sent=False)
        except Refusal as refusal:
            admin_message(request, refusal)
            return redirect(request.get_full_path())
        return redirect("admin:export", uuid=export.uuid)
    taken = 0

    def counted(found: Iterable[Any]) -> Iterator[Any]:
        nonlocal taken
        for row in found:
            yield row
            taken += 1

    written = tempfile.SpooledTemporaryFile(MOST_IN_MEMORY)  # noqa: SIM115  the answer closes it
    zipped.write(written, filters, counted, at)
    operations.begin_export(**asked, rows=taken, staff=staff_of(request), is_sent=True)
    written.seek(0)
    return kept(FileResponse(written, content_type=KINDS[Export.Form.ZIP]), name)
