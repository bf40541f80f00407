"""The audit trail and the outbox: models of core, which knows no users and has no doors of its own."""

import json
from typing import Any

from django.contrib import admin
from django.contrib.contenttypes.models import ContentType
from django.db.models import Exists, OuterRef, Value
from django.db.models.functions import Concat
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from accounts.admin.base import ReadOnlyAdmin, Tab, every_row
from accounts.admin.columns import link_to_page, tag
from core.models import AuditEntry, OutboxMessage
from core.outbox import CONSUMERS

TONES = {"failed": "danger", "done": "success", "working": "info"}


class Kinds(admin.SimpleListFilter):
    """Rows of one kind. What kinds there are is known without looking through all rows, which are many."""

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        return queryset.filter(**{self.parameter_name: self.value()}) if self.value() else queryset


class ObjectKinds(Kinds):
    title = "object kind"
    parameter_name = "object_kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Of all models those that something was done to, each found at its place in the index."""
        kinds = ContentType.objects.annotate(kind=Concat("app_label", Value("."), "model"))
        told = kinds.filter(Exists(AuditEntry.objects.filter(object_kind=OuterRef("kind"))))
        return [(kind, kind) for kind in told.order_by("kind").values_list("kind", flat=True)]


class ActorKinds(Kinds):
    title = "actor kind"
    parameter_name = "actor_kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(kind, kind) for kind in ("event", "staff", "system", "token", "user")]


class MessageKinds(Kinds):
    title = "kind"
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(kind, kind) for kind in sorted(CONSUMERS)]


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin):
    list_display = ("at", "who", "what", "row", "change_shortly")
    list_filter = (ObjectKinds, ActorKinds, "at")
    search_fields = ("=object_id", "=actor_id", "actor_label", "action", "reason", "=request_id")
    search_help_text = "Object's id, person, action or reason"
    fields = (("at", "what", "row"), ("who", "actor_kind", "actor_id"), "change", "reason", "request_id")

    @admin.display(description="Who", ordering="actor_label")
    def who(self, entry: AuditEntry) -> str:
        return entry.actor_label or entry.actor_kind

    @admin.display(description="What", ordering="action")
    def what(self, entry: AuditEntry) -> SafeString:
        return format_html('<span class="mono">{}</span>', entry.action)

    @admin.display(description="Object")
    def row(self, entry: AuditEntry) -> SafeString | str:
        name = entry.object_kind.partition(".")[2]
        return link_to_page(entry.object_kind, entry.object_id, f"{name} {entry.object_id}")

    @admin.display(description="Before → after (amounts in minor units)")
    def change(self, entry: AuditEntry) -> SafeString:
        return _changes(entry)

    @admin.display(description="Before → after")
    def change_shortly(self, entry: AuditEntry) -> SafeString:
        return _changes(entry, at_most=3)


CHANGE = "<li><b>{}</b> {} → {}</li>"


def _changes(entry: AuditEntry, at_most: int | None = None) -> SafeString:
    """One line for each value that changed: the status first, the others by name, on either database."""
    names = sorted({*entry.before, *entry.after}, key=lambda name: (name != "status", name))
    lines = [(name, _told(entry.before, name), _told(entry.after, name)) for name in names]
    listed = format_html_join("", CHANGE, lines[:at_most])
    left = len(lines) - at_most if at_most else 0
    more = format_html("<li>and {} more</li>", left) if left > 0 else ""
    return format_html('<ul class="changes">{}{}</ul>', listed, more)


def _told(values: dict[str, Any], name: str) -> str:
    """A value as the trail has it; a dash where it has none."""
    if values.get(name) in (None, ""):
        return "–"
    value = values[name]
    return value if isinstance(value, str) else json.dumps(value)


@admin.register(OutboxMessage)
class OutboxMessageAdmin(ReadOnlyAdmin):
    list_display = ("created_at", "kind", "state", "attempts", "not_before", "done_at", "last_error")
    list_filter = (MessageKinds, "created_at")
    search_fields = ("kind", "last_error")
    fields = (
        ("created_at", "kind"),
        ("state", "attempts"),
        ("not_before", "done_at"),
        "payload",
        "last_error",
    )
    ordering = ("-id",)
    tabs = (
        Tab("failed", "Failed", lambda rows, at: rows.filter(status="failed"), "Nothing failed."),
        Tab(
            "waiting",
            "Waiting",
            lambda rows, at: rows.filter(status__in=("waiting", "working")),
            "Nothing is waiting.",
        ),
        Tab("done", "Done", lambda rows, at: rows.filter(status="done")),
        Tab("stopped", "Stopped", lambda rows, at: rows.filter(status="stopped"), "Nothing was stopped."),
        Tab("all", "All", every_row, "Nothing was written to the outbox yet."),
    )

    @admin.display(description="State", ordering="status")
    def state(self, message: OutboxMessage) -> SafeString:
        return tag(message.get_status_display(), TONES.get(message.status, ""))
