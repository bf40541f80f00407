"""Reconciliation issues: what is known about money that we cannot explain, and closing them with a reason."""

from typing import Any

from django.contrib import admin
from django.db.models import Sum
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import Truncator
from django.utils.timesince import timesince
from unfold.decorators import action

from accounts.admin.base import ReadOnlyAdmin, Tab, every_row, staff_of
from accounts.admin.columns import account_column, link_column, link_to, money_column
from accounts.admin.confirming import Confirmation, ReasonForm, confirm, on_row, posted, refusal_of
from accounts.querysets import parse_id
from accounts.templatetags.wording import money
from payments import operations
from payments.models import Comparison, ReconciliationIssue


def _no_issues() -> str:
    """That there are none, and when the books were last compared with the providers'."""
    last = Comparison.objects.first()
    if last is None:
        return "No issues. The books were not compared with the providers' yet."
    made = Comparison.objects.filter(made_at=last.made_at).aggregate(Sum("compared"))["compared__sum"]
    ago = timesince(last.made_at, timezone.now(), depth=1).replace("\xa0", " ")
    return f"No issues. Last check {ago} ago, {made} transactions compared."


@admin.register(ReconciliationIssue)
class ReconciliationIssueAdmin(ReadOnlyAdmin):
    list_display = ("age", "kind", "known_shortly", "amount_money", "of_account", "payment_link")
    list_select_related = ("account", "payment", "session", "resolved_by")
    list_filter = ("kind", "opened_at")
    search_fields = ("known", "account__number", "account__company_name", "payment__reference")
    search_help_text = "Words, account, company or payment"
    fields = (
        ("kind", "opened_at"),
        "known",
        ("amount_money", "of_account"),
        ("payment_link", "session_link"),
        ("resolved_at", "resolved_by"),
        "resolution",
    )
    actions_detail = ("resolve",)
    tabs = (
        Tab("open", "Open", lambda rows, at: rows.filter(resolved_at=None), _no_issues),
        Tab("resolved", "Resolved", lambda rows, at: rows.exclude(resolved_at=None), "None was resolved."),
        Tab("all", "All", every_row, "No issues yet."),
    )
    of_account = account_column()
    payment_link = link_column("payment", "Payment")
    session_link = link_column("session", "Payment session")
    amount_money = money_column("amount", "Amount")

    @admin.display(description="Age", ordering="opened_at")
    def age(self, issue: ReconciliationIssue) -> SafeString:
        until = issue.resolved_at or timezone.now()
        words = timesince(issue.opened_at, until, depth=1).replace("\xa0", " ")
        return format_html('<time datetime="{}">{}</time>', issue.opened_at.isoformat(), words)

    @admin.display(description="What is known")
    def known_shortly(self, issue: ReconciliationIssue) -> SafeString:
        return format_html('<span class="known">{}</span>', Truncator(issue.known).chars(120))

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list:
        if not self.has_view_permission(request):
            return []
        still_open = ReconciliationIssue.objects.filter(pk=parse_id(object_id), resolved_at=None)
        return super().get_actions_detail(request, object_id) if still_open.exists() else []

    @action(description="Close with reason", icon="task_alt")
    @on_row
    def resolve(self, request: HttpRequest, issue: ReconciliationIssue) -> HttpResponse:
        amount = "–" if issue.amount is None else money(issue.amount, issue.currency)
        page = Confirmation(
            question="Close this issue?",
            facts=(
                ("What is known", issue.known),
                ("Amount", amount),
                ("Account", link_to(issue.account) or "–"),
                ("Payment", link_to(issue.payment) or "–"),
            ),
            consequence="Closing moves no money: say what you did here or at the provider.",
            button="Close issue",
            done="The issue is closed.",
            refusal=refusal_of(lambda: operations.resolvable(issue=issue, staff=staff_of(request))),
        )
        return confirm(
            self,
            request,
            issue,
            page,
            form=ReasonForm(posted(request)),
            act=lambda reason: operations.resolve_issue(
                issue=issue, at=timezone.now(), staff=staff_of(request), reason=reason
            ),
        )
