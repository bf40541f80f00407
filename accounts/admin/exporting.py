"""Every list as a file: all rows that match its filters, as CSV or Excel. Small ones are sent at once, large
ones are written by the worker, and their page says how far it is."""

import tempfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from django.apps import apps
from django.contrib import admin, messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import PermissionDenied
from django.http import (
    FileResponse,
    Http404,
    HttpRequest,
    HttpResponseNotAllowed,
    HttpResponseRedirect,
    QueryDict,
    StreamingHttpResponse,
)
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone

from accounts import operations
from accounts.admin.cells import cells_of, head_of
from accounts.models import Export, Organization, User
from accounts.operations.exporting import Counted
from accounts.operations.zipping import ZIPS
from core.doors import admin_message, kept
from core.errors import NotFound, Refusal
from core.spreadsheets import csv_lines, write_xlsx

Form = Export.Form
KINDS = {
    Form.CSV: "text/csv; charset=utf-8",
    Form.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    Form.ZIP: "application/zip",
}
NOT_FILTERS = ("p", "all")  # which page of the list was looked at


def merchant_zone() -> ZoneInfo:
    return ZoneInfo(Organization.objects.values_list("time_zone", flat=True).first() or "UTC")


class ExportsList:
    """A list that can be saved."""

    def get_urls(self) -> list:
        page: Any = self
        name = f"{page.opts.app_label}_{page.opts.model_name}_export"
        view = page.admin_site.admin_view(self.export)
        return [path("export/", view, name=name), *super().get_urls()]  # type: ignore[misc]

    def export(self, request: HttpRequest) -> HttpResponseBase:
        """GET says what would be saved; POST saves it, and is told in the audit trail."""
        page: Any = self
        if not page.has_view_permission(request):
            raise PermissionDenied
        if request.method not in ("GET", "HEAD", "POST"):
            return HttpResponseNotAllowed(["GET", "HEAD", "POST"])
        request.GET = _filters(request.GET)  # type: ignore[assignment]
        list_page = reverse(f"admin:{page.opts.app_label}_{page.opts.model_name}_changelist")
        back = f"{list_page}?{request.GET.urlencode()}"
        zone = merchant_zone()
        try:
            with timezone.override(zone):  # what is overdue is so on the organization's day
                found = page.get_changelist_instance(request)
        except IncorrectLookupParameters:
            return redirect(f"{list_page}?e=1")
        if request.method == "POST":
            return self._save(request, found, back, zone)
        count = found.queryset.count()  # the list's own goes no further than a bound
        context = {
            **page.admin_site.each_context(request),
            "title": f"Export {count:,} {page.opts.verbose_name_plural}",
            "cl": found,
            "back": back,
            "is_large": count > operations.AT_ONCE,
        }
        return TemplateResponse(request, "admin/export.html", context)

    def _save(self, request: HttpRequest, found: Any, back: str, zone: ZoneInfo) -> HttpResponseBase:
        page: Any = self
        form, at, count = request.POST.get("form", ""), timezone.now(), found.queryset.count()
        is_sent = count <= operations.AT_ONCE
        try:
            export = operations.begin_export(
                kind=page.opts.label_lower,
                filters=request.GET.urlencode(),
                form=form,
                name=f"{page.opts.verbose_name_plural}-{timezone.localdate(at, zone)}.{form}",
                rows=count,
                at=at,
                staff=request.user,
                is_sent=is_sent,
            )
        except Refusal as refusal:
            admin_message(request, refusal)
            return redirect(back)
        if not is_sent:
            return redirect("admin:export", uuid=export.uuid)
        return sent(export, *self.table(request, found, zone))

    def table(
        self, request: HttpRequest, found: Any, zone: ZoneInfo
    ) -> tuple[list[str], Iterator[list[Any]]]:
        """The head and all rows that a list found, some of them in memory at a time."""
        page: Any = self
        names = list(page.get_list_display(request))
        rows = found.queryset.iterator(chunk_size=500)
        return head_of(page, names), cells_of(page, names, rows, zone)

    def write_export(self, export: Export, *, at: datetime) -> None:
        """The worker's way: the same rows into the file that is kept. Who may not view the list any more
        gets nothing."""
        page: Any = self
        request = HttpRequest()
        request.method, request.user = "GET", export.staff
        request.GET = QueryDict(export.filters)
        if not export.staff.is_active or not page.has_view_permission(request):
            operations.fail_export(export=export, at=at)
            return
        zone = merchant_zone()
        with timezone.override(zone):
            found = page.get_changelist_instance(request)
        head, rows = self.table(request, found, zone)

        def write(there: Path, counted: Counted) -> None:
            if export.form == Form.XLSX:
                write_xlsx(there, head, counted(rows))
                return
            with there.open("wb") as file:
                file.writelines(csv_lines(head, counted(rows)))

        operations.write_export(export=export, write=write, at=at)


def _filters(asked: QueryDict) -> QueryDict:
    kept_ones = asked.copy()
    for name in NOT_FILTERS:
        kept_ones.pop(name, None)
    return kept_ones


def sent(export: Export, head: list[str], rows: Iterator[list[Any]]) -> HttpResponseBase:
    """The file as the answer. Excel's is finished in a temporary file first: its index stands at its end."""
    if export.form == Form.CSV:
        answer = StreamingHttpResponse(csv_lines(head, rows), content_type=KINDS[Form.CSV])
        return kept(answer, export.name)
    with tempfile.TemporaryDirectory() as folder:
        there = Path(folder) / "list.xlsx"
        write_xlsx(there, head, rows)
        file = there.open("rb")  # stays readable when its name is gone
    return kept(FileResponse(file, content_type=KINDS[Form.XLSX]), export.name)


def _own(request: HttpRequest, uuid: Any) -> Export:
    if not isinstance(request.user, User):
        raise PermissionDenied
    try:
        return operations.own_export(uuid=uuid, staff=request.user)
    except NotFound as refusal:
        raise Http404(refusal.message) from refusal


def progress(request: HttpRequest, uuid: Any) -> HttpResponseBase:
    """How far a large export is; then the link to its file. Only for the one who asked."""
    export = _own(request, uuid)
    now = timezone.now()
    context = {
        **admin.site.each_context(request),
        "title": export.name,
        "export": export,
        "is_waiting": export.status == Export.Status.WAITING,
        "is_ready": _is_ready(export, now),
    }
    return TemplateResponse(request, "admin/export_progress.html", context)


def download(request: HttpRequest, uuid: Any) -> HttpResponseBase:
    """The file, for a day, for the one who asked and may still view the list."""
    export = _own(request, uuid)
    if not _is_ready(export, timezone.now()):
        messages.error(request, "This file is not there any more. Export the list again.")
        return HttpResponseRedirect(reverse("admin:export", args=[export.uuid]))
    if not _may_view(request, export.kind):
        raise PermissionDenied
    file = operations.file_of(export).open("rb")
    return kept(FileResponse(file, content_type=KINDS[Form(export.form)]), export.name)


def _may_view(request: HttpRequest, kind: str) -> bool:
    if zipped := ZIPS.get(kind):
        return request.user.has_perm(zipped.permission)
    return bool(admin.site.get_model_admin(apps.get_model(kind)).has_view_permission(request))


def _is_ready(export: Export, at: datetime) -> bool:
    is_kept = export.expires_at is not None and export.expires_at > at
    return export.status == Export.Status.DONE and is_kept and operations.file_of(export).exists()
