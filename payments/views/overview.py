"""The account: what is owed, what can be paid now, what was ordered."""

from dataclasses import dataclass
from datetime import date
from typing import Any
from urllib.parse import urlencode

from babel.lists import format_list
from django.http import HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.models import Account, AccountLineItem, Organization, User
from accounts.querysets import parse_id
from invoices.models import Invoice
from payments import operations
from payments.forms import PayRegionForm
from payments.models import AccountCredit, Payment, PaymentCollection
from payments.views.access import CustomerRequest, account_page, admins_of, see_other, show, signed_in_page
from payments.views.files import pdf_of
from payments.views.wording import days_late, method_words

ORDERS_SHOWN = 10
INVOICES_SHOWN = 50


@require_safe
@signed_in_page
def accounts(request: CustomerRequest) -> HttpResponse:
    """The only account at once, or the choice among several."""
    mine = list(Account.objects.of_member(request.customer))
    if len(mine) == 1:
        return see_other(request, reverse("account", args=[mine[0].number]))
    return show(request, "payments/accounts.html", {"accounts": mine})


@require_safe
@account_page()
def account(request: CustomerRequest, account: Account) -> HttpResponse:
    """The business account; who may not see its figures is told whom to ask."""
    customer = request.customer
    if not customer.may("get_invoices", account_id=account.pk):
        context = {
            "account": account,
            "admins": admins_of(account),
            "sees_own": customer.may_some("get_invoices", account_id=account.pk),
            "panel": _panel(request, account, of=customer.user),
        }
        return show(request, "payments/account_junior.html", context)
    merchant = Organization.objects.get()
    may_pay = customer.may("pay_invoice", account_id=account.pk)
    form = PayRegionForm(account=account)
    today = merchant.today(timezone.now())
    open_invoices = _open_invoices(account, on=today)
    context = {
        "account": account,
        "merchant": merchant,
        "may_pay": may_pay,
        "admins": [] if may_pay else admins_of(account),
        "panel": _panel(request, account),
        "credits": AccountCredit.objects.filter(account=account).left_by_currency(),
        "foreign": _foreign_currencies(account),
        "invoices": open_invoices,
        "due": _due(open_invoices, on=today),
        "orders": _recent_orders(account),
        "form": form,
    }
    return show(request, "payments/account.html", context)


def _foreign_currencies(account: Account) -> str:
    """`EUR and JPY`, when open charges are in other currencies than the account."""
    foreign = AccountLineItem.objects.filter(account=account).open().exclude(currency=account.currency)
    return format_list(
        list(foreign.order_by("currency").values_list("currency", flat=True).distinct()), locale="en"
    )


@dataclass(frozen=True)
class InvoiceRow:
    """An open invoice as the account lists it; `collection` is a payment of it that can be taken up again."""

    invoice: Invoice
    days_late: int
    collection: int | None


def _open_invoices(account: Account, *, on: date) -> list[InvoiceRow]:
    shown = Invoice.objects.filter(account=account).open().order_by("due_date", "pk")[:INVOICES_SHOWN]
    started = PaymentCollection.objects.started_for(shown)
    return [InvoiceRow(one, days_late(one, on=on), started.get(one.pk)) for one in shown]


def _due(rows: list[InvoiceRow], *, on: date) -> str:
    """As the address of the page on which they are paid: the invoices that are due today or overdue."""
    due = [one.invoice for one in rows if one.invoice.due_date <= on and one.invoice.open_balance > 0]
    return urlencode([("id", one.pk) for one in due])


def _recent_orders(account: Account) -> list[tuple[AccountLineItem, str, str]]:
    """Charge, state and the number of the invoice that it is on."""
    lines = AccountLineItem.objects.filter(account=account).with_payment_status().with_live_invoice()
    orders = []
    for line in lines.newest_first()[:ORDERS_SHOWN]:
        live_lines = getattr(line, "live_lines")  # noqa: B009 set by with_live_invoice()
        invoice = live_lines[0].invoice if live_lines else None
        state = "on_invoice" if invoice and line.payment_status == "unpaid" else line.payment_status
        orders.append((line, state, invoice.number if invoice else ""))
    return orders


def _panel(request: CustomerRequest, account: Account, *, of: User | None = None) -> dict[str, Any] | None:
    """What came of a payment, by the address the payer was sent to. A wrong or foreign id shows nothing, nor
    does a colleague's where only payments `of` one member are theirs to see."""
    pk = parse_id(request.GET.get("paid") or request.GET.get("promised") or "")
    if not pk:
        return None
    payment = Payment.objects.with_details().filter(account=account, pk=pk).first()
    if payment is None or payment.session is None or (of is not None and payment.payer_id != of.pk):
        return None
    covered = Invoice.objects.filter(payment_collections__collection=payment.session.collection_id)
    invoices = list(covered.order_by("payment_collections__pk"))
    outcome = operations.outcome_of(payment.session, invoices)
    return {
        "payment": payment,
        "invoices": invoices,
        "outcome": outcome,
        "method": method_words(payment),
        "still_open": invoices[0].open_balance if len(invoices) == 1 else 0,
        **(pdf_of(request.customer, invoices[0]) if len(invoices) == 1 else {}),
    }
