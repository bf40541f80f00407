"""The merchant's own data: the organization, its regions and exchange rates."""

from typing import Any

from django.contrib import admin
from django.forms import ModelForm
from django.http import HttpRequest

from accounts.admin.base import MasterDataAdmin
from accounts.models import ExchangeRate, Organization, Region


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
                "fields": (("bank_account_holder", "bank_name"), ("iban", "bic")),
                "description": "Customers pay to this account: it is printed on every new invoice.",
            },
        ),
        (
            "Invoicing",
            {
                "fields": (
                    ("invoice_number_format", "payment_terms_days"),
                    ("credit_note_number_format", "tax_rate"),
                    ("time_zone", "locale"),
                    "hold_overdue_accounts",
                )
            },
        ),
    )

    def has_add_permission(self, request: HttpRequest) -> bool:
        return super().has_add_permission(request) and not Organization.objects.exists()

    def save_model(self, request: HttpRequest, obj: Any, form: ModelForm, change: bool) -> None:
        obj.pk = 1
        super().save_model(request, obj, form, change)


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

    list_display = ("pair", "rate", "valid_from")
    list_filter = (("base", admin.AllValuesFieldListFilter), ("quote", admin.AllValuesFieldListFilter))
    ordering = ("-valid_from", "base", "quote")

    @admin.display(description="Pair", ordering="base")
    def pair(self, row: ExchangeRate) -> str:
        return f"{row.base} → {row.quote}"

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("accounts.delete_exchangerate")
