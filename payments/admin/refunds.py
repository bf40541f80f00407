"""Money that goes back, and money that is nobody's yet: the pages that ask before, and all refunds."""

from typing import Any

from django.contrib import admin
from django.forms import HiddenInput, IntegerField
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from accounts.admin.amounts import AmountForm
from accounts.admin.base import ReadOnlyAdmin, ReadOnlyInline, Tab, every_row, staff_of
from accounts.admin.columns import account_column, link_column, link_to, money_column, tag, value_column
from accounts.admin.confirming import Confirmation, ReasonForm, confirm, posted, refusal_of
from accounts.admin.currencies import CurrencyFilter
from accounts.models import Account
from accounts.templatetags.wording import money, plain_money, status
from core.errors import Conflict
from payments import operations
from payments.admin.choosing import AccountField
from payments.admin.typing_again import ask_again
from payments.admin.wording import ARROW, before_after, owed_again
from payments.models import Payment, Refund

TONES = {Refund.Status.DONE: "success", Refund.Status.FAILED: "danger"}


class RefundForm(AmountForm, ReasonForm):
    """How much goes back, and why; and what could go back when the page was drawn, in minor units: the button
    that is pressed twice sends it once."""

    left = IntegerField(widget=HiddenInput(), required=False)


class AssignForm(ReasonForm):
    """Whose money it is, and how you know."""

    field_order = ("account", "reason")
    account = AccountField()


class RefundInline(ReadOnlyInline):
    model = Refund
    fields = readonly_fields = (
        "created_at",
        "refund_link",
        "kind",
        "amount_money",
        "status",
        "reason",
        "staff",
    )
    verbose_name_plural = "Refunds and chargebacks"
    amount_money = money_column("amount", "Amount")

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("staff")

    @admin.display(description="Number")
    def refund_link(self, refund: Refund) -> Any:
        return link_to(refund)


@admin.register(Refund)
class RefundAdmin(ReadOnlyAdmin):
    list_display = ("date", "kind", "of_account", "payment_link", "amount_money", "state", "staff", "reason")
    list_select_related = ("payment__account", "provider", "staff")
    list_filter = ("kind", "provider", "status", CurrencyFilter, "created_at")
    search_fields = ("reference", "payment__reference", "payment__account__company_name", "reason")
    search_help_text = "Reference, company or reason"
    fields = (
        ("kind", "created_at", "of_account", "payment_link"),
        ("amount_money", "state", "ended_at"),
        ("provider", "reference", "uuid"),
        ("credit_money", "staff"),
        "reason",
        ("outcome", "look_again_at"),
    )
    ordering = ("-id",)
    tabs = (
        Tab("all", "All", every_row, "Nothing went back."),
        Tab("chargebacks", "Chargebacks", lambda rows, at: rows.filter(kind="chargeback"), "No chargebacks."),
        Tab("undecided", "Undecided", lambda rows, at: rows.unfinished(), "No refund is undecided."),
    )
    date = value_column("created_at", "Date")
    of_account = account_column("payment__account")
    payment_link = link_column("payment", "Payment")
    amount_money = money_column("amount", "Amount")
    credit_money = money_column("credit_amount", "Of it account credit")

    @admin.display(description="Status", ordering="status")
    def state(self, refund: Refund) -> SafeString:
        return tag(refund.get_status_display(), TONES.get(Refund.Status(refund.status), ""))


def ask_to_refund(payments: Any, request: HttpRequest, payment: Payment) -> HttpResponse:
    """The page that asks before money goes back: how much can, and what all of it would do."""
    staff, currency, left = staff_of(request), payment.currency, operations.left_of(payment)
    facts = [
        ("Account", link_to(payment.account) or "–"),
        ("Captured", money(payment.amount, currency)),
        ("Can still be sent back", money(left, currency)),
    ]
    refusal = refusal_of(lambda: operations.refundable(payment=payment, staff=staff))
    if payment.account_id and not refusal:
        facts += _effect(payment, left)
    by_hand = payment.provider.code == "pp_system_default"
    page = Confirmation(
        question=f"Refund payment {payment.reference}?",
        facts=facts,
        button="Refund",
        done="The money is on its way back. The payer is told by e-mail.",
        consequence=BY_HAND if by_hand else BY_PROVIDER,
        refusal=refusal,
        is_danger=True,
    )
    form = RefundForm(posted(request), currency=currency, initial={"amount": left, "left": left})
    ask_again(form, below="amount", most=left, currency=currency)

    def act(amount: int, left: int | None, **given: Any) -> str | None:
        refund = operations.refund_payment(
            payment=payment, amount=amount, at=timezone.now(), staff=staff, known_left=left, **given
        )
        if refund.status == Refund.Status.FAILED:
            raise Conflict(f"The provider did not send it back: {refund.outcome}")
        if refund.status != Refund.Status.DONE:
            total = plain_money(amount, currency)
            return f"The refund of {total} is requested. We keep asking until it is done."
        return None

    return confirm(payments, request, payment, page, form=form, act=act)


def ask_to_undo(payments: Any, request: HttpRequest, payment: Payment) -> HttpResponse:
    """The page that asks before a recording is taken out of the books again."""
    staff = staff_of(request)
    total = plain_money(payment.amount, payment.currency)
    refusal = refusal_of(lambda: operations.reversible(payment=payment, staff=staff))
    facts = [
        ("Account", link_to(payment.account) or "–"),
        ("Amount", money(payment.amount, payment.currency)),
        ("Came in on", payment.received_date or "–"),
        ("Recorded by", str(payment.verified_by or "–")),
    ]
    if not refusal:
        facts += _effect(payment, payment.amount, balance="Account balance")
    page = Confirmation(
        question=f"Undo the recording of {total}?",
        facts=facts,
        button=f"Undo {total}",
        done=f"The recording of {total} is undone. Nothing was sent back to anybody.",
        consequence="Undo what was entered by mistake: a counter-entry takes it out of the books, and what "
        "it had paid is open again. The customer sees both.",
        refusal=refusal,
        is_danger=True,
    )

    def act(reason: str) -> None:
        operations.undo_recording(payment=payment, reason=reason, at=timezone.now(), staff=staff)

    return confirm(payments, request, payment, page, form=ReasonForm(posted(request)), act=act)


BY_PROVIDER = (
    "The provider sends the money back the way it came, at once. Account credit is taken first, then "
    "invoices are open again, the newest first."
)
BY_HAND = (
    "Send the money by bank transfer first: this only books it. Account credit is taken first, then "
    "invoices are open again, the newest first."
)


def _effect(
    payment: Payment, amount: int, *, balance: str = "Account balance, if all of it goes back"
) -> list[tuple[str, Any]]:
    """Before → after, in money, if all that can go back does."""
    effect = operations.effect_of_refunding(payment, amount)
    facts: list[tuple[str, Any]] = [
        (
            balance,
            before_after(effect.balance_now, effect.balance_after, effect.account.currency),
        ),
        *owed_again(effect),
    ]
    for one in effect.invoices:
        word = "partly_paid" if one.invoice.paid_amount + one.paid else "open"
        now = "paid" if one.invoice.status == "paid" else "partly_paid"
        opened = before_after(one.open_now, one.open_after, one.invoice.currency)
        moved = format_html(ARROW, status(now), status(word))
        facts.append((f"Invoice {one.invoice}", format_html("{}<br>Open balance {}", moved, opened)))
    if effect.credit:
        facts.append(("Taken from account credit", money(effect.credit, payment.currency)))
    return facts


def ask_to_assign(payments: Any, request: HttpRequest, payment: Payment) -> HttpResponse:
    """The page that asks whose unassigned money is."""
    staff = staff_of(request)
    total = plain_money(payment.amount, payment.currency)
    page = Confirmation(
        question=f"Assign {total} to an account?",
        facts=(
            ("Amount", money(payment.amount, payment.currency)),
            ("Came by", payment.provider.name),
            ("On", payment.captured_at or payment.created_at),
            ("Reference", payment.reference),
        ),
        button=f"Assign {total}",
        done=f"{total} is account credit of that account now.",
        consequence="The money becomes account credit of the account, whole. It cannot be unassigned again.",
        refusal=refusal_of(lambda: operations.assignable(payment=payment, staff=staff)),
    )

    def act(account: Account, reason: str) -> None:
        operations.assign_payment(
            payment=payment, account=account, reason=reason, at=timezone.now(), staff=staff
        )

    return confirm(payments, request, payment, page, form=AssignForm(posted(request)), act=act)
