"""Business accounts: master data to edit, figures to read, and the credit limit on a page of its own."""

from typing import Any

from django.contrib import admin
from django.forms import DecimalField, ModelForm
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.safestring import SafeString
from moneyed import Money
from unfold.admin import TabularInline
from unfold.decorators import action
from unfold.widgets import UnfoldAdminDecimalFieldWidget

from accounts import operations
from accounts.admin.base import MasterDataAdmin, SelectsById, Tab, every_row, in_merchant_time, staff_of
from accounts.admin.columns import link_to_list, money_column, side_by_side, tag
from accounts.admin.confirming import NO_PERMISSION, Confirmation, LimitForm, confirm, found, posted
from accounts.admin.currencies import CurrencyFilter
from accounts.models import Account, Membership, Organization
from accounts.templatetags.wording import money
from core.errors import Invalid
from core.money import format_minor, to_minor

ADDRESS = (
    "Billing address",
    {
        "fields": (
            ("billing_address_line_1", "billing_address_line_2"),
            ("billing_postal_code", "billing_city"),
            ("billing_state", "billing_country"),
        )
    },
)
COMPANY = (
    ("company_name", "title"),
    ("account_type", "parent"),
    ("email", "phone"),
    ("tax_id", "locale"),
    ("payment_terms_days", "external_id"),
)
TONES = {Account.Status.ACTIVE: "success", Account.Status.SUSPENDED: "danger", Account.Status.CLOSED: ""}


class AccountForm(ModelForm):
    """Opening asks for the limit in major units; later it changes on its own page."""

    limit = DecimalField(
        label="Credit limit",
        min_value=0,
        max_digits=15,
        initial=0,
        required=False,
        widget=UnfoldAdminDecimalFieldWidget(),
        help_text="In the account's currency, such as 25000 or 25000.50.",
    )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if "currency" in cleaned and cleaned.get("limit") is not None:
            try:
                to_minor(Money(cleaned["limit"], cleaned["currency"]))
            except Invalid as refusal:
                self.add_error("limit", refusal.message)
        return cleaned


class MembershipInline(SelectsById, TabularInline):
    model = Membership
    fields = ("user", "role", "permissions")
    autocomplete_fields = ("user",)
    extra = 0
    hide_title = True


@admin.register(Account)
class AccountAdmin(MasterDataAdmin):
    form = AccountForm
    list_display = (
        "number",
        "company_name",
        "balance_money",
        "credit_limit_money",
        "available_money",
        "standing",
    )
    list_filter = (CurrencyFilter,)
    search_fields = ("number", "company_name", "email", "external_id")
    search_help_text = "Number, company or e-mail"
    autocomplete_fields = ("parent",)
    readonly_fields = (
        "number",
        "standing",
        "balance_money",
        "credit_limit_money",
        "available_money",
        "rows",
        "created_at",
    )
    actions_detail = ("change_limit",)
    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("number", "standing", "created_at"),
                    ("balance_money", "credit_limit_money", "available_money"),
                    "rows",
                )
            },
        ),
        ("Company", {"fields": COMPANY}),
        ADDRESS,
    )
    add_fieldsets = (
        (None, {"fields": (("limit", "currency"),), "description": "The number is given when you save."}),
        ("Company", {"fields": COMPANY}),
        ADDRESS,
    )
    tabs = (
        Tab("all", "All", every_row, "No accounts. Add the first one."),
        Tab("over_limit", "Over limit", lambda rows, at: rows.over_limit(), "No account is over its limit."),
        Tab("suspended", "Suspended", lambda rows, at: rows.filter(status="suspended"), "None is suspended."),
    )
    balance_money = money_column(lambda account: account.balance_due, "Balance")
    credit_limit_money = money_column("credit_limit", "Credit limit")
    available_money = money_column(lambda account: account.available_credit, "Available credit")

    @admin.display(description="Status", ordering="status")
    def standing(self, account: Account) -> SafeString:
        tags = [tag(account.get_status_display(), TONES[Account.Status(account.status)])]
        if account.is_over_limit:
            tags.append(tag("Over limit", "danger"))
        return side_by_side(tags)

    @admin.display(description="Rows behind the balance")
    def rows(self, account: Account) -> SafeString:
        where = {"account__id__exact": account.pk, "show": "all"}
        kinds = (
            ("accounts.accountlineitem", "Line items"),
            ("invoices.invoice", "Invoices"),
            ("payments.payment", "Payments"),
            ("payments.accountcredit", "Account credit"),
        )
        return side_by_side([link_to_list(kind, label, **where) for kind, label in kinds])

    def has_add_permission(self, request: HttpRequest) -> bool:
        return super().has_add_permission(request) and Organization.objects.exists()

    def get_inlines(self, request: HttpRequest, obj: Any = None) -> list:
        return [MembershipInline] if obj else []

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return self.readonly_fields if obj else ()

    def save_model(self, request: HttpRequest, obj: Any, form: ModelForm, change: bool) -> None:
        if change:
            super().save_model(request, obj, form, change)
            return
        given = dict(form.cleaned_data)
        limit = Money(given.pop("limit") or 0, given.pop("currency"))
        opened = operations.open_account(
            credit_limit=limit, at=timezone.now(), by=staff_of(request).actor, **given
        )
        obj.__dict__.update(opened.__dict__)

    @action(description="Change limit", icon="speed")
    @in_merchant_time
    def change_limit(self, request: HttpRequest, object_id: str) -> HttpResponse:
        account = found(self, request, object_id)
        if account is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        currency = account.currency
        form = LimitForm(posted(request))
        page = Confirmation(
            question=f"Change the credit limit of {account.company_name}?",
            facts=(
                ("Account", str(account)),
                ("Credit limit now", money(account.credit_limit, currency)),
                ("Balance", money(account.balance_due, currency)),
                ("Available credit now", money(account.available_credit, currency)),
            ),
            consequence=f"Write the new limit in {currency}. Below the balance, no new charges are taken.",
            button="Change limit",
            done=f"The limit of {account} was {format_minor(account.credit_limit, currency)} and is changed.",
            refusal="" if self.has_change_permission(request, account) else NO_PERMISSION,
        )
        return confirm(
            self,
            request,
            account,
            page,
            form=form,
            act=lambda credit_limit, reason: operations.change_credit_limit(
                account=account,
                credit_limit=Money(credit_limit, currency),
                at=timezone.now(),
                by=staff_of(request).actor,
                reason=reason,
            ),
        )
