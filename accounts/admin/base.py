"""The kinds of back office pages: rows that are only read, and master data that is edited under audit."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import wraps
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.widgets import AutocompleteSelect
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import DatabaseError, models, transaction
from django.forms import BaseInlineFormSet, ChoiceField, ModelForm, ModelMultipleChoiceField
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import SimpleTemplateResponse
from django.urls import reverse
from django.utils import timezone
from djmoney.models.fields import CurrencyField
from djmoney.settings import CURRENCY_CHOICES
from unfold.admin import ModelAdmin, TabularInline
from unfold.views import ChangeList
from unfold.widgets import UnfoldAdminSelectWidget

from accounts import operations
from accounts.admin.exporting import ExportsList
from accounts.admin.paging import Pages
from accounts.models import Organization, User
from accounts.querysets import parse_id

SHOW = "show"


@dataclass(frozen=True)
class Tab:
    """One view of a list: its word in the address, its label, its rows at a moment, and what stands there
    when it is empty: words, or what answers them."""

    code: str
    label: str
    rows: Callable[[Any, datetime], Any]
    empty: str | Callable[[], str] = ""


def every_row(rows: Any, at: datetime) -> Any:
    return rows


class TabbedList(ChangeList):
    """A list whose first filter are its tabs. It opens with the first one; a search looks through the last
    one, which is all rows."""

    @property
    def tab(self) -> Tab | None:
        tabs = self.model_admin.tabs
        if not tabs:
            return None
        first = tabs[-1] if self.params.get("q") else tabs[0]
        return next((tab for tab in tabs if tab.code == self.params.get(SHOW)), first)

    @property
    def tabs(self) -> list[tuple[Tab, str, bool]]:
        """Each tab, its address, and whether it is the current one."""
        current = self.tab
        return [
            (tab, self.get_query_string({SHOW: tab.code}, ["p"]), tab == current)
            for tab in self.model_admin.tabs
        ]

    @property
    def empty_text(self) -> str:
        if self.query or self.has_active_filters:
            return f"No {self.opts.verbose_name_plural} match."
        said = self.tab.empty if self.tab else ""
        said = said() if callable(said) else said
        return said or f"No {self.opts.verbose_name_plural}."

    @property
    def is_narrowed(self) -> bool:
        return bool(self.query or self.has_active_filters)

    def get_filters_params(self, params: Any = None) -> dict[str, Any]:
        found = super().get_filters_params(params)
        found.pop(SHOW, None)
        return found

    def get_results(self, request: HttpRequest) -> None:
        """A question that the database cannot answer, typed into the address, is a wrong filter."""
        try:
            with transaction.atomic():
                super().get_results(request)
        except (DatabaseError, OverflowError) as error:
            raise IncorrectLookupParameters from error

    def get_queryset(self, request: HttpRequest, exclude_parameters: Any = None) -> Any:
        rows = self.model_admin.get_queryset(request)
        self.root_queryset = self.tab.rows(rows, timezone.now()) if self.tab else rows
        return super().get_queryset(request, exclude_parameters)


def staff_of(request: HttpRequest) -> User:
    """Who acts. The admin site lets nobody else in."""
    if not isinstance(request.user, User):
        raise PermissionDenied
    return request.user


def is_set_up(request: HttpRequest) -> bool:
    """Whether there is an organization. A page asks it in several places, the database once."""
    if "is_set_up" not in request.__dict__:
        request.__dict__["is_set_up"] = Organization.objects.exists()
    return request.__dict__["is_set_up"]


@contextmanager
def merchant_time() -> Iterator[None]:
    """Instants are shown, and read, in the organization's time zone."""
    zone = Organization.objects.values_list("time_zone", flat=True).first()
    with timezone.override(ZoneInfo(zone or "UTC")):
        yield


def in_merchant_time(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Draw a page in the organization's time zone: drawn here, not when the view is long over."""

    @wraps(view)
    def drawn(*args: Any, **kwargs: Any) -> HttpResponse:
        with merchant_time():
            response = view(*args, **kwargs)
            return response.render() if isinstance(response, SimpleTemplateResponse) else response

    return drawn


class BackOfficeAdmin(ExportsList, ModelAdmin):
    """What all pages share: tabs, fifty rows, files of them, no bulk delete, the audit trail as history."""

    tabs: tuple[Tab, ...] = ()
    actions: Any = None
    list_per_page = 50
    paginator = Pages
    show_full_result_count = False  # a list counts what it shows, not all there is besides
    empty_value_display = "–"
    list_before_template = "admin/tabs.html"
    compressed_fields = False

    changelist_view = in_merchant_time(ModelAdmin.changelist_view)
    changeform_view = in_merchant_time(ModelAdmin.changeform_view)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return TabbedList

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict | None = None
    ) -> HttpResponse:
        """The trail holds what was done at every door, not only here."""
        where = {"object_kind": self.opts.label_lower, "object_id": object_id}
        return redirect(reverse("admin:core_auditentry_changelist", query=where))


class ReadOnlyAdmin(BackOfficeAdmin):
    """Rows that operations write: nobody adds, edits or deletes them here, superusers included."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class ReadOnlyInline(TabularInline):
    """Rows that belong to the one shown, for reading."""

    extra = 0
    can_delete = False
    hide_title = True
    show_change_link = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class SelectById(AutocompleteSelect):
    """What is no id selects nothing. Django looks for a row of that id, and fails on what cannot be one."""

    def optgroups(self, name: str, value: Any, attrs: Any = None) -> list:
        return super().optgroups(name, [str(pk) for one in value if (pk := parse_id(one))], attrs)


class SelectsById:
    """Rows of other models are found by typing; wrong input is told as an error of its field."""

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        page: Any = self
        if db_field.name in page.get_autocomplete_fields(request):
            kwargs.setdefault("widget", SelectById(db_field, page.admin_site))
        return super().formfield_for_foreignkey(db_field, request, **kwargs)  # type: ignore[misc]


class RowsById(ModelMultipleChoiceField):
    """A number past every row is no choice. Django asks the database for it, and SQLite fails."""

    def clean(self, value: Any) -> Any:
        wrong = [one for one in value or () if str(parse_id(one)) != str(one)]
        if wrong:
            raise ValidationError(self.error_messages["invalid_pk_value"] % {"pk": wrong[0]})
        return super().clean(value)


class MasterDataAdmin(SelectsById, BackOfficeAdmin):
    """Rows that staff edit. Each save goes through one operation that writes what changed to the trail."""

    warn_unsaved_form = True

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """A currency is chosen from those there are."""
        if isinstance(db_field, CurrencyField):
            return currency_field()
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        return super().formfield_for_manytomany(db_field, request, form_class=RowsById, **kwargs)

    def save_model(self, request: HttpRequest, obj: Any, form: ModelForm, change: bool) -> None:
        _save(request, obj, form)

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        operations.remove_master_data(row=obj, at=timezone.now(), by=staff_of(request).actor)

    def save_formset(
        self, request: HttpRequest, form: ModelForm, formset: BaseInlineFormSet, change: bool
    ) -> None:
        formset.save(commit=False)
        for row in formset.deleted_objects:
            operations.remove_master_data(row=row, at=timezone.now(), by=staff_of(request).actor)
        for one in formset.forms:
            if one.has_changed() and one not in formset.deleted_forms:
                _save(request, one.instance, one)


def currency_field() -> ChoiceField:
    return ChoiceField(choices=[("", "Select value"), *CURRENCY_CHOICES], widget=UnfoldAdminSelectWidget())


def _save(request: HttpRequest, row: models.Model, form: ModelForm) -> None:
    changed = form.changed_data
    operations.save_master_data(
        row=row,
        before={} if row._state.adding else {name: form.initial.get(name) for name in changed},
        after={name: form.cleaned_data.get(name) for name in changed},
        at=timezone.now(),
        by=staff_of(request).actor,
    )
