"""What staff do with an invoice as a whole: issue a draft, discard it, cancel, duplicate."""

from functools import partial
from typing import Any
from uuid import UUID, uuid4

from django.contrib import admin
from django.forms import CharField, Form, HiddenInput, IntegerField, UUIDField
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from unfold.decorators import action
from unfold.enums import ActionVariant
from unfold.widgets import UnfoldAdminTextareaWidget

from accounts import operations as accounts
from accounts.admin.base import ReadOnlyAdmin, in_merchant_time, staff_of
from accounts.admin.bulk import Effect, Question, SeenForm, ask_many, choose, chosen
from accounts.admin.columns import link_to
from accounts.admin.confirming import Confirmation, ReasonForm, confirm, on_row, posted, refusal_of
from accounts.models import Account
from accounts.templatetags.wording import money, plain_money
from core.doors import pdf_file
from invoices import operations as invoices
from invoices.models import Invoice
from payments import operations
from payments.admin.mailing import sent_soon
from payments.admin.wording import before_after, summed

FOR_GOOD = "The number is given for good. Mistakes are corrected by a credit note."


class IssueForm(Form):
    """A reason where the account's credit does not suffice; what the draft was when the page was drawn."""

    override_reason = CharField(
        label="Reason to go over the credit limit",
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 2}),
        max_length=2000,
        required=False,
    )
    known_version = IntegerField(widget=HiddenInput(), required=False)


class DuplicateForm(Form):
    """Which form it is: sent twice, duplicated once."""

    form_key = UUIDField(widget=HiddenInput(), required=False)


class IssuingPages(ReadOnlyAdmin):
    """The pages that ask before, at their own addresses."""

    @action(description="Issue and send", icon="send", variant=ActionVariant.PRIMARY)
    @on_row
    def issue(self, request: HttpRequest, invoice: Invoice) -> HttpResponse:
        staff, account = staff_of(request), invoice.account
        refusal = refusal_of(lambda: invoices.issuable(invoice=invoice, staff=staff))
        effect = _issued(invoice)
        form = IssueForm(posted(request), initial={"known_version": invoices.version_of(invoice)})
        if effect["available_after"] >= 0:
            form.fields.pop("override_reason")
        page = Confirmation(
            question=f"Issue and send an invoice of {plain_money(invoice.total_amount, invoice.currency)}?",
            facts=(
                ("Account", link_to(account)),
                ("To", ", ".join(operations.recipients_of(account)) or "nobody: the account has no address"),
                ("Total", money(invoice.total_amount, invoice.currency)),
                ("Invoice date", _dated(invoice)),
                ("Due", invoice.due_date),
                ("Charged now", money(effect["charged"], invoice.currency)),
                ("Account balance", effect["balance"]),
                ("Preview", _preview_link(invoice)),
            ),
            consequence="The customer gets the PDF by e-mail in 30 seconds; until then the mail can be "
            f"stopped. {FOR_GOOD}",
            button=f"Issue {plain_money(invoice.total_amount, invoice.currency)}",
            done="",
            refusal=refusal,
        )

        def act(known_version: int | None, override_reason: str = "") -> str:
            made = invoices.issue_draft(
                invoice=invoice,
                at=timezone.now(),
                staff=staff,
                override_reason=override_reason,
                known_version=known_version,
            )
            return sent_soon(f"Invoice {made.number} is issued.", made)

        return confirm(self, request, invoice, page, form=form, act=act)

    @action(description="Discard draft", icon="delete")
    @on_row
    def discard(self, request: HttpRequest, invoice: Invoice) -> HttpResponse:
        staff = staff_of(request)
        page = Confirmation(
            question=f"Discard {invoice}?",
            facts=(
                ("Account", link_to(invoice.account)),
                ("Total", money(invoice.total_amount, invoice.currency)),
            ),
            consequence="Nothing was charged by it. It stays to be read, and cannot be issued any more.",
            button="Discard draft",
            done=f"{invoice} is discarded.",
            refusal=refusal_of(lambda: invoices.discardable(invoice=invoice, staff=staff)),
            is_danger=True,
        )
        return confirm(
            self,
            request,
            invoice,
            page,
            form=Form(posted(request)),
            act=lambda: invoices.discard_draft(invoice=invoice, at=timezone.now(), staff=staff),
        )

    @action(description="Duplicate", icon="content_copy")
    @on_row
    def duplicate(self, request: HttpRequest, invoice: Invoice) -> HttpResponse:
        staff = staff_of(request)
        page = Confirmation(
            question=f"Duplicate {invoice} as a draft?",
            facts=(
                ("Account", link_to(invoice.account)),
                ("Lines", invoice.line_items.count()),
                ("Total", money(invoice.total_amount, invoice.currency)),
            ),
            consequence="The draft has the same lines, as new charges, charged when it is issued.",
            button="Duplicate as draft",
            done="",
            refusal=refusal_of(lambda: invoices.may_draft(account=invoice.account, staff=staff)),
        )

        def act(form_key: UUID | None) -> Any:
            made = invoices.duplicate_invoice(
                invoice=invoice, at=timezone.now(), staff=staff, form_key=form_key
            )
            there = reverse("admin:invoices_invoice_change", args=[made.pk])
            return format_html('The draft is made: <a href="{}">{}</a>', there, made)

        form = DuplicateForm(posted(request), initial={"form_key": uuid4()})
        return confirm(self, request, invoice, page, form=form, act=act)

    @action(description="Cancel", icon="cancel")
    @on_row
    def cancel(self, request: HttpRequest, invoice: Invoice) -> HttpResponse:
        staff = staff_of(request)
        charges = invoice.line_items.live().exclude(account_line_item=None).count()
        page = Confirmation(
            question=f"Cancel invoice {invoice}?",
            facts=(
                ("Account", link_to(invoice.account)),
                ("Total", money(invoice.total_amount, invoice.currency)),
                ("Open balance", before_after(invoice.open_balance, 0, invoice.currency)),
                ("Charges that can be billed again", charges),
            ),
            consequence="The number stays, and the account owes its charges as before: they can be put on "
            "another invoice. To take charges off the account, write a credit note instead.",
            button=f"Cancel invoice {invoice}",
            done=f"Invoice {invoice} is cancelled.",
            refusal=refusal_of(lambda: invoices.cancellable(invoice=invoice, staff=staff)),
            is_danger=True,
        )
        return confirm(
            self,
            request,
            invoice,
            page,
            form=ReasonForm(posted(request)),
            act=lambda reason: invoices.cancel_invoice(
                invoice=invoice, at=timezone.now(), staff=staff, reason=reason
            ),
        )

    @on_row
    def preview(self, request: HttpRequest, invoice: Invoice) -> HttpResponse:
        """The PDF that a draft would become."""
        if invoice.status != Invoice.Status.DRAFT:
            return redirect("admin:invoices_invoice_change", invoice.pk)
        return pdf_file(invoices.preview_of(invoice, at=timezone.now()), f"draft-{invoice.pk}")

    # Several at once

    @admin.action(description="Issue and send…")
    def issue_many(self, request: HttpRequest, rows: Any) -> HttpResponse:
        return choose(self, request, rows, "issue_many")

    @in_merchant_time
    def issue_many_page(self, request: HttpRequest) -> HttpResponse:
        return _ask_to_issue(self, request)


def _ask_to_issue(pages: IssuingPages, request: HttpRequest) -> HttpResponse:
    staff = staff_of(request)
    asked = Invoice.objects.filter(pk__in=chosen(pages, request, "issue_many")).select_related("account")
    rows = list(asked.order_by("pk"))
    effects = [
        Effect(
            row=one,
            cells=(
                link_to(one),
                link_to(one.account),
                ", ".join(operations.recipients_of(one.account)) or "nobody",
                one.due_date,
                money(one.total_amount, one.currency),
            ),
            refusal=refusal_of(partial(invoices.issuable, invoice=one, staff=staff)),
        )
        for one in rows
    ]
    going = {one.row.pk for one in effects if not one.refusal}
    going_out = [(one.currency, one.total_amount) for one in rows if one.pk in going]
    question = Question(
        question=f"Issue and send {len(going)} invoices?",
        columns=("Draft", "Account", "To", "Due", "Total"),
        numbers=("Total",),
        effects=effects,
        button=f"Issue {len(going)} invoices",
        together=(f"Together {summed(going_out)}.",) if going else (),
        consequence=f"Each on its own: one that is refused stops no other. {FOR_GOOD}",
    )

    versions = {one.pk: invoices.version_of(one) for one in rows if one.pk in going}

    def act(row: Any, shown: str) -> str:
        made = invoices.issue_draft(
            invoice=row, at=timezone.now(), staff=staff, known_version=versions[row.pk]
        )
        return sent_soon(f"Issued as {made.number}.", made)

    form = SeenForm(posted(request) if going else None, rows=versions.items())
    return ask_many(pages, request, question, form=form, act=act)


def _dated(invoice: Invoice) -> str:
    """The date that the invoice gets; and what an earlier month's date changes."""
    today = timezone.localdate()
    on = invoice.asked_issue_date or today
    said = date_format(on, "j F Y")
    if (on.year, on.month) < (today.year, today.month):
        said += f": reports and the accounting export of {date_format(on, 'F Y')} change with it"
    return said


def _preview_link(invoice: Invoice) -> Any:
    page = reverse("admin:invoices_invoice_preview", args=[invoice.pk])
    return format_html('<a href="{}">Preview the PDF</a>', page)


def _issued(invoice: Invoice) -> dict[str, Any]:
    """What issuing charges, and what it does to the account."""
    account = Account.objects.get(pk=invoice.account_id)
    charged = sum(invoice.line_items.filter(account_line_item=None).values_list("amount", flat=True))
    worth = accounts.worth_in(charged, invoice.currency, account.currency, at=timezone.now())
    if worth is None:
        return {"charged": charged, "balance": "there is no exchange rate", "available_after": 0}
    after = account.balance_due + worth
    return {
        "charged": charged,
        "balance": before_after(account.balance_due, after, account.currency),
        "available_after": account.credit_limit - after,
    }
