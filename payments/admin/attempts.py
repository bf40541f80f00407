"""How customers can pay, and their attempts to. What a provider gave for the payer alone is never shown."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.formats import localize
from django.utils.safestring import SafeString
from unfold.decorators import action

from accounts.admin.base import (
    MasterDataAdmin,
    ReadOnlyAdmin,
    ReadOnlyInline,
    Tab,
    every_row,
    staff_of,
)
from accounts.admin.columns import account_column, link_column, link_to, money_column, tag, value_column
from accounts.admin.confirming import Confirmation, ReasonForm, confirm, on_row, posted, refusal_of
from accounts.admin.currencies import CurrencyFilter
from accounts.querysets import parse_id
from accounts.templatetags.wording import money
from payments import operations
from payments.models import (
    PaymentCollection,
    PaymentCollectionInvoice,
    PaymentProvider,
    PaymentSession,
    ProviderCall,
)
from payments.providers import PROVIDERS

TONES = {"succeeded": "success", "failed": "danger", "rejected": "danger", "pending_verification": "warning"}


@admin.register(PaymentProvider)
class PaymentProviderAdmin(MasterDataAdmin):
    """Which ways to pay are offered where. The code is the program's, so none is added here."""

    list_display = ("name", "is_installed", "offered_in", "keys", "answered", "told", "compared")
    filter_horizontal = ("regions",)
    readonly_fields = ("code", "keys", "answered", "told", "compared")
    fields = (
        ("name", "code"),
        ("is_installed", "position"),
        "regions",
        ("keys", "answered"),
        ("told", "compared"),
    )
    answered = value_column("answered_at", "Last answer")
    told = value_column("told_at", "Last event")

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).prefetch_related("regions").with_health()

    @admin.display(description="Keys")
    def keys(self, provider: PaymentProvider) -> SafeString:
        known = PROVIDERS.get(provider.code)
        if known is None or not known.is_configured():
            return tag("No keys", "danger")
        if known.is_promise:
            return tag("Needs none")
        return tag("Live", "success") if known.is_live() else tag("Test", "warning")

    @admin.display(description="Last comparison")
    def compared(self, provider: Any) -> str:
        """When it was compared with the books last, and in how much they differed."""
        if provider.compared_at is None:
            return self.empty_value_display
        differing = f"{provider.differing} differ" if provider.differing else "all agree"
        return f"{localize(timezone.localtime(provider.compared_at))}: {differing}"

    @admin.display(description="Regions")
    def offered_in(self, provider: PaymentProvider) -> str:
        return ", ".join(region.name for region in provider.regions.all())

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False


class CoveredInline(ReadOnlyInline):
    model = PaymentCollectionInvoice
    fields = readonly_fields = ("invoice_link", "amount_money", "is_claimed")
    verbose_name_plural = "Invoices"
    invoice_link = link_column("invoice", "Invoice")
    amount_money = money_column("amount", "Amount", currency="invoice__currency")

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("invoice")


class SessionInline(ReadOnlyInline):
    model = PaymentSession
    fields = readonly_fields = ("created_at", "session_link", "provider", "reference", "status", "ended_at")
    verbose_name_plural = "Attempts"

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("provider")

    @admin.display(description="Session")
    def session_link(self, session: PaymentSession) -> SafeString | str | None:
        return link_to(session)


@admin.register(PaymentCollection)
class PaymentCollectionAdmin(ReadOnlyAdmin):
    list_display = ("date", "of_account", "description", "invoice_count", "amount_money")
    list_select_related = ("account",)
    list_filter = (CurrencyFilter, "created_at")
    search_fields = ("description", "account__number", "account__company_name")
    search_help_text = "Invoice, account or company"
    fields = (("created_at", "of_account"), ("description", "amount_money"))
    inlines = (CoveredInline, SessionInline)
    ordering = ("-id",)
    date = value_column("created_at", "Date")
    of_account = account_column()
    amount_money = money_column("amount", "Amount")


class CallInline(ReadOnlyInline):
    model = ProviderCall
    fields = readonly_fields = ("created_at", "kind", "uuid", "answered_at", "outcome")
    verbose_name_plural = "Calls to the provider"


@admin.register(PaymentSession)
class PaymentSessionAdmin(ReadOnlyAdmin):
    """`data` holds the provider's client secret, `redirect_url` its token: neither is among the fields."""

    list_display = ("date", "of_account", "provider", "reference", "amount_money", "state", "ended_at")
    list_select_related = ("account", "provider")
    list_filter = ("provider", "status", "created_at")
    search_fields = ("reference", "uuid", "account__number", "account__company_name")
    search_help_text = "Provider's reference, account or company"
    fields = (
        ("created_at", "of_account", "collection_link"),
        ("provider", "reference", "uuid"),
        ("amount_money", "state", "payer_link"),
        ("provider_status", "decline_reason", "ended_at"),
        ("claimed_at", "looked_at", "look_again_at"),
    )
    inlines = (CallInline,)
    actions_detail = ("release",)
    ordering = ("-id",)
    tabs = (
        Tab("all", "All", every_row, "Nobody has tried to pay yet."),
        Tab("live", "Live", lambda rows, at: rows.live(), "No attempt is under way."),
    )
    date = value_column("created_at", "Date")
    of_account = account_column()
    collection_link = link_column("collection", "Collection")
    payer_link = link_column("payer", "Payer")
    amount_money = money_column("amount", "Amount")

    @admin.display(description="Status", ordering="status")
    def state(self, session: PaymentSession) -> SafeString:
        return tag(session.get_status_display(), TONES.get(session.status, ""))

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list:
        hanging = PaymentSession.objects.filter(pk=parse_id(object_id), status="capturing")
        if not self.has_view_permission(request) or not hanging.exists():
            return []
        return super().get_actions_detail(request, object_id)

    @action(description="Release", icon="lock_open")
    @on_row
    def release(self, request: HttpRequest, session: PaymentSession) -> HttpResponse:
        page = Confirmation(
            question=f"Release payment session {session.pk}?",
            facts=(
                ("Account", link_to(session.account)),
                ("Reserved on its invoices", money(session.amount, session.currency)),
                ("Provider", f"{session.provider.name}: {session.provider_status or 'no answer'}"),
                ("Reference", session.reference),
            ),
            consequence="The provider is looked at once more. What it took is booked; if it surely took "
            "nothing, the session ends and its invoices can be paid again.",
            button="Release",
            done="The session has ended.",
            refusal=refusal_of(lambda: operations.releasable(session=session, staff=staff_of(request))),
            is_danger=True,
        )
        return confirm(
            self,
            request,
            session,
            page,
            form=ReasonForm(posted(request)),
            act=lambda reason: operations.release_session(
                session=session, reason=reason, at=timezone.now(), staff=staff_of(request)
            ),
        )
