"""What stands around every back office page: its name, the test mode, and the pages the reader may open."""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse

from accounts.models import Organization
from payments.models import Payment, ReconciliationIssue

NAME = "Invoicing Site"
PAGES = (
    (
        "Sales",
        (
            ("Invoices", "receipt_long", "invoices.invoice"),
            ("Credit notes", "remove_circle", "invoices.creditnote"),
            ("Accounts", "domain", "accounts.account"),
            ("Recurring", "event_repeat", "invoices.recurringinvoice"),
            ("Reminders", "notifications", "invoices.reminder"),
            ("Promises to pay", "handshake", "invoices.paymentpromise"),
            ("Line items", "list_alt", "accounts.accountlineitem"),
            ("Orders", "shopping_cart", "orders.order"),
        ),
    ),
    (
        "Money",
        (
            ("Payments", "payments", "payments.payment"),
            ("Refunds, chargebacks", "undo", "payments.refund"),
            ("Reconciliation issues", "report", "payments.reconciliationissue"),
            ("Write-offs", "money_off", "payments.writeoff"),
            ("Allocations", "call_split", "payments.allocation"),
            ("Account credit", "savings", "payments.accountcredit"),
            ("Payment collections", "inventory_2", "payments.paymentcollection"),
            ("Payment sessions", "credit_card", "payments.paymentsession"),
        ),
    ),
    (
        "Setup",
        (
            ("Organization", "store", "accounts.organization"),
            ("Regions", "public", "accounts.region"),
            ("Exchange rates", "currency_exchange", "accounts.exchangerate"),
            ("Reminder levels", "stairs", "invoices.reminderlevel"),
            ("Payment providers", "account_balance", "payments.paymentprovider"),
            ("Users", "person", "accounts.user"),
            ("Memberships", "badge", "accounts.membership"),
            ("Invitations", "outgoing_mail", "accounts.invitation"),
            ("Groups", "group", "auth.group"),
            ("Tokens", "key", "accounts.customertoken"),
        ),
    ),
    (
        "Audit",
        (
            ("Audit trail", "history", "core.auditentry"),
            ("Provider calls", "call_made", "payments.providercall"),
            ("Provider events", "call_received", "payments.providerevent"),
            ("Outbox", "outbox", "core.outboxmessage"),
        ),
    ),
)


def site_title(request: HttpRequest) -> str:
    """The merchant's name; the program's before set-up. Read once a page."""
    if "merchant_name" not in request.__dict__:
        name = Organization.objects.values_list("name", flat=True).first()
        request.__dict__["merchant_name"] = name or NAME
    return request.__dict__["merchant_name"]


def environment(request: HttpRequest) -> tuple[str, str] | None:
    return ("Test mode", "warning") if settings.PAYMENTS == "sandbox" else None


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """The groups, each with the pages this member of staff may see."""
    return [
        {
            "title": title,
            "items": [_page(label, icon, kind) for label, icon, kind in pages if _may_view(request, kind)],
        }
        for title, pages in PAGES
    ]


def _page(label: str, icon: str, kind: str) -> dict[str, Any]:
    page = {"title": label, "icon": icon, "link": reverse(f"admin:{kind.replace('.', '_')}_changelist")}
    waiting = WAITING[kind]() if kind in WAITING else 0
    return page | {"badge": waiting, "badge_variant": "warning"} if waiting else page


def _may_view(request: HttpRequest, kind: str) -> bool:
    app, model = kind.split(".")
    return request.user.has_perm(f"{app}.view_{model}") or request.user.has_perm(f"{app}.change_{model}")


# How many rows wait for somebody to decide.
WAITING: dict[str, Callable[[], int]] = {
    "payments.payment": lambda: Payment.objects.to_verify().count(),
    "payments.reconciliationissue": lambda: ReconciliationIssue.objects.filter(resolved_at=None).count(),
}
