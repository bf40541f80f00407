"""The merchant's own data: the organization, its regions and exchange rates."""

from base64 import b64encode
from decimal import Decimal
from typing import Any

from django.contrib import admin
from django.forms import CharField, FileField, Form, ModelForm
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import action
from unfold.enums import ActionVariant
from unfold.widgets import UnfoldAdminFileFieldWidget, UnfoldAdminTextInputWidget

from accounts import operations
from accounts.admin.amounts import AmountInline
from accounts.admin.base import MasterDataAdmin, ReadOnlyAdmin, Tab, every_row, is_set_up, staff_of
from accounts.admin.columns import tag
from accounts.admin.confirming import Confirmation, ReasonForm, confirm, on_row, posted, refusal_of
from accounts.models import BankAccountChange, ConfirmationLimit, ExchangeRate, Organization, Region

BANK_LABELS = (
    ("bank_account_holder", "Account holder"),
    ("bank_name", "Bank"),
    ("iban", "IBAN or account number"),
    ("bic", "BIC or routing number"),
)
BANK = tuple(name for name, _ in BANK_LABELS)
CHANGE_TONES = {"asked": "warning", "approved": "success", "rejected": ""}


class BankAccountForm(ReasonForm):
    """Where customers would pay to, and why."""

    field_order = (*BANK, "reason")
    bank_account_holder = CharField(max_length=70, widget=UnfoldAdminTextInputWidget())
    bank_name = CharField(max_length=100, required=False, widget=UnfoldAdminTextInputWidget())
    iban = CharField(label="IBAN or account number", max_length=42, widget=UnfoldAdminTextInputWidget())
    bic = CharField(
        label="BIC or routing number", max_length=20, required=False, widget=UnfoldAdminTextInputWidget()
    )


class LogoForm(Form):
    """A picture."""

    file = FileField(label="PNG or JPEG, at most 1 MB", widget=UnfoldAdminFileFieldWidget())


class ConfirmationLimitInline(AmountInline):
    """Part of the organization: who may change that may change these."""

    model = ConfirmationLimit
    verbose_name_plural = (
        "Above these amounts, in major units, what is refunded, credited or written off is typed again"
    )

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("accounts.view_organization")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("accounts.change_organization")

    has_add_permission = has_delete_permission = has_change_permission


@admin.register(Organization)
class OrganizationAdmin(MasterDataAdmin):
    """One row: it is added once and never deleted."""

    list_display = ("name", "legal_name", "email", "city", "country", "time_zone")
    fieldsets = (
        (None, {"fields": (("name", "legal_name"), ("email", "phone"), "tax_id")}),
        (
            "Address",
            {
                "fields": (
                    ("address_line_1", "address_line_2"),
                    ("postal_code", "city"),
                    ("state", "country"),
                )
            },
        ),
        (
            "Bank",
            {
                "fields": (("bank_account_holder", "bank_name"), ("iban", "bic"), "bank_changed_date"),
                "description": "Customers pay to this account: it is printed on every new invoice. "
                "Two people change it together: “Change bank account”.",
            },
        ),
        (
            "Invoicing",
            {
                "fields": (
                    ("invoice_number_format", "payment_terms_days"),
                    ("credit_note_number_format", "tax_rate"),
                    ("time_zone", "locale"),
                    ("hold_overdue_accounts", "send_reminders_automatically"),
                )
            },
        ),
        ("Texts", {"fields": ("terms", "zero_tax_reason", "mail_note")}),
    )

    inlines = (ConfirmationLimitInline,)
    actions_detail = ("change_bank_account", "logo", "remove_logo")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """The bank account is set up with the organization, and changed by two people."""
        return (*BANK, "bank_changed_date") if obj else ("bank_changed_date",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return super().has_add_permission(request) and not is_set_up(request)

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list:
        actions = super().get_actions_detail(request, object_id)
        has_logo = Organization.objects.exclude(logo=None).exists()
        return [one for one in actions if has_logo or not one.action_name.endswith("remove_logo")]

    @action(description="Change bank account", icon="account_balance")
    @on_row
    def change_bank_account(self, request: HttpRequest, organization: Organization) -> HttpResponse:
        staff = staff_of(request)
        page = Confirmation(
            question="Change the bank account that customers pay to?",
            facts=[(label, getattr(organization, name) or "–") for name, label in BANK_LABELS],
            consequence="Nothing changes until somebody else approves it. Then new papers name the new "
            "account, and say for three months since when.",
            button="Ask for the change",
            done="It waits for a second person now.",
            refusal=refusal_of(lambda: operations.may_ask(staff=staff)),
            is_danger=True,
        )

        def act(reason: str, **given: str) -> None:
            account = operations.BankAccount(**given)
            operations.ask_for_bank_account(account=account, reason=reason, at=timezone.now(), staff=staff)

        return confirm(self, request, organization, page, form=BankAccountForm(posted(request)), act=act)

    @action(description="Logo", icon="image")
    @on_row
    def logo(self, request: HttpRequest, organization: Organization) -> HttpResponse:
        staff = staff_of(request)
        page = Confirmation(
            question="Put a logo on the papers?",
            facts=(("Now", _picture(organization)),),
            consequence="It stands on papers that are made from now on, at most 60 × 20 mm. Older ones "
            "stay as they are.",
            button="Use this logo",
            done="New papers show the logo.",
            refusal=refusal_of(lambda: operations.acting(staff, "accounts.change_organization")),
        )
        form = LogoForm(posted(request), request.FILES if request.method == "POST" else None)
        return confirm(
            self,
            request,
            organization,
            page,
            form=form,
            act=lambda file: operations.set_logo(content=file.read(), at=timezone.now(), staff=staff),
        )

    @action(description="Remove logo", icon="hide_image")
    @on_row
    def remove_logo(self, request: HttpRequest, organization: Organization) -> HttpResponse:
        staff = staff_of(request)
        page = Confirmation(
            question="Remove the logo from new papers?",
            facts=(("Now", _picture(organization)),),
            consequence="New papers show the name instead.",
            button="Remove logo",
            done="New papers show the name.",
            refusal=refusal_of(lambda: operations.acting(staff, "accounts.change_organization")),
        )
        return confirm(
            self,
            request,
            organization,
            page,
            form=Form(posted(request)),
            act=lambda: operations.remove_logo(at=timezone.now(), staff=staff),
        )

    def save_model(self, request: HttpRequest, obj: Any, form: ModelForm, change: bool) -> None:
        obj.pk = 1
        super().save_model(request, obj, form, change)


def _picture(organization: Organization) -> SafeString | str:
    if organization.logo is None:
        return "none: papers show the name"
    content = b64encode(organization.logo.content).decode()
    return format_html('<img class="logo" src="data:image/png;base64,{}" alt="The logo">', content)


@admin.register(BankAccountChange)
class BankAccountChangeAdmin(ReadOnlyAdmin):
    """Wishes for another bank account. Whoever did not ask approves."""

    list_display = ("asked_at", "bank_account_holder", "iban", "asked_by", "state", "decided_by")
    list_select_related = ("asked_by", "decided_by")
    fields = (
        ("state", "asked_at", "asked_by"),
        ("bank_account_holder", "bank_name"),
        ("iban", "bic"),
        "reason",
        ("decided_at", "decided_by"),
    )
    actions_detail = ("approve", "reject")
    tabs = (
        Tab("asked", "To approve", lambda rows, at: rows.filter(status="asked"), "Nothing to approve."),
        Tab("all", "All", every_row, "The bank account was never changed."),
    )

    @admin.display(description="State", ordering="status")
    def state(self, change: BankAccountChange) -> SafeString:
        return tag(change.get_status_display(), CHANGE_TONES[change.status])

    @action(description="Approve", icon="check", variant=ActionVariant.PRIMARY)
    @on_row
    def approve(self, request: HttpRequest, change: BankAccountChange) -> HttpResponse:
        return _decide(self, request, change, approve=True)

    @action(description="Reject", icon="close")
    @on_row
    def reject(self, request: HttpRequest, change: BankAccountChange) -> HttpResponse:
        return _decide(self, request, change, approve=False)


def _decide(
    changes: BankAccountChangeAdmin, request: HttpRequest, change: BankAccountChange, *, approve: bool
) -> HttpResponse:
    staff, organization = staff_of(request), Organization.objects.get()
    facts: list[tuple[str, Any]] = [
        (label, f"{getattr(organization, name) or '–'} → {getattr(change, name) or '–'}")
        for name, label in BANK_LABELS
    ]
    verb = "Approve" if approve else "Reject"
    page = Confirmation(
        question=f"{verb} another bank account?",
        facts=[*facts, ("Asked by", str(change.asked_by)), ("Reason", change.reason)],
        consequence="Papers that are made from now on name the new account." if approve else "All stays.",
        button=f"{verb} the change",
        done="Customers pay to the new account from now on." if approve else "The change is rejected.",
        refusal=refusal_of(
            lambda: operations.decidable_bank_account(change=change, staff=staff, approve=approve)
        ),
        is_danger=approve,
    )
    return confirm(
        changes,
        request,
        change,
        page,
        form=Form(posted(request)),
        act=lambda: operations.decide_on_bank_account(
            change=change, approve=approve, at=timezone.now(), staff=staff
        ),
    )


@admin.register(Region)
class RegionAdmin(MasterDataAdmin):
    """Charges name their region, so it is never deleted, and its currency stays what it was."""

    list_display = ("name", "currency", "countries")
    search_fields = ("name",)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("currency",) if obj else ()


@admin.register(ExchangeRate)
class ExchangeRateAdmin(MasterDataAdmin):
    """A rate is in force until the next row's. Charges keep the rate they were made at."""

    list_display = ("pair", "value", "valid_from")
    list_filter = (("base", admin.AllValuesFieldListFilter), ("quote", admin.AllValuesFieldListFilter))
    ordering = ("-valid_from", "base", "quote")

    @admin.display(description="Pair", ordering="base")
    def pair(self, row: ExchangeRate) -> str:
        return f"{row.base} → {row.quote}"

    @admin.display(description="Rate", ordering="rate")
    def value(self, row: ExchangeRate) -> Decimal:
        """Without the noughts at its end."""
        return row.rate.normalize()

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("accounts.delete_exchangerate")
