"""The page that asks before account credit is put on an invoice."""

from typing import Any

from django.forms import HiddenInput, IntegerField
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from accounts.admin.amounts import AmountForm
from accounts.admin.base import BackOfficeAdmin, staff_of
from accounts.admin.columns import link_to
from accounts.admin.confirming import Confirmation, confirm, posted, refusal_of
from accounts.templatetags.wording import money, plain_money
from invoices.models import Invoice
from payments import operations
from payments.admin.wording import before_after
from payments.models import AccountCredit


class ApplyForm(AmountForm):
    """How much of it; and what was open when the page was drawn."""

    known_open = IntegerField(widget=HiddenInput(), required=False)


def ask_to_apply_credit(invoices: BackOfficeAdmin, request: HttpRequest, invoice: Invoice) -> HttpResponse:
    """How much credit there is, and what all of it would do."""
    staff, currency, account = staff_of(request), invoice.currency, invoice.account
    refusal = refusal_of(lambda: operations.applicable(invoice=invoice, staff=staff))
    most = 0 if refusal else operations.applicable(invoice=invoice, staff=staff)
    kept = dict(AccountCredit.objects.filter(account=account).left_by_currency())
    facts: list[tuple[str, Any]] = [
        ("Account", link_to(account)),
        ("Account credit", money(kept.get(currency, 0), currency)),
        ("Open balance", money(invoice.open_balance, currency)),
    ]
    if most:
        effect = operations.effect_of_paying(account, [(invoice, most)], -most)
        balance = before_after(effect.balance_now, effect.balance_after, account.currency)
        one = effect.invoices[0]
        facts += [
            ("Account balance, if all of it is used", balance),
            ("Open balance, if all of it is used", before_after(one.open_now, one.open_after, currency)),
        ]
    page = Confirmation(
        question=f"Put account credit on invoice {invoice}?",
        facts=facts,
        button=f"Apply credit of up to {plain_money(most, currency)}",
        done="The credit is on the invoice.",
        consequence="The oldest credit is used first. No provider is asked, and nobody is told by e-mail.",
        refusal=refusal,
    )

    def act(amount: int, known_open: int | None) -> str:
        operations.apply_credit(
            invoice=invoice, amount=amount, at=timezone.now(), staff=staff, known_open=known_open
        )
        return f"{plain_money(amount, currency)} of account credit is on invoice {invoice}."

    initial = {"amount": most or None, "known_open": invoice.open_balance}
    form = ApplyForm(posted(request), currency=currency, initial=initial)
    return confirm(invoices, request, invoice, page, form=form, act=act)
