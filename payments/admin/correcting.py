"""Credit notes and write-offs: the pages that ask before, and their lists."""

from typing import Any

from django.contrib import admin
from django.forms import BooleanField, CharField, Form, HiddenInput, IntegerField
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from unfold.decorators import action
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldBooleanSwitchWidget

from accounts.admin.amounts import AmountField, AmountForm
from accounts.admin.base import ReadOnlyAdmin, ReadOnlyInline, staff_of
from accounts.admin.columns import account_column, link_column, link_to, money_column, tag, value_column
from accounts.admin.confirming import Confirmation, ReasonForm, confirm, on_row, posted, refusal_of
from accounts.admin.currencies import CurrencyFilter
from accounts.templatetags.wording import money, plain_money
from core.errors import Conflict
from invoices import operations as invoices
from invoices.models import CreditNote, CreditNoteLine, Invoice
from payments import operations
from payments.admin.ledger import AllocationInline, CreditInline
from payments.admin.mailing import MailingPages, sent_soon
from payments.admin.rates import CreditedRateFilter
from payments.admin.typing_again import ask_again
from payments.admin.wording import before_after, owed_again
from payments.models import WriteOff


class CreditForm(Form):
    """How much is taken off each line, tax included, in major units; why; and what becomes of it."""

    def __init__(self, data: Any, *, invoice: Invoice, left: int) -> None:
        super().__init__(data)
        for line in invoices.creditable_lines(invoice):
            rest = invoices.left_of_line(line)
            if rest <= 0:
                continue
            self.fields[f"line_{line.pk}"] = AmountField(
                label=line.description,
                currency=invoice.currency,
                required=False,
                help_text=f"At most {plain_money(rest, invoice.currency)}, tax included.",
            )
        self.fields["is_whole"] = BooleanField(
            label="Credit all that is left of the invoice", required=False, widget=UnfoldBooleanSwitchWidget()
        )
        self.fields["is_kept"] = BooleanField(
            label="Keep it as account credit",
            required=False,
            widget=UnfoldBooleanSwitchWidget(),
            help_text="Otherwise it is put on the invoice, as far as that is open.",
        )
        self.fields["reason"] = CharField(
            label="Reason",
            max_length=2000,
            widget=UnfoldAdminTextareaWidget(attrs={"rows": 2}),
            help_text="The customer reads it on the credit note.",
        )
        self.fields["known_left"] = IntegerField(widget=HiddenInput(), required=False, initial=left)


class WriteOffForm(AmountForm, ReasonForm):
    """What will not be paid, and why; and what was open when the page was drawn."""

    known_open = IntegerField(widget=HiddenInput(), required=False)


class CorrectingPages(ReadOnlyAdmin):
    """The pages of an invoice that ask before it is corrected."""

    @action(description="Credit", icon="remove_circle")
    @on_row
    def credit(self, request: HttpRequest, invoice: Invoice) -> HttpResponse:
        staff, currency = staff_of(request), invoice.currency
        left = operations.left_to_correct(invoice)
        page = Confirmation(
            question=f"Credit invoice {invoice}?",
            facts=(
                ("Account", link_to(invoice.account)),
                ("Total", money(invoice.total_amount, currency)),
                ("Open balance", money(invoice.open_balance, currency)),
                ("Can still be credited", money(left, currency)),
                *_if_all(invoice, left),
            ),
            consequence="The credit note gets a number of its own and goes to the customer by e-mail "
            "in 30 seconds; until then the mail can be stopped. The credit note cannot be taken back.",
            button="Write the credit note",
            done="",
            refusal=refusal_of(lambda: operations.creditable(invoice=invoice, staff=staff)),
            is_danger=True,
        )

        def act(
            reason: str,
            is_kept: bool,
            is_whole: bool,
            known_left: int | None,
            confirmed_amount: int | None = None,
            **given: Any,
        ) -> str:
            note = operations.credit_invoice(
                invoice=invoice,
                amounts=_whole(invoice) if is_whole else _amounts(given),
                reason=reason,
                at=timezone.now(),
                staff=staff,
                is_kept=is_kept,
                known_left=known_left,
                confirmed_amount=confirmed_amount,
            )
            said = f"Credit note {note.number} over {plain_money(note.total_amount, currency)} is written."
            return sent_soon(said, note)

        form = CreditForm(posted(request), invoice=invoice, left=left)
        ask_again(form, below="is_whole", most=left, currency=currency)
        return confirm(self, request, invoice, page, form=form, act=act)

    @action(description="Write off", icon="money_off")
    @on_row
    def write_off(self, request: HttpRequest, invoice: Invoice) -> HttpResponse:
        staff, currency, open_now = staff_of(request), invoice.currency, invoice.open_balance
        refusal = refusal_of(lambda: operations.can_write_off(invoice=invoice, staff=staff))
        facts = [
            ("Account", link_to(invoice.account)),
            ("Open balance", money(open_now, currency)),
        ]
        if not refusal:
            most = operations.left_to_write_off(invoice)
            effect = operations.effect_of_settling(invoice, most)
            moved = before_after(effect.balance_now, effect.balance_after, effect.account.currency)
            facts += [
                ("Can be written off", money(most, currency)),
                ("Account balance, if all of it is written off", moved),
            ]
        page = Confirmation(
            question=f"Write off what is open of invoice {invoice}?",
            facts=facts,
            consequence="The invoice counts as settled by as much. Undone, it is open again.",
            button="Write off",
            done=f"It is written off on invoice {invoice}.",
            refusal=refusal,
            is_danger=True,
        )
        form = WriteOffForm(posted(request), currency=currency, initial={"known_open": open_now})
        form.fields["amount"].help_text = "Type what will not be paid."
        ask_again(form, below="amount", most=open_now, currency=currency)

        def act(**given: Any) -> None:
            operations.write_off(invoice=invoice, at=timezone.now(), staff=staff, **given)

        return confirm(self, request, invoice, page, form=form, act=act)


def _if_all(invoice: Invoice, left: int) -> list[tuple[str, Any]]:
    """Before → after, in money, if all that is left is credited."""
    try:
        effect = operations.effect_of_crediting(invoice, left)
    except Conflict:
        return []
    (one,) = effect.invoices
    moved = before_after(effect.balance_now, effect.balance_after, effect.account.currency)
    facts: list[tuple[str, Any]] = [
        ("Open balance, if all is credited", before_after(one.open_now, one.open_after, invoice.currency)),
        ("Account balance, if all is credited", moved),
    ]
    if effect.credit:
        facts.append(("Kept as account credit then", money(effect.credit, invoice.currency)))
    return facts


def _whole(invoice: Invoice) -> dict[int, int]:
    lines = invoices.creditable_lines(invoice)
    return {line.pk: rest for line in lines if (rest := invoices.left_of_line(line)) > 0}


def _amounts(given: dict[str, int | None]) -> dict[int, int]:
    """Minor units by line."""
    return {int(name.removeprefix("line_")): minor for name, minor in given.items() if minor is not None}


class CreditNoteLineInline(ReadOnlyInline):
    model = CreditNoteLine
    fields = readonly_fields = ("line", "net_money", "tax_money", "amount_money")
    verbose_name_plural = "Lines"
    line = value_column("invoice_line", "Line")
    net_money = money_column("net_amount", "Net", currency="credit_note__currency")
    tax_money = money_column("tax_amount", "Tax", currency="credit_note__currency")
    amount_money = money_column("amount", "Amount", currency="credit_note__currency")

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("invoice_line", "credit_note")


class CreditNoteInline(ReadOnlyInline):
    model = CreditNote
    fields = readonly_fields = ("created_at", "note_link", "total_money", "reason", "staff")
    verbose_name_plural = "Credit notes"
    total_money = money_column("total_amount", "Amount")

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("staff")

    @admin.display(description="Number")
    def note_link(self, note: CreditNote) -> Any:
        return link_to(note)


class WriteOffInline(ReadOnlyInline):
    model = WriteOff
    fields = readonly_fields = ("created_at", "row_link", "amount_money", "reason", "staff", "undone_at")
    verbose_name_plural = "Write-offs"
    amount_money = money_column("amount", "Amount")

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("staff", "invoice")

    @admin.display(description="Write-off")
    def row_link(self, row: WriteOff) -> Any:
        return link_to(row, f"Write-off {row.pk}")


@admin.register(CreditNote)
class CreditNoteAdmin(MailingPages):
    list_display = ("number", "issue_date", "of_account", "invoice_link", "total_money", "reason", "staff")
    list_select_related = ("account", "invoice", "staff")
    list_filter = (CurrencyFilter, CreditedRateFilter, "issue_date")
    search_fields = ("number", "invoice__number", "account__number", "account__company_name", "reason")
    search_help_text = "Number, invoice, account or company"
    fields = (
        ("number", "issue_date", "created_at"),
        ("of_account", "invoice_link", "total_money"),
        ("staff", "reason"),
        "mail",
        "snapshot_hash",
    )
    inlines = (CreditNoteLineInline, AllocationInline, CreditInline)
    actions_detail = ("download_pdf", "send_again", "stop_mail")
    of_account = account_column()
    invoice_link = link_column("invoice", "Invoice", ordering="invoice__number")
    total_money = money_column("total_amount", "Total")


@admin.register(WriteOff)
class WriteOffAdmin(ReadOnlyAdmin):
    list_display = ("date", "of_account", "invoice_link", "amount_money", "reason", "staff", "state")
    list_select_related = ("invoice__account", "staff")
    list_filter = (CurrencyFilter, "created_at")
    search_fields = ("invoice__number", "invoice__account__company_name", "reason")
    search_help_text = "Invoice, company or reason"
    fields = (
        ("created_at", "of_account", "invoice_link"),
        ("amount_money", "state", "undone_at"),
        ("staff", "reason"),
    )
    inlines = (AllocationInline,)
    actions_detail = ("undo",)
    ordering = ("-id",)
    date = value_column("created_at", "Date")
    of_account = account_column("invoice__account")
    invoice_link = link_column("invoice", "Invoice", ordering="invoice__number")
    amount_money = money_column("amount", "Amount")

    @admin.display(description="State")
    def state(self, row: WriteOff) -> Any:
        return tag("Undone") if row.undone_at else tag("Written off", "warning")

    @action(description="Undo", icon="undo")
    @on_row
    def undo(self, request: HttpRequest, row: WriteOff) -> HttpResponse:
        staff, invoice, currency = staff_of(request), row.invoice, row.currency
        effect = operations.effect_of_settling(invoice, -row.amount)
        (one,) = effect.invoices
        page = Confirmation(
            question=f"Undo the write-off of {plain_money(row.amount, currency)}?",
            facts=(
                ("Account", link_to(invoice.account)),
                (f"Open balance of {invoice}", before_after(one.open_now, one.open_after, currency)),
                (
                    "Account balance",
                    before_after(effect.balance_now, effect.balance_after, effect.account.currency),
                ),
                *owed_again(effect),
            ),
            consequence="The invoice can be paid again. Both entries stay.",
            button=f"Undo {plain_money(row.amount, currency)}",
            done=f"{plain_money(row.amount, currency)} of invoice {invoice} is open again.",
            refusal=refusal_of(lambda: operations.can_undo_write_off(row=row, staff=staff)),
            is_danger=True,
        )
        return confirm(
            self,
            request,
            row,
            page,
            form=ReasonForm(posted(request)),
            act=lambda reason: operations.undo_write_off(
                row=row, reason=reason, at=timezone.now(), staff=staff
            ),
        )
