"""Writing a draft: for which account and region, over which charges, with which lines of its own."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any
from uuid import uuid4

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.forms import (
    BaseFormSet,
    CharField,
    DateField,
    DecimalField,
    Form,
    HiddenInput,
    IntegerField,
    ModelChoiceField,
    UUIDField,
    formset_factory,
)
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from unfold.decorators import action
from unfold.enums import ActionVariant
from unfold.widgets import (
    UnfoldAdminDecimalFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from accounts.admin.base import ReadOnlyAdmin, SelectById, in_merchant_time, staff_of
from accounts.admin.columns import price
from accounts.admin.confirming import on_row, posted, refusal_of
from accounts.models import Account, AccountLineItem, Organization, Region
from accounts.querysets import parse_id
from core.errors import Invalid, Refusal
from core.money import format_minor, places
from invoices import operations as invoices
from invoices.models import Invoice
from invoices.operations import Draft, FreeLine
from invoices.operations.drafting import DRAFT

MOST_CHARGES = 1_000  # on one invoice


class ForWhomForm(Form):
    """Whom the draft is for, and in which region's currency."""

    account = ModelChoiceField(
        Account.objects.all(),
        widget=SelectById(Invoice._meta.get_field("account"), admin.site),
        error_messages={"invalid_choice": "Choose an account"},
    )
    region = ModelChoiceField(Region.objects.all(), widget=UnfoldAdminSelectWidget())


class DraftForm(Form):
    """What a draft says besides its lines. Empty dates follow when it is issued."""

    title = CharField(max_length=300, required=False, widget=UnfoldAdminTextInputWidget())
    issue_date = DateField(
        label="Invoice date",
        required=False,
        widget=UnfoldAdminTextInputWidget(attrs={"type": "date"}),
        help_text="Empty: the day on which it is issued. A date in an earlier month changes its reports.",
    )
    due_date = DateField(
        required=False,
        widget=UnfoldAdminTextInputWidget(attrs={"type": "date"}),
        help_text="Empty: by the account's payment terms.",
    )
    notes = CharField(
        required=False,
        max_length=5000,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
        help_text="Printed below the totals.",
    )
    seen_total = IntegerField(required=False, widget=HiddenInput())
    known_version = IntegerField(required=False, widget=HiddenInput())
    form_key = UUIDField(required=False, widget=HiddenInput())


class LineForm(Form):
    """A line that is not charged yet; wholly empty, it is left out."""

    description = CharField(max_length=300, required=False, widget=UnfoldAdminTextInputWidget())
    quantity = DecimalField(
        max_digits=12, decimal_places=3, required=False, widget=UnfoldAdminDecimalFieldWidget()
    )
    unit_price = DecimalField(
        max_digits=15, decimal_places=4, required=False, widget=UnfoldAdminDecimalFieldWidget()
    )
    tax_rate = DecimalField(
        max_digits=6, decimal_places=3, required=False, widget=UnfoldAdminDecimalFieldWidget()
    )

    def __init__(self, *args: Any, tax_rate: Decimal, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["tax_rate"].initial = f"{tax_rate.normalize():f}"
        self.fields["quantity"].initial = 1

    @property
    def is_empty(self) -> bool:
        given = self.cleaned_data
        return not given.get("description") and given.get("unit_price") is None


LineFormSet = formset_factory(LineForm, extra=3, absolute_max=1_000, max_num=1_000)


class DraftingPages(ReadOnlyAdmin):
    """The pages on which a draft is written."""

    @action(description="Draft an invoice", icon="edit_document", variant=ActionVariant.PRIMARY)
    @in_merchant_time
    def draft(self, request: HttpRequest) -> HttpResponse:
        """First for whom, then what. Both stand in the address, so that a link can say them."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        chosen = ForWhomForm(request.GET if {"account", "region"} <= request.GET.keys() else None)
        if chosen.is_bound and chosen.is_valid():
            account, region = chosen.cleaned_data["account"], chosen.cleaned_data["region"]
            return _write(self, request, Invoice(account=account, region=region, currency=region.currency))
        if not chosen.is_bound:
            chosen = ForWhomForm(initial=_known(request))
        refusal = "" if staff_of(request).has_perm(DRAFT) else NO_DRAFTING
        context = _context(self, request, "Draft an invoice", form=chosen, refusal=refusal)
        return TemplateResponse(request, "admin/draft_for.html", context)

    @action(description="Edit draft", icon="edit")
    @on_row
    def edit(self, request: HttpRequest, invoice: Invoice) -> HttpResponse:
        return _write(self, request, invoice)


NO_DRAFTING = "Your role does not allow this. Clerks and Owners write drafts."


def _known(request: HttpRequest) -> dict[str, Any]:
    """What the address says already: a link from an account names it."""
    account = Account.objects.filter(pk=parse_id(request.GET.get("account", ""))).first()
    regions = Region.objects.all()[:2]
    return {"account": account, "region": regions[0] if len(regions) == 1 else None}


def _write(pages: DraftingPages, request: HttpRequest, invoice: Invoice) -> HttpResponse:
    """The page of one draft, new or known: GET shows it, POST saves it whole or says what is wrong."""
    staff = staff_of(request)
    refusal = refusal_of(
        (lambda: invoices.discardable(invoice=invoice, staff=staff))
        if invoice.pk
        else (lambda: invoices.may_draft(account=invoice.account, staff=staff))
    )
    form = DraftForm(posted(request), initial=_said(invoice))
    lines = LineFormSet(
        posted(request),
        prefix="lines",
        initial=_lines(invoice),
        form_kwargs={"tax_rate": Organization.objects.get().tax_rate},
    )
    if request.method == "POST" and refusal:
        messages.error(request, refusal)
        return redirect(request.get_full_path())
    if request.method == "POST" and form.is_valid() and lines.is_valid():
        made = _save(request, invoice, form, lines)
        if made is not None:
            return _saved(request, made, form)
    charges, held = _charges(invoice), _held(request, invoice)
    context = _context(
        pages,
        request,
        f"{invoice} for {invoice.account}" if invoice.pk else f"Draft for {invoice.account}",
        form=form,
        lines=lines,
        row=invoice,
        back=invoice.pk and reverse("admin:invoices_invoice_change", args=[invoice.pk]),
        charges=[(one, str(one.pk) in held) for one in charges],
        places=places(invoice.currency),
        refusal=refusal,
    )
    is_wrong = request.method == "POST"
    return TemplateResponse(request, "admin/draft.html", context, status=422 if is_wrong else 200)


def _save(request: HttpRequest, invoice: Invoice, form: DraftForm, lines: BaseFormSet) -> Invoice | None:
    """Save what was written; None when it was refused, with the reason beside its field."""
    written = [one for one in lines.forms if not one.is_empty]
    given = form.cleaned_data
    draft = Draft(
        line_item_ids=[pk for one in request.POST.getlist("charges") if (pk := parse_id(one))],
        lines=[_free_line(one.cleaned_data) for one in written],
        title=given["title"],
        notes=given["notes"],
        issue_date=given["issue_date"],
        due_date=given["due_date"],
    )
    at, staff = timezone.now(), staff_of(request)
    try:
        if not invoice.pk:
            account, region, key = invoice.account, invoice.region, given["form_key"]
            return invoices.create_draft(
                account=account, region=region, draft=draft, at=at, staff=staff, form_key=key
            )
        known = given["known_version"]
        return invoices.edit_draft(invoice=invoice, draft=draft, at=at, staff=staff, known_version=known)
    except Refusal as refusal:
        _tell(refusal, form, written)
        return None


def _tell(refusal: Refusal, form: DraftForm, written: Sequence[Form]) -> None:
    """A refusal beside the field at fault: `lines.2.quantity` is of the third line."""
    where, _, rest = refusal.field.partition(".")
    position, _, name = rest.partition(".")
    if isinstance(refusal, Invalid) and where == "lines" and position:
        written[int(position)].add_error(name, refusal.message)
    form.add_error(refusal.field if refusal.field in form.fields else None, refusal.message)


def _free_line(given: dict[str, Any]) -> FreeLine:
    """Without a quantity it is one, without a rate no tax."""
    quantity, price, rate = given.get("quantity"), given.get("unit_price"), given.get("tax_rate")
    return FreeLine(
        given.get("description") or "",
        Decimal(1) if quantity is None else quantity,
        Decimal(0) if price is None else price,
        Decimal(0) if rate is None else rate,
    )


def _saved(request: HttpRequest, made: Invoice, form: DraftForm) -> HttpResponse:
    total, seen = format_minor(made.total_amount, made.currency), form.cleaned_data["seen_total"]
    if seen is not None and seen != made.total_amount:
        shown = format_minor(seen, made.currency)
        messages.warning(request, f"The total is {total}. While you wrote, the page showed {shown}.")
    messages.success(request, f"{made} over {total} is saved.")
    page = "issue" if "and_issue" in request.POST else "change"
    return redirect(f"admin:invoices_invoice_{page}", made.pk)


def _said(invoice: Invoice) -> dict[str, Any]:
    if not invoice.pk:
        return {"form_key": uuid4()}
    return {
        "title": invoice.title,
        "notes": invoice.notes,
        "issue_date": invoice.asked_issue_date,
        "due_date": invoice.asked_due_date,
        "known_version": invoices.version_of(invoice),
    }


def _lines(invoice: Invoice) -> list[dict[str, Any]]:
    """The lines of its own that a draft has."""
    if not invoice.pk:
        return []
    return [
        {
            "description": line.description,
            "quantity": f"{line.quantity.normalize():f}",
            "unit_price": price(line.unit_price),
            "tax_rate": f"{line.tax_rate.normalize():f}",
        }
        for line in invoice.line_items.filter(account_line_item=None).order_by("pk")
    ]


def _charges(invoice: Invoice) -> list[AccountLineItem]:
    """What could stand on it: charges of its region that are on no invoice, oldest first."""
    free = AccountLineItem.objects.unbilled().filter(account=invoice.account, region=invoice.region)
    return list(free.order_by("created_at", "pk")[:MOST_CHARGES])


def _held(request: HttpRequest, invoice: Invoice) -> set[str]:
    """Which charges are ticked: those that were sent, those on the draft, or at first all."""
    if request.method == "POST":
        return set(request.POST.getlist("charges"))
    if invoice.pk:
        held = invoice.line_items.exclude(account_line_item=None).values_list("account_line_item", flat=True)
        return {str(pk) for pk in held}
    return {str(one.pk) for one in _charges(invoice)}


def _context(pages: ReadOnlyAdmin, request: HttpRequest, title: str, **more: Any) -> dict[str, Any]:
    return {
        **pages.admin_site.each_context(request),
        "title": title,
        "rows_name": pages.opts.verbose_name_plural,
        "rows_address": reverse("admin:invoices_invoice_changelist"),
        **more,
    }
