"""Invoices: for reading, with what was paid on them."""

from datetime import date
from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import path, reverse
from django.utils import timezone
from django.utils.formats import localize
from django.utils.safestring import SafeString
from unfold.decorators import action

from accounts.admin.base import ReadOnlyInline, Tab, every_row
from accounts.admin.columns import (
    account_column,
    link_column,
    money_column,
    number_column,
    price_column,
    side_by_side,
    tag,
)
from accounts.admin.confirming import on_row
from accounts.admin.currencies import CurrencyFilter
from accounts.querysets import parse_id
from accounts.templatetags.wording import status
from invoices.models import Invoice, InvoiceDocument, InvoiceLineItem
from payments.admin.aging import AgingFilter
from payments.admin.billing import BillingPages
from payments.admin.correcting import CorrectingPages, CreditNoteInline, WriteOffInline
from payments.admin.crediting import ask_to_apply_credit
from payments.admin.drafting import DraftingPages
from payments.admin.issuing import IssuingPages
from payments.admin.ledger import AllocationOfInvoiceInline
from payments.admin.mailing import MailingPages
from payments.admin.papers import PapersAsZip
from payments.admin.rates import RateFilter
from payments.admin.reminders import ReminderInline
from payments.admin.reminding import RemindingPages
from payments.models import PaymentCollectionInvoice

Status = Invoice.Status
ACTIONS: dict[Status, tuple[str, ...]] = {
    Status.DRAFT: ("edit", "issue", "duplicate", "discard"),
    Status.SENT: (
        *(
            "record_payment",
            "apply_credit",
            "download_pdf",
            "credit",
            "send_again",
            "stop_mail",
            "send_reminder",
            "figures",
            "write_off",
            "duplicate",
            "cancel",
        ),
    ),
    Status.PAID: ("download_pdf", "credit", "send_again", "stop_mail", "figures", "duplicate"),
    Status.CANCELLED: ("download_pdf", "duplicate"),
}


def tags_of(invoice: Invoice, *, on: date) -> SafeString:
    """How an invoice stands, in the words its customer reads; two words where two things are true."""
    if invoice.status == Status.DRAFT:
        return tag("Draft")
    if invoice.status == Status.CANCELLED:
        return status("cancelled")
    if invoice.status == Status.PAID:
        return status("paid")
    tags = []
    if invoice.is_overdue(on=on):
        tags.append(status("overdue", days=(on - invoice.due_date).days))
    if invoice.is_partly_paid:
        tags.append(status("partly_paid"))
    if invoice.has_pending_payment:
        tags.append(status("pending"))
    return side_by_side(tags or [status("open")])


class LineInline(ReadOnlyInline):
    model = InvoiceLineItem
    fields = readonly_fields = (
        "description",
        "units",
        "each",
        "net_money",
        "tax_percent",
        "tax_money",
        "amount_money",
    )
    verbose_name_plural = "Lines"
    units = number_column("quantity", "Quantity")
    each = price_column("unit_price", "Unit price")
    tax_percent = number_column("tax_rate", "Tax rate", unit=" %")
    net_money = money_column("net_amount", "Net", currency="invoice__currency")
    tax_money = money_column("tax_amount", "Tax", currency="invoice__currency")
    amount_money = money_column("amount", "Amount", currency="invoice__currency")


class AttemptInline(ReadOnlyInline):
    """Payments that were begun for the invoice, whether they came to something or not."""

    model = PaymentCollectionInvoice
    fields = readonly_fields = ("begun_at", "collection_link", "amount_money", "is_claimed")
    verbose_name_plural = "Payment attempts"
    collection_link = link_column("collection", "Collection")
    amount_money = money_column("amount", "Amount", currency="invoice__currency")

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("collection")

    @admin.display(description="Begun")
    def begun_at(self, covered: PaymentCollectionInvoice) -> str:
        return localize(timezone.localtime(covered.collection.created_at))


class DocumentInline(ReadOnlyInline):
    """The PDFs that were made of the invoice, each with its hash."""

    model = InvoiceDocument
    fields = readonly_fields = ("kind", "created_at", "sha256")
    verbose_name_plural = "Documents"

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).defer("content")


@admin.register(Invoice)
class InvoiceAdmin(
    BillingPages, DraftingPages, IssuingPages, MailingPages, CorrectingPages, RemindingPages, PapersAsZip
):
    list_display = (
        *("name", "of_account", "standing", "issue_date", "due_date", "total_money", "open_money"),
        "reminder",
    )
    list_select_related = ("account",)
    list_filter = (
        "region",
        AgingFilter,
        CurrencyFilter,
        RateFilter,
        "issue_date",
        "due_date",
    )
    search_fields = (
        *("number", "account__number", "account__company_name", "title"),
        *("order_numbers", "purchase_order_numbers", "external_id"),
    )
    search_help_text = "Number, order, account or company"
    fields = (
        ("name", "standing", "of_account"),
        ("total_money", "paid_money", "reserved_money", "open_money"),
        ("issue_date", "due_date", "sent_at", "viewed_at"),
        "mail",
        ("paid_at", "cancelled_at"),
        ("title", "region"),
        ("order_numbers", "purchase_order_numbers", "external_id"),
        "description",
        ("billed_to", "billed_by"),
        "snapshot_hash",
    )
    inlines = (
        LineInline,
        AllocationOfInvoiceInline,
        CreditNoteInline,
        WriteOffInline,
        AttemptInline,
        ReminderInline,
        DocumentInline,
    )
    actions = ("issue_many", "remind_many", "zip_many")
    actions_list = ("draft", "bill_unbilled", "remind")
    actions_detail = (
        "edit",
        "issue",
        "record_payment",
        "download_pdf",
        "credit",
        {
            "title": "More",
            "items": (
                *(
                    "apply_credit",
                    "send_again",
                    "stop_mail",
                    "send_reminder",
                    "figures",
                    "write_off",
                    "duplicate",
                    "cancel",
                    "discard",
                ),
            ),
        },
    )
    tabs = (
        Tab("open", "Open", lambda rows, at: rows.open(), "No open invoices."),
        Tab("overdue", "Overdue", lambda rows, at: rows.overdue(on=today()), "No overdue invoices."),
        Tab("draft", "Draft", lambda rows, at: rows.drafts(), "No drafts."),
        Tab("paid", "Paid", lambda rows, at: rows.paid(), "No paid invoices."),
        Tab("all", "All", every_row, "No invoices yet."),
    )
    of_account = account_column()
    total_money = money_column("total_amount", "Total")
    paid_money = money_column("paid_amount", "Paid")
    reserved_money = money_column("reserved_amount", "Payment pending")
    open_money = money_column(lambda invoice: invoice.still_open, "Open balance")

    def get_urls(self) -> list:
        page = self.admin_site.admin_view(self.preview)
        many = self.admin_site.admin_view(self.issue_many_page)
        return [
            path("<path:object_id>/preview/", page, name="invoices_invoice_preview"),
            path("issue_many/", many, name="invoices_invoice_issue_many"),
            *super().get_urls(),
        ]

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list:
        """What its state allows; a draft that was discarded has no PDF."""
        invoice = Invoice.objects.filter(pk=parse_id(object_id)).first()
        if invoice is None or not self.has_view_permission(request):
            return []
        possible = set(ACTIONS[Status(invoice.status)])
        if not invoice.number:
            possible.discard("download_pdf")
        actions = super().get_actions_detail(request, object_id)
        return [one for one in actions if one.action_name.removeprefix("invoices_invoice_") in possible]

    @action(description="Record payment", icon="add_card")
    @on_row
    def record_payment(self, request: HttpRequest, invoice: Invoice) -> HttpResponse:
        """Leads on to the page that records what came in, with this invoice filled in."""
        return redirect(reverse("admin:payments_payment_record", query={"invoice": invoice.pk}))

    @action(description="Apply credit", icon="savings")
    @on_row
    def apply_credit(self, request: HttpRequest, invoice: Invoice) -> HttpResponse:
        return ask_to_apply_credit(self, request, invoice)

    @admin.display(description="Number", ordering="number")
    def name(self, invoice: Invoice) -> str:
        return str(invoice)

    @admin.display(description="Status", ordering="status")
    def standing(self, invoice: Invoice) -> SafeString:
        return tags_of(invoice, on=timezone.localdate())

    @admin.display(description="Billed to, as frozen at issue")
    def billed_to(self, invoice: Invoice) -> str | None:
        return _party(invoice, "buyer", "company_name", "billing_")

    @admin.display(description="Billed by, as frozen at issue")
    def billed_by(self, invoice: Invoice) -> str | None:
        return _party(invoice, "seller", "legal_name", "")


def today() -> date:
    """The organization's day: pages are drawn in its time zone."""
    return timezone.localdate()


def _party(invoice: Invoice, role: str, name: str, prefix: str) -> str | None:
    """Name, address and tax id of one side, in one line."""
    if not invoice.snapshot:
        return None
    side = invoice.snapshot[role]
    place = f"{side[prefix + 'postal_code']} {side[prefix + 'city']}".strip()
    parts = (side[name], side[f"{prefix}address_line_1"], place, side[f"{prefix}country"], side["tax_id"])
    return ", ".join(part for part in parts if part)
