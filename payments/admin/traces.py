"""What was said between us and the providers."""

from django.contrib import admin

from accounts.admin.base import ReadOnlyAdmin, Tab, every_row
from accounts.admin.columns import link_column
from payments.models import ProviderCall, ProviderEvent


@admin.register(ProviderCall)
class ProviderCallAdmin(ReadOnlyAdmin):
    """The parameters stay out: they name the address that brings a payer back."""

    list_display = ("created_at", "kind", "provider", "session_link", "answered_at", "outcome")
    list_select_related = ("session__provider",)
    list_filter = ("kind", "session__provider", "created_at")
    search_fields = ("uuid", "session__reference", "outcome")
    search_help_text = "Key, provider's reference or outcome"
    fields = (("created_at", "kind", "provider"), ("session_link", "uuid"), ("answered_at", "outcome"))
    ordering = ("-id",)
    tabs = (
        Tab("all", "All", every_row, "No calls yet."),
        Tab("open", "Unanswered", lambda rows, at: rows.filter(answered_at=None), "Every call was answered."),
    )
    session_link = link_column("session", "Payment session")

    @admin.display(description="Provider")
    def provider(self, call: ProviderCall) -> str:
        return call.session.provider.name


@admin.register(ProviderEvent)
class ProviderEventAdmin(ReadOnlyAdmin):
    list_display = ("received_at", "provider", "kind", "reference", "processed_at", "outcome")
    list_select_related = ("provider",)
    list_filter = ("provider", ("kind", admin.AllValuesFieldListFilter), "received_at")
    search_fields = ("event_id", "reference", "kind")
    search_help_text = "Event, provider's reference or kind"
    fields = (("received_at", "provider"), ("event_id", "kind"), "reference", ("processed_at", "outcome"))
    tabs = (
        Tab("all", "All", every_row, "No events yet."),
        Tab("waiting", "Waiting", lambda rows, at: rows.filter(processed_at=None), "No event is waiting."),
    )
