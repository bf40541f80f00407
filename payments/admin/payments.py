"""Payments: for reading, and Verify and Reject for those that customers promised."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import path, reverse
from django.utils import timezone
from django.utils.formats import localize
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from unfold.enums import ActionVariant

from accounts.admin.base import ReadOnlyAdmin, ReadOnlyInline, Tab, every_row, in_merchant_time
from accounts.admin.bulk import choose
from accounts.admin.columns import account_column, link_column, link_to, money_column, tag, value_column
from accounts.admin.confirming import asking
from accounts.admin.currencies import CurrencyFilter
from accounts.querysets import parse_id
from accounts.templatetags.wording import status
from payments.admin.deciding import ask_to_reject, ask_to_reject_many, ask_to_verify, ask_to_verify_many
from payments.admin.ledger import AllocationInline, CreditInline
from payments.admin.recording import record_page
from payments.admin.refunds import RefundInline, ask_to_assign, ask_to_refund, ask_to_undo
from payments.models import Payment, Receipt, ReconciliationIssue, RecordedMethod

Status = Payment.Status
WORDS = {
    Status.PENDING: "awaiting_verification",
    Status.CAPTURED: "completed",
    Status.FAILED: "rejected",
    Status.PARTIALLY_REFUNDED: "partly_refunded",
    Status.REFUNDED: "refunded",
}
DECISIONS: dict[Status, tuple[str, ...]] = {
    Status.PENDING: ("verify", "reject"),
    Status.CAPTURED: ("refund",),
    Status.PARTIALLY_REFUNDED: ("refund",),
    Status.UNASSIGNED: ("assign", "refund"),
}


class IssueInline(ReadOnlyInline):
    model = ReconciliationIssue
    fields = readonly_fields = ("opened_at", "issue_link", "known", "resolved_at")
    verbose_name_plural = "Issues"

    @admin.display(description="Issue")
    def issue_link(self, issue: ReconciliationIssue) -> Any:
        return link_to(issue)


@admin.register(Payment)
class PaymentAdmin(ReadOnlyAdmin):
    list_display = (
        "date",
        "of_account",
        "method_words",
        "reference",
        "amount_money",
        "allocated_money",
        "standing",
        "verified_by",
        "next_step",
    )
    list_filter = ("provider", CurrencyFilter, "created_at")
    search_fields = (
        "reference",
        "payer_reference",
        "receipt__number",
        "account__number",
        "account__company_name",
        "allocations__invoice__number",
        "session__collection__covered__invoice__number",
    )
    search_help_text = "Reference, receipt, invoice, account or company"
    fields = (
        ("standing", "of_account", "created_at"),
        ("amount_money", "allocated_money", "captured_at"),
        ("provider", "method_words", "reference"),
        ("received_date", "payer_reference"),
        ("payer_link", "session_link", "receipt_number"),
        "decision",
        "reason",
    )
    inlines = (AllocationInline, CreditInline, RefundInline, IssueInline)
    actions = ("verify_many", "reject_many")
    actions_detail = ("verify", "reject", "assign", "refund", "undo_recording")
    tabs = (
        Tab("to_verify", "To verify", lambda rows, at: rows.to_verify(), "Nothing to verify."),
        Tab("collected", "Collected", lambda rows, at: rows.collected(), "No money came in yet."),
        Tab("pending", "Pending", lambda rows, at: rows.filter(status=Status.PENDING), "Nothing is pending."),
        Tab(
            "unassigned",
            "Unassigned",
            lambda rows, at: rows.filter(status=Status.UNASSIGNED),
            "All money is somebody's.",
        ),
        Tab(
            "refunded",
            "Sent or taken back",
            lambda rows, at: rows.sent_back(),
            "Nothing went back.",
        ),
        Tab("undone", "Undone", lambda rows, at: rows.undone(), "No recording was undone."),
        Tab("all", "All", every_row, "No payments yet."),
    )
    date = value_column("created_at", "Date")
    of_account = account_column()
    payer_link = link_column("payer", "Payer")
    session_link = link_column("session", "Payment session")
    amount_money = money_column("amount", "Amount")
    allocated_money = money_column(
        lambda payment: sum(one.amount for one in payment.allocations.all()), "Allocated"
    )

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).with_details().with_refunds()

    @admin.display(description="Method", ordering="method")
    def method_words(self, payment: Payment) -> str:
        if payment.is_recorded and payment.method in RecordedMethod.values:
            return RecordedMethod(payment.method).label
        words = capfirst(payment.method.replace("_", " ")) or payment.provider.name
        last4 = payment.method_details.get("last4")
        return f"{words} ending {last4}" if last4 else words

    @admin.display(description="Status", ordering="status")
    def standing(self, payment: Payment) -> SafeString:
        word = WORDS.get(Status(payment.status))
        if payment.is_recorded and payment.undone:
            return tag("Recording undone")
        return status(word, charged_back=payment.charged_back) if word else tag("Unassigned", "danger")

    @admin.display(description="Receipt")
    def receipt_number(self, payment: Payment) -> str | None:
        receipt = Receipt.objects.filter(payment=payment).first()
        return receipt.number if receipt else None

    @admin.display(description="Next step")
    def next_step(self, payment: Payment) -> SafeString | str:
        step = {Status.PENDING: "verify", Status.UNASSIGNED: "assign"}.get(Status(payment.status))
        if step is None:
            return ""
        page = reverse(f"admin:payments_payment_{step}", args=[payment.pk])
        word = step.capitalize()
        return format_html(
            '<a href="{}">{}<span class="unseen"> {}</span></a>', page, word, payment.reference
        )

    @admin.display(description="Decision")
    def decision(self, payment: Payment) -> str:
        """Who looked at the bank account, and when."""
        if payment.verified_by is None:
            return self.empty_value_display
        word, at = (
            ("Rejected", payment.rejected_at) if payment.rejected_at else ("Verified", payment.verified_at)
        )
        word = "Recorded" if payment.session is None else word
        here = timezone.localtime(at)
        return f"{word} by {payment.verified_by} ({payment.verified_by.email}) on {localize(here)} {here:%Z}"

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list:
        """Only what can be decided about this payment now."""
        payment = Payment.objects.filter(pk=parse_id(object_id)).first()
        if payment is None or not self.has_view_permission(request):
            return []
        decisions = DECISIONS.get(Status(payment.status), ())
        if payment.is_recorded and payment.status == Status.CAPTURED:
            decisions = (*decisions, "undo_recording")
        actions = super().get_actions_detail(request, object_id)
        return [one for one in actions if one.action_name.endswith(decisions)] if decisions else []

    def get_urls(self) -> list[Any]:
        pages = {
            "verify_many": self.verify_many_page,
            "reject_many": self.reject_many_page,
            "record": self.record_page,
        }
        own = [
            path(f"{name}/", self.admin_site.admin_view(page), name=f"payments_payment_{name}")
            for name, page in pages.items()
        ]
        return own + super().get_urls()

    @admin.action(description="Verify…")
    def verify_many(self, request: HttpRequest, rows: Any) -> HttpResponse:
        return choose(self, request, rows, "verify_many")

    @in_merchant_time
    def verify_many_page(self, request: HttpRequest) -> HttpResponse:
        return ask_to_verify_many(self, request)

    @admin.action(description="Reject…")
    def reject_many(self, request: HttpRequest, rows: Any) -> HttpResponse:
        return choose(self, request, rows, "reject_many")

    @in_merchant_time
    def reject_many_page(self, request: HttpRequest) -> HttpResponse:
        return ask_to_reject_many(self, request)

    @in_merchant_time
    def record_page(self, request: HttpRequest) -> HttpResponse:
        return record_page(self, request)

    verify = asking("Verify", "check", ask_to_verify, ActionVariant.PRIMARY)
    reject = asking("Reject", "close", ask_to_reject)
    assign = asking("Assign", "person_add", ask_to_assign)
    refund = asking("Refund", "undo", ask_to_refund)
    undo_recording = asking("Undo recording", "backspace", ask_to_undo)
