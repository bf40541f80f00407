"""Bank statements: importing one, and what each of its lines is."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Case, Count, IntegerField, Q, Value, When
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from unfold.decorators import action

from accounts.admin.base import MasterDataAdmin, ReadOnlyAdmin, Tab, every_row, in_merchant_time, staff_of
from accounts.admin.bulk import choose
from accounts.admin.columns import link_column, link_to, money_column, tag, value_column
from accounts.admin.confirming import METHODS, Confirmation, asking, on_row, posted, refusal_of
from accounts.admin.currencies import CurrencyFilter
from accounts.querysets import parse_id
from core.doors import form_error
from core.errors import Refusal
from payments import operations
from payments.admin.bank_forms import ImportForm
from payments.admin.bank_lines import (
    Shown,
    ask_to_accept,
    ask_to_accept_many,
    ask_to_dismiss,
    ask_to_set_aside_many,
    ask_to_tell_apart,
    ask_to_undo_line,
)
from payments.admin.wording import counted
from payments.models import BankLine, BankMapping, BankStatement

MOST_SHOWN = 200
LOOK = "Look at each beside its double: set it aside, or say that it is a payment of its own."
TONES = {"open": "warning", "booked": "success"}
POSSIBLE = {
    "open": ("_accept", "_record", "_dismiss"),
    "doubtful": ("_tell_apart", "_dismiss"),
    "booked": ("_undo",),
    "dismissed": ("_undo",),
}
IN_ORDER = Case(When(status="open", then=Value(0)), default=Value(1), output_field=IntegerField())


@admin.register(BankMapping)
class BankMappingAdmin(MasterDataAdmin):
    """How a bank's own tables are read."""

    list_display = ("name", "bank_account", "currency", "date_column", "amount_column")
    search_fields = ("name", "bank_account")
    fieldsets = (
        (None, {"fields": (("name", "bank_account"),)}),
        ("How it is written", {"fields": (("delimiter", "encoding"), ("date_format", "decimal_mark"))}),
        (
            "Headings of the columns",
            {
                "fields": (
                    ("date_column", "amount_column"),
                    ("currency_column", "currency"),
                    ("reference_column",),
                    ("payer_name_column", "payer_account_column"),
                )
            },
        ),
    )


@admin.register(BankStatement)
class BankStatementAdmin(ReadOnlyAdmin):
    """Each file that was imported, with its lines."""

    list_display = ("name", "imported_at", "imported_by", "format", "new_lines", "open_lines")
    list_select_related = ("imported_by",)
    search_fields = ("bank_account", "file_name", "lines__reference", "lines__payer_name")
    search_help_text = "Bank account, file, payer or text of a line"
    fields = (
        ("bank_account", "format", "file_name"),
        ("first_date", "last_date"),
        ("imported_at", "imported_by"),
        ("line_count", "known_count"),
    )
    actions_detail = ("accept_all", "set_all_aside")
    change_list_template = "admin/bank_statements.html"
    change_form_outer_after_template = "admin/bank_lines.html"
    tabs = (
        Tab("all", "All", every_row, "No bank statement was imported yet."),
        Tab("open", "With open lines", lambda rows, at: rows.filter(open__gt=0), "No line is open."),
    )

    def get_queryset(self, request: HttpRequest) -> Any:
        lines = {"new": Count("lines"), "open": Count("lines", filter=Q(lines__status="open"))}
        return super().get_queryset(request).annotate(**lines)

    def get_urls(self) -> list[Any]:
        page = self.admin_site.admin_view(self.import_page)
        return [path("import/", page, name="payments_bankstatement_import"), *super().get_urls()]

    @admin.display(description="Statement", ordering="bank_account")
    def name(self, statement: BankStatement) -> str:
        return str(statement)

    @admin.display(description="New lines", ordering="new")
    def new_lines(self, statement: Any) -> int:
        return statement.new

    @admin.display(description="Open lines", ordering="open")
    def open_lines(self, statement: Any) -> int:
        return statement.open

    @in_merchant_time
    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """The statement with its lines: what is open first, each with what it is and why."""
        context = dict(extra_context or {})
        statement = BankStatement.objects.filter(pk=parse_id(object_id or "")).first()
        if statement and self.has_view_permission(request):
            context |= _lines_of(statement)
        return super().changeform_view(request, object_id, form_url, context)

    @in_merchant_time
    def import_page(self, request: HttpRequest) -> HttpResponse:
        """Choose a file, and a mapping if it is a table."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        if request.method not in METHODS:
            return HttpResponseNotAllowed(METHODS)
        refusal = refusal_of(lambda: operations.may_record(staff_of(request)))
        form = ImportForm(posted(request), request.FILES or None)
        if request.method == "POST" and not refusal and form.is_valid():
            try:
                statement = operations.import_statement(
                    content=form.cleaned_data["file"].read(),
                    file_name=form.cleaned_data["file"].name,
                    mapping=form.cleaned_data["mapping"],
                    at=timezone.now(),
                    staff=staff_of(request),
                )
            except Refusal as refused:
                form_error(form, refused)
            else:
                messages.success(request, _came(statement))
                if many := statement.lines.doubtful().count():
                    messages.warning(request, f"{counted(many, 'line')} may be here already. {LOOK}")
                return redirect("admin:payments_bankstatement_change", statement.pk)
        return self._import_answer(request, form, refusal)

    def _import_answer(self, request: HttpRequest, form: ImportForm, refusal: str) -> HttpResponse:
        back = reverse("admin:payments_bankstatement_changelist")
        page = Confirmation(
            question="Import a bank statement",
            facts=(),
            button="Import",
            done="",
            consequence="Importing books nothing: each line gets a proposal, which you accept or not. Lines "
            "of earlier files are left out, and what one of another format may have had is marked.",
            refusal=refusal,
        )
        context = {
            **self.admin_site.each_context(request),
            "title": page.question,
            "page": page,
            "form": form,
            "back": back,
            "row": "Import",
            "rows_name": self.opts.verbose_name_plural,
            "rows_address": back,
        }
        status = 422 if form.errors and not refusal else 200
        return TemplateResponse(request, "admin/confirmation.html", context, status=status)

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list:
        lines = BankLine.objects.open().filter(statement=parse_id(object_id))
        if not self.has_view_permission(request):
            return []
        waits = {"_accept_all": lines.filter(double_of=None), "_set_all_aside": lines.doubtful()}
        possible = tuple(name for name, rows in waits.items() if rows.exists())
        actions = super().get_actions_detail(request, object_id)
        return [one for one in actions if one.action_name.endswith(possible)]

    @action(description="Accept all proposals", icon="done_all")
    @on_row
    def accept_all(self, request: HttpRequest, statement: BankStatement) -> HttpResponse:
        """Leads on to the page that asks about every line that has a proposal."""
        lines = BankLine.objects.open().filter(statement=statement.pk)
        proposed = lines.filter(pk__in=list(operations.proposals_for(list(lines))))
        return choose(_line_pages(self), request, proposed, "accept_many")

    @action(description="Set doubles aside", icon="layers_clear")
    @on_row
    def set_all_aside(self, request: HttpRequest, statement: BankStatement) -> HttpResponse:
        """Leads on to the page that asks about every line that may be a double."""
        return choose(_line_pages(self), request, statement.lines.doubtful(), "set_aside_many")


def _line_pages(statements: BankStatementAdmin) -> Any:
    return statements.admin_site._registry[BankLine]


def _lines_of(statement: BankStatement) -> dict[str, Any]:
    rows = BankLine.objects.filter(statement=statement).select_related(
        "payment__account", "decided_by", "double_of__statement"
    )
    proposals = operations.proposals_for(list(rows.open()))
    shown = list(rows.order_by(IN_ORDER, "pk")[:MOST_SHOWN])
    return {
        "bank_lines": [Shown(row, proposals.get(row.pk)) for row in shown],
        "proposed": len(proposals),
        "doubtful": rows.doubtful().count(),
        "look": LOOK,
        "overlapping": [link_to(one, f"{one} ({one.format})") for one in operations.overlapping(statement)],
        "more_lines": max(rows.count() - MOST_SHOWN, 0),
        "all_lines": reverse(
            "admin:payments_bankline_changelist",
            query={"statement__id__exact": statement.pk, "show": "all"},
        ),
    }


def _came(statement: BankStatement) -> str:
    proposals = operations.proposals_for(list(statement.lines.open()))
    new = statement.line_count - statement.known_count
    known = f", {statement.known_count:,} known from earlier files" if statement.known_count else ""
    return f"{counted(new, 'new line')}{known}. {counted(len(proposals), 'proposal')}."


@admin.register(BankLine)
class BankLineAdmin(ReadOnlyAdmin):
    """What came in and went out, line by line."""

    list_display = ("day", "amount_money", "payer_name", "reference", "state", "payment_link")
    list_select_related = ("payment", "statement")
    list_filter = ("statement", CurrencyFilter, "day")
    search_fields = ("reference", "payer_name", "payer_account", "payment__reference")
    search_help_text = "Text, payer, bank account or payment"
    fields = (
        ("day", "amount_money", "state"),
        ("payer_name", "payer_account"),
        "reference",
        "twin_link",
        ("statement_link", "bank_account"),
        ("payment_link", "decided_by", "decided_at"),
        "reason",
    )
    actions = ("accept_many", "set_aside_many")
    actions_detail = ("accept", "record", "tell_apart", "dismiss", "undo")
    ordering = ("-id",)
    tabs = (
        Tab("open", "Open", lambda rows, at: rows.open(), "No line waits for anybody."),
        Tab("doubtful", "May be doubles", lambda rows, at: rows.doubtful(), "No line is here twice."),
        Tab("booked", "Booked", lambda rows, at: rows.filter(status="booked"), "No line was booked."),
        Tab("dismissed", "Not ours", lambda rows, at: rows.filter(status="dismissed"), "None."),
        Tab("all", "All", every_row, "No bank statement was imported yet."),
    )
    amount_money = money_column("amount", "Amount")
    payment_link = link_column("payment", "Payment")
    statement_link = link_column("statement", "Statement")
    twin_link = link_column("double_of", "May be a double of")
    day = value_column("day", "Day")

    def get_urls(self) -> list[Any]:
        pages = {"accept_many": self.accept_many_page, "set_aside_many": self.set_aside_many_page}
        ours = [
            path(f"{name}/", self.admin_site.admin_view(page), name=f"payments_bankline_{name}")
            for name, page in pages.items()
        ]
        return [*ours, *super().get_urls()]

    @admin.display(description="State", ordering="status")
    def state(self, line: BankLine) -> SafeString:
        if line.is_doubtful:
            return tag("May be a double", "warning")
        return tag(line.get_status_display(), TONES.get(line.status, ""))

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list:
        """What can be decided about the line now."""
        line = BankLine.objects.filter(pk=parse_id(object_id)).first()
        if line is None or not self.has_view_permission(request):
            return []
        standing = "doubtful" if line.is_doubtful else line.status
        actions = super().get_actions_detail(request, object_id)
        return [one for one in actions if one.action_name.endswith(POSSIBLE.get(standing, ("-",)))]

    @admin.action(description="Accept proposals…")
    def accept_many(self, request: HttpRequest, rows: Any) -> HttpResponse:
        return choose(self, request, rows, "accept_many")

    @in_merchant_time
    def accept_many_page(self, request: HttpRequest) -> HttpResponse:
        return ask_to_accept_many(self, request)

    @admin.action(description="Set doubles aside…")
    def set_aside_many(self, request: HttpRequest, rows: Any) -> HttpResponse:
        return choose(self, request, rows, "set_aside_many")

    @in_merchant_time
    def set_aside_many_page(self, request: HttpRequest) -> HttpResponse:
        return ask_to_set_aside_many(self, request)

    accept = asking("Accept proposal", "check", ask_to_accept)
    tell_apart = asking("No double", "call_split", ask_to_tell_apart)
    dismiss = asking("Not ours", "block", ask_to_dismiss)
    undo = asking("Undo", "undo", ask_to_undo_line)

    @action(description="Record", icon="add_card")
    @on_row
    def record(self, request: HttpRequest, line: BankLine) -> HttpResponse:
        """Leads on to the page that records what came in, with this line filled in."""
        return redirect(reverse("admin:payments_payment_record", query={"line": line.pk}))
