"""Recurring invoices: what is invoiced again and again, when next, and what came of it."""

from itertools import islice
from typing import Any
from uuid import uuid4

from django.contrib import admin
from django.db import IntegrityError
from django.forms import ChoiceField, DateField, Form, HiddenInput, ModelForm
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.safestring import SafeString
from unfold.admin import TabularInline
from unfold.widgets import UnfoldAdminSelectWidget

from accounts.admin.base import MasterDataAdmin, ReadOnlyInline, Tab, every_row, staff_of
from accounts.admin.bulk import SeenForm
from accounts.admin.columns import account_column, link_column, link_to, tag
from accounts.admin.confirming import Confirmation, ReasonForm, asking, confirm, posted, refusal_of
from accounts.querysets import parse_id
from accounts.templatetags.wording import money, plain_money
from invoices import operations
from invoices.models import RecurringInvoice, RecurringLine, RecurringRun
from invoices.operations import Missed
from payments.admin.wording import counted

DAYS_SHOWN = 4
MAKE_UP, LEAVE_OUT = "make up", "leave out"
MADE_UP = {
    True: "What is made up for comes within the hour, issued.",
    False: "What is made up for comes within the hour, as drafts.",
}


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


class ResumeForm(SeenForm):
    """What becomes of the days that were missed, and which they were when the page was drawn."""

    changed = "Something has changed meanwhile. Look again"

    def __init__(self, data: Any, *, recurring: RecurringInvoice, missed: Missed) -> None:
        days = [day.isoformat() for day in missed.days]
        super().__init__(data, rows=[(recurring.pk, (days, missed.amount))])
        many = counted(len(days), "missed run")
        if days:
            self.fields["missed"] = ChoiceField(
                label="What was missed",
                choices=(
                    ("", "Choose"),
                    (MAKE_UP, f"Make up for {many}"),
                    (LEAVE_OUT, f"Leave {many} out"),
                ),
                widget=UnfoldAdminSelectWidget(),
            )


def ask_to_pause(page: MasterDataAdmin, request: HttpRequest, recurring: RecurringInvoice) -> HttpResponse:
    staff, day = staff_of(request), recurring.next_date
    question = Confirmation(
        question=f"Pause {recurring.title}?",
        facts=(
            ("Account", link_to(recurring.account)),
            ("Next run", date_format(day, "j F Y") if day else "–"),
        ),
        consequence="No invoice is made until it is resumed. You choose then what becomes of the days "
        "that were missed.",
        button=f"Pause {recurring.title}",
        done=f"{recurring.title} is paused.",
        refusal=refusal_of(lambda: operations.may_pause(recurring=recurring, staff=staff)),
    )
    return confirm(
        page,
        request,
        recurring,
        question,
        form=Form(posted(request)),
        act=lambda: operations.pause_recurring_invoice(recurring=recurring, at=timezone.now(), staff=staff),
    )


def ask_to_resume(page: MasterDataAdmin, request: HttpRequest, recurring: RecurringInvoice) -> HttpResponse:
    """Both answers in numbers. Where nothing was missed there is nothing to choose."""
    staff, at = staff_of(request), timezone.now()
    missed = operations.missed_by(recurring, at=at)
    question = Confirmation(
        question=f"Resume {recurring.title}?",
        facts=[("Account", link_to(recurring.account)), *_missed_facts(recurring, missed)],
        consequence=MADE_UP[recurring.issues_itself] if missed.days else "",
        button=f"Resume {recurring.title}",
        done="",
        refusal=refusal_of(lambda: operations.may_resume(recurring=recurring, staff=staff)),
    )

    def act(shown: str, missed: str = MAKE_UP) -> str:
        resumed = operations.resume_recurring_invoice(
            recurring=recurring, leaves_out=missed == LEAVE_OUT, at=at, staff=staff
        )
        said = f"{recurring.title} goes on."
        if not resumed.days:
            return said
        many = counted(len(resumed.days), "missed run")
        return f"{said} {many} {'left out' if missed == LEAVE_OUT else 'to be made up for'}."

    form = ResumeForm(posted(request), recurring=recurring, missed=missed)
    return confirm(page, request, recurring, question, form=form, act=act)


def _missed_facts(recurring: RecurringInvoice, missed: Missed) -> list[tuple[str, Any]]:
    currency, many = recurring.region.currency, len(missed.days)
    after = next(islice(recurring.coming(), many, None), None)
    then = date_format(after, "j F Y") if after else "none"
    if not many:
        return [("Missed", "nothing"), ("Next run", then)]
    shown = [date_format(day, "j M Y") for day in (*missed.days[:DAYS_SHOWN], missed.days[-1])]
    days = f"{', '.join(shown[:-1])} … {shown[-1]}" if many > DAYS_SHOWN else ", ".join(shown[:-1])
    return [
        ("Missed", f"{counted(many, 'run')}: {days}"),
        ("Each invoice", money(missed.amount, currency)),
        ("Made up for", f"{counted(many, 'invoice')}, together {plain_money(missed.total, currency)}"),
        ("Left out", "no invoice"),
        ("Next run after that", then),
    ]


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
    actions_detail = ("skip", "pause", "resume")
    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("account", "region"),
                    ("title", "frequency"),
                    ("start_date", "end_date"),
                    "issues_itself",
                    "notes",
                )
            },
        ),
        (
            "Runs",
            {
                "fields": (("standing", "next_days"), ("created_by", "created_at")),
                "description": "When it is resumed after a pause, you choose whether the days that were "
                "missed are made up for.",
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
    pause = asking("Pause", "pause", ask_to_pause)
    resume = asking("Resume", "play_arrow", ask_to_resume)

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

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list:
        """Pause what runs, resume what is paused."""
        is_paused = RecurringInvoice.objects.filter(pk=parse_id(object_id), is_paused=True).exists()
        actions = super().get_actions_detail(request, object_id)
        return [one for one in actions if not one.action_name.endswith("_pause" if is_paused else "_resume")]

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
