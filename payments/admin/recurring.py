"""Recurring invoices: what is invoiced again and again, when next, and what came of it."""

from itertools import islice
from typing import Any
from uuid import uuid4

from django.contrib import admin
from django.db import IntegrityError
from django.forms import DateField, HiddenInput, ModelForm
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.safestring import SafeString
from unfold.admin import TabularInline

from accounts.admin.base import MasterDataAdmin, ReadOnlyInline, Tab, every_row, staff_of
from accounts.admin.columns import account_column, link_column, link_to, tag
from accounts.admin.confirming import Confirmation, ReasonForm, asking, confirm, posted, refusal_of
from invoices import operations
from invoices.models import RecurringInvoice, RecurringLine, RecurringRun

DAYS_SHOWN = 4


class SkipForm(ReasonForm):
    """Why, and which day was next when the page was drawn."""

    known_date = DateField(widget=HiddenInput(), required=False)


def ask_to_skip(page: MasterDataAdmin, request: HttpRequest, recurring: RecurringInvoice) -> HttpResponse:
    staff, days = staff_of(request), list(islice(recurring.coming(), 2))
    coming = [date_format(day, "j F Y") for day in days]
    question = Confirmation(
        question=f"Skip the next run of {recurring.title}?",
        facts=(
            ("Account", link_to(recurring.account)),
            ("Next run", coming[0] if coming else "–"),
            ("Then", coming[1] if len(coming) > 1 else "none"),
        ),
        consequence="No invoice is made of this day. The days after it stay what they are.",
        button="Skip next run",
        done=f"The next run of {recurring.title} is skipped.",
        refusal=refusal_of(lambda: operations.skippable(recurring=recurring, staff=staff)),
    )
    return confirm(
        page,
        request,
        recurring,
        question,
        form=SkipForm(posted(request), initial={"known_date": days[0] if days else None}),
        act=lambda **given: operations.skip_next(
            recurring=recurring, at=timezone.now(), staff=staff, **given
        ),
    )


class RecurringLineInline(TabularInline):
    model = RecurringLine
    fields = ("description", "quantity", "unit_price", "tax_rate")
    extra = 0
    min_num = 1
    hide_title = True
    verbose_name_plural = "Lines. Prices in the region's currency, before tax"

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """The column's head is no label: each field says its name."""
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if db_field.name in self.fields:
            field.widget.attrs["aria-label"] = str(db_field.verbose_name).capitalize()
        return field

    def get_formset(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        """An invoice has at least one line."""
        return super().get_formset(request, obj, validate_min=True, **kwargs)


class RecurringRunInline(ReadOnlyInline):
    """What came of each day, newest first."""

    model = RecurringRun
    fields = readonly_fields = ("date", "invoice_link", "note", "created_at")
    verbose_name_plural = "Runs"
    invoice_link = link_column("invoice", "Invoice")

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("invoice")


@admin.register(RecurringInvoice)
class RecurringInvoiceAdmin(MasterDataAdmin):
    """Account, region and days stay what they were: who wants others, ends one and writes another."""

    list_display = ("title", "of_account", "frequency", "next_day", "end_date", "standing")
    list_select_related = ("account",)
    list_filter = ("frequency", "region", "issues_itself")
    search_fields = ("title", "account__number", "account__company_name")
    autocomplete_fields = ("account", "region")
    inlines = (RecurringLineInline, RecurringRunInline)
    actions_detail = ("skip",)
    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("account", "region"),
                    ("title", "frequency"),
                    ("start_date", "end_date"),
                    ("issues_itself", "is_paused"),
                    "notes",
                )
            },
        ),
        (
            "Runs",
            {
                "fields": (("standing", "next_days"), ("created_by", "created_at")),
                "description": "Days that pass while it is paused are made up for when it goes on: "
                "skip those that should make no invoice.",
            },
        ),
    )
    add_fieldsets = ((None, {"fields": (*fieldsets[0][1]["fields"], "form_key")}),)
    tabs = (
        Tab(
            "running",
            "Running",
            lambda rows, at: rows.filter(is_paused=False, ended_at=None),
            "Nothing recurs.",
        ),
        Tab("refused", "Refused", lambda rows, at: rows.exclude(refusal=""), "Nothing was refused."),
        Tab(
            "paused",
            "Paused",
            lambda rows, at: rows.filter(is_paused=True, ended_at=None),
            "Nothing is paused.",
        ),
        Tab("all", "All", every_row, "No recurring invoices yet."),
    )
    of_account = account_column()
    skip = asking("Skip next run", "skip_next", ask_to_skip)

    def add_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """A form that is sent twice is refused the second time; at the same moment, by the database first."""
        try:
            return super().add_view(request, *args, **kwargs)
        except IntegrityError:
            return super().add_view(request, *args, **kwargs)

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        return super().get_changeform_initial_data(request) | {"form_key": uuid4()}

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "form_key":
            kwargs["widget"] = HiddenInput()
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        told = ("standing", "next_days", "created_by", "created_at")
        return (*told, *(("account", "region", "frequency", "start_date") if obj else ()))

    def save_model(self, request: HttpRequest, obj: Any, form: ModelForm, change: bool) -> None:
        if not change:
            obj.created_by, obj.created_at = staff_of(request), timezone.now()
        super().save_model(request, obj, form, change)

    @admin.display(description="Next run")
    def next_day(self, recurring: RecurringInvoice) -> Any:
        return None if recurring.is_paused else recurring.next_date

    @admin.display(description="Next runs")
    def next_days(self, recurring: RecurringInvoice) -> str:
        days = islice(recurring.coming(), DAYS_SHOWN)
        return ", ".join(date_format(day, "j M Y") for day in days) or "none"

    @admin.display(description="State")
    def standing(self, recurring: RecurringInvoice) -> SafeString | str:
        if recurring.next_date is None:
            return tag("Ended")
        if recurring.is_paused:
            return tag("Paused", "warning")
        return (
            tag(f"Refused: {recurring.refusal}", "danger") if recurring.refusal else tag("Running", "success")
        )
