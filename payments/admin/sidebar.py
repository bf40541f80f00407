"""What stands around every back office page: its name, the test mode, and the pages the reader may open."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from accounts.models import Organization
from payments import reporting

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
            ("Bank statements", "assured_workload", "payments.bankstatement"),
            ("Bank lines", "table_rows", "payments.bankline"),
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
            ("Bank account changes", "published_with_changes", "accounts.bankaccountchange"),
            ("Regions", "public", "accounts.region"),
            ("Exchange rates", "currency_exchange", "accounts.exchangerate"),
            ("Reminder levels", "stairs", "invoices.reminderlevel"),
            ("Payment providers", "account_balance", "payments.paymentprovider"),
            ("Bank tables", "view_column", "payments.bankmapping"),
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
INVOICES, PAYMENTS = "invoices.view_invoice", "payments.view_payment"
REPORTS = (
    ("Aging", "hourglass_bottom", "report_aging", (INVOICES,)),
    ("Revenue", "trending_up", "report_revenue", (INVOICES,)),
    ("Taxes", "percent", "report_taxes", (INVOICES,)),
    ("Accounting export", "menu_book", "report_accounting", (INVOICES, PAYMENTS)),
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
    waiting = _waiting(request)
    groups = [
        {
            "title": title,
            "items": [
                _page(label, icon, kind, waiting) for label, icon, kind in pages if _may_view(request, kind)
            ],
        }
        for title, pages in PAGES
    ]
    today = {"title": "What needs doing", "icon": "today", "link": reverse("admin:index")}
    reports = [
        {"title": label, "icon": icon, "link": reverse(f"admin:{page}")}
        for label, icon, page, needed in REPORTS
        if request.user.has_perms(needed)
    ]
    return [
        {"title": "Today", "items": [today]},
        *groups[:2],
        {"title": "Reports", "items": reports},
        *groups[2:],
    ]


def _page(label: str, icon: str, kind: str, waiting: dict[str, int]) -> dict[str, Any]:
    page = {"title": label, "icon": icon, "link": reverse(f"admin:{kind.replace('.', '_')}_changelist")}
    count = waiting.get(kind, 0)
    return page | {"badge": count, "badge_variant": "warning"} if count else page


def _waiting(request: HttpRequest) -> dict[str, int]:
    """By kind, how many rows wait for somebody to decide: one statement for all that the reader may see."""
    kinds = [one for one, kind in BADGES.items() if _may_view(request, kind)]
    counts: dict[str, int] = {}
    for row in reporting.waiting(kinds, on=timezone.localdate()):
        counts[BADGES[row.kind]] = counts.get(BADGES[row.kind], 0) + row.count
    return counts


def _may_view(request: HttpRequest, kind: str) -> bool:
    app, model = kind.split(".")
    return request.user.has_perm(f"{app}.view_{model}") or request.user.has_perm(f"{app}.change_{model}")


# What a badge counts, and on which page it stands.
BADGES = {
    "verify": "payments.payment",
    "issues": "payments.reconciliationissue",
    "failed": "core.outboxmessage",
    "bank_lines": "payments.bankline",
    "bank_account": "accounts.bankaccountchange",
}
