"""The page on which staff record money that came in: a form, then what it will do in numbers, then done. It
works without a script."""

from collections.abc import Sequence
from datetime import date
from typing import Any, NamedTuple
from uuid import UUID, uuid4

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import F
from django.forms import (
    BooleanField,
    BoundField,
    CharField,
    ChoiceField,
    DateField,
    Form,
    HiddenInput,
    UUIDField,
)
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, QueryDict
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from unfold.widgets import (
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanWidget,
)

from accounts.admin.base import BackOfficeAdmin, staff_of
from accounts.admin.columns import link_to
from accounts.admin.confirming import METHODS, refusal_of
from accounts.models import Account
from accounts.querysets import parse_id
from accounts.templatetags.wording import money, plain_money, status
from core.doors import form_error
from core.errors import Conflict, Invalid, Refusal
from core.money import plain_number, read_amount
from invoices.models import Invoice
from payments import operations
from payments.admin.choosing import AccountField, account_named
from payments.admin.wording import ARROW, before_after, counted
from payments.models import BankLine, Payment, RecordedMethod
from payments.operations import Received, Share

RESOLVED = ("account", "form_key", "line", "method", "received_date", "reference", "currency", "note")
MOST = 100  # open invoices on one page: the oldest


class Row(NamedTuple):
    """An open invoice, and where to say how much of it was paid."""

    invoice: Invoice
    full: BoundField
    part: BoundField


class ChooseAccountForm(Form):
    """Whose money it is."""

    account = AccountField()
    line = CharField(widget=HiddenInput(), required=False)


class RecordForm(Form):
    """What came in, in major units, and what of it is put on which of the account's open invoices."""

    account = CharField(widget=HiddenInput(), required=False)
    form_key = UUIDField(widget=HiddenInput(), required=False)
    line = CharField(widget=HiddenInput(), required=False)
    method = ChoiceField(choices=RecordedMethod.choices, widget=UnfoldAdminSelectWidget())
    received_date = DateField(label="Date", widget=UnfoldAdminTextInputWidget(attrs={"type": "date"}))
    reference = CharField(
        label="Reference, such as the cheque's number",
        required=False,
        max_length=200,
        widget=UnfoldAdminTextInputWidget(attrs={"autofocus": True}),
    )
    currency = ChoiceField(widget=UnfoldAdminSelectWidget())
    amount = CharField(
        label="Amount",
        required=False,
        max_length=30,
        help_text="Empty: the sum of what is put on invoices. What no invoice takes becomes account credit.",
        widget=UnfoldAdminTextInputWidget(attrs={"inputmode": "decimal"}),
    )
    note = CharField(
        label="Note (optional)",
        required=False,
        max_length=2000,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 2}),
    )

    def __init__(
        self, data: QueryDict | None, *, invoices: Sequence[Invoice], account: Account, **more: Any
    ) -> None:
        super().__init__(data, **more)
        self.invoices = invoices
        asked = more.get("initial", {}).get("currency")
        # Most money is in the account's own currency: where an invoice is too, it stands first
        of_invoices = sorted((one.currency for one in invoices), key=lambda one: one != account.currency)
        found = dict.fromkeys((*([asked] if asked else ()), *of_invoices, account.currency))
        currency: Any = self.fields["currency"]
        currency.choices = [(one, one) for one in found]
        if len(found) == 1:
            currency.widget, currency.initial = HiddenInput(), account.currency
        for invoice in invoices:
            label = f"Pays invoice {invoice} in full"
            self.fields[f"full_{invoice.pk}"] = BooleanField(
                label=label, required=False, widget=UnfoldBooleanWidget(attrs={"aria-label": label})
            )
            label = f"Amount for invoice {invoice}"
            attrs = {"inputmode": "decimal", "aria-label": label}
            self.fields[f"part_{invoice.pk}"] = CharField(
                label=label,
                required=False,
                max_length=30,
                widget=UnfoldAdminTextInputWidget(attrs=attrs),
            )

    @property
    def main(self) -> list[BoundField]:
        own = {name for name in self.fields if name.startswith(("full_", "part_"))}
        return [field for field in self.visible_fields() if field.name not in own]

    @property
    def rows(self) -> list[Row]:
        return [Row(one, self[f"full_{one.pk}"], self[f"part_{one.pk}"]) for one in self.invoices]

    def received(self) -> Received:
        """What was typed, as the operation takes it. Refuses what cannot be read, naming the field."""
        given = self.cleaned_data
        currency = given["currency"]
        parts = [part for invoice in self.invoices if (part := self._part(invoice)) is not None]
        total = sum(part.amount for part in parts)
        amount = read_amount(given["amount"], currency) if given["amount"] else total
        return Received(
            method=given["method"],
            received_date=given["received_date"],
            currency=currency,
            amount=amount,
            parts=parts,
            reference=given["reference"],
            note=given["note"],
        )

    def _part(self, invoice: Invoice) -> Share | None:
        name = f"part_{invoice.pk}"
        if written := self.cleaned_data[name]:
            try:
                return Share(invoice, read_amount(written, invoice.currency))
            except Invalid as refusal:
                raise Invalid(refusal.message, field=name) from None
        return Share(invoice, invoice.open_balance) if self.cleaned_data[f"full_{invoice.pk}"] else None


def record_page(payments: BackOfficeAdmin, request: HttpRequest) -> HttpResponse:
    """Choose the account, write what came in, see what it does, and book it."""
    if not payments.has_view_permission(request):
        raise PermissionDenied
    if request.method not in METHODS:
        return HttpResponseNotAllowed(METHODS)
    asked = request.POST if request.method == "POST" else request.GET
    refusal = refusal_of(lambda: operations.may_record(staff_of(request)))
    invoice = Invoice.objects.filter(pk=parse_id(asked.get("invoice", ""))).first()
    account = invoice.account if invoice else account_named(asked.get("account", ""))
    if refusal or account is None:
        choose = ChooseAccountForm(initial={"line": asked.get("line", "")})
        return _show(payments, request, choose=choose, refusal=refusal)
    line = BankLine.objects.filter(pk=parse_id(asked.get("line", "")), amount__gt=0).first()
    form = RecordForm(
        request.POST if request.method == "POST" else None,
        invoices=_payable(account, request.POST, invoice),
        account=account,
        initial=_initial(account, invoice, line),
    )
    if request.method == "POST" and form.is_valid():
        return _answer(payments, request, account, form, line)
    return _show(payments, request, form=form, account=account)


def _payable(account: Account, posted: QueryDict, invoice: Invoice | None) -> list[Invoice]:
    """The account's invoices of which something is open, the one that was come from, and those that the form
    names even so: that one was paid meanwhile must be refused, not passed over."""
    ids = [parse_id(name.partition("_")[2]) for name in posted if name.startswith(("full_", "part_"))]
    if invoice is not None and invoice.status == Invoice.Status.SENT and invoice.open_balance > 0:
        ids.append(invoice.pk)
    rows = Invoice.objects.filter(account=account).order_by("due_date", "pk")
    still_open = rows.open().filter(total_amount__gt=F("paid_amount") + F("reserved_amount"))
    found = {one.pk: one for one in still_open[:MOST]}
    return list(found.values()) + list(rows.filter(pk__in=set(ids) - set(found))[:MOST])


def _initial(account: Account, invoice: Invoice | None, line: BankLine | None) -> dict[str, Any]:
    """Today's cheque, unless a line of a bank statement says otherwise."""
    initial: dict[str, Any] = {
        "account": account.number,
        "form_key": uuid4(),
        "method": RecordedMethod.CHECK,
        "received_date": timezone.localdate().isoformat(),
    }
    if line is not None:
        initial |= {
            "line": line.pk,
            "method": RecordedMethod.WIRE_TRANSFER,
            "received_date": line.day.isoformat(),
            "reference": line.reference[:200],
            "currency": line.currency,
            "amount": plain_number(line.amount, line.currency),
        }
    if invoice is not None and invoice.open_balance > 0:
        initial["currency"] = invoice.currency
        initial[f"part_{invoice.pk}"] = plain_number(invoice.open_balance, invoice.currency)
    return initial


def _answer(
    payments: BackOfficeAdmin, request: HttpRequest, account: Account, form: RecordForm, line: BankLine | None
) -> HttpResponse:
    """The question, or with its answer the booking."""
    staff, at = staff_of(request), timezone.now()
    step = request.POST.get("step", "")
    try:
        received = form.received()
        if step != "book":
            operations.require_recordable(account, received, at=at, staff=staff)
        else:
            if form.cleaned_data["line"] and line is None:
                raise Conflict("There is no such line of a bank statement")
            payment = _book(account, received, form, line, at=at, staff=staff)
            messages.success(request, _done(payment))
            if line is not None:
                return redirect("admin:payments_bankstatement_change", line.statement_id)
            return redirect("admin:payments_payment_change", payment.pk)
    except Refusal as refusal:
        form_error(form, refusal)
        return _show(payments, request, form=form, account=account)
    if step == "change":
        return _show(payments, request, form=form, account=account)
    return _show(payments, request, form=form, account=account, received=received)


def _book(
    account: Account, received: Received, form: RecordForm, line: BankLine | None, *, at: Any, staff: Any
) -> Payment:
    key: UUID | None = form.cleaned_data["form_key"]
    if line is None:
        return operations.record_payment(account=account, received=received, at=at, staff=staff, form_key=key)
    return operations.record_line(
        line=line, account=account, received=received, at=at, staff=staff, form_key=key
    )


def _done(payment: Payment) -> Any:
    undo = reverse("admin:payments_payment_undo_recording", args=[payment.pk])
    return format_html(
        '{} from {} is recorded. <a href="{}">Undo recording</a>',
        plain_money(payment.amount, payment.currency),
        payment.account,
        undo,
    )


def _show(
    payments: BackOfficeAdmin,
    request: HttpRequest,
    *,
    form: RecordForm | None = None,
    choose: ChooseAccountForm | None = None,
    account: Account | None = None,
    received: Received | None = None,
    refusal: str = "",
) -> HttpResponse:
    context = {
        **payments.admin_site.each_context(request),
        "title": "Record a payment",
        "form": form,
        "choose": choose,
        "account": account,
        "received": received,
        "facts": _facts(account, received) if account and received else [],
        "hidden": _resolved(form, received) if form and received else {},
        "button": f"Record {plain_money(received.amount, received.currency)}" if received else "",
        "refusal": refusal,
        "back": reverse("admin:payments_payment_changelist"),
        "media": payments.media + (form or choose).media if form or choose else payments.media,
    }
    wrong = bool(form and form.errors)
    return TemplateResponse(request, "admin/record.html", context, status=422 if wrong else 200)


def _resolved(form: RecordForm, received: Received) -> dict[str, Any]:
    """What the page says, to be sent by its button: amounts as numbers, not as `in full` of whatever is open
    by then."""
    given = {name: form.cleaned_data[name] or "" for name in RESOLVED}
    parts = {
        f"part_{part.invoice.pk}": plain_number(part.amount, received.currency) for part in received.parts
    }
    return given | parts | {"amount": plain_number(received.amount, received.currency)}


def _facts(account: Account, received: Received) -> list[tuple[str, Any]]:
    """Before → after, in money."""
    parts = [(part.invoice, part.amount) for part in received.parts]
    effect = operations.effect_of_paying(account, parts, received.left)
    paid = sum(one.becomes_paid for one in effect.invoices)
    facts: list[tuple[str, Any]] = [
        ("Account", link_to(effect.account)),
        ("Method", RecordedMethod(received.method).label),
        ("Came in on", _day(received.received_date)),
        ("Reference", received.reference or "–"),
        ("Amount", money(received.amount, received.currency)),
        ("Account balance", before_after(effect.balance_now, effect.balance_after, effect.account.currency)),
    ]
    for one in effect.invoices:
        moved = before_after(one.open_now, one.open_after, one.invoice.currency)
        word = "paid" if one.becomes_paid else "partly_paid"
        now = "partly_paid" if one.invoice.is_partly_paid else "open"
        told = format_html(ARROW, status(now), status(word)) if now != word else status(word)
        facts.append((f"Invoice {one.invoice}", format_html("{}<br>Open balance {}", told, moved)))
    if received.left:
        facts.append(("Kept as account credit", money(received.left, received.currency)))
    becomes = "becomes" if paid == 1 else "become"
    to = account.email or "nobody: the account has no e-mail address"
    facts.append(("Together", f"{counted(paid, 'invoice')} {becomes} paid. The receipt goes to {to}."))
    return facts


def _day(day: date) -> str:
    return f"{day.day} {day:%b %Y}"
