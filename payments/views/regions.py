"""Choosing which region's unpaid orders to pay."""

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from accounts.models import Account, Region
from accounts.querysets import parse_id
from core.doors import form_error
from core.errors import Conflict, Refusal
from payments import operations
from payments.forms import PayRegionForm
from payments.views.access import CustomerRequest, account_page, see_other, show


@require_http_methods(["GET", "HEAD", "POST"])
@account_page(may="pay_invoice", is_own_enough=False)
def choose_region(request: CustomerRequest, account: Account) -> HttpResponse:
    """The region page; posting it bills the ticked orders and goes on to their payment."""
    choose = parse_id(request.GET.get("choose", ""))
    tick_none = request.GET.get("select") == "none"
    if request.method != "POST":
        form = PayRegionForm(account=account, choose=choose, tick_none=tick_none)
        return _page(request, account, form)
    form = PayRegionForm(request.POST, account=account, choose=choose)
    if form.is_valid():
        try:
            collection = operations.start_payment(
                account=account,
                region=_region(form),
                line_item_ids=form.cleaned_data["line_item_ids"],
                form_key=form.cleaned_data["form_key"],
                at=timezone.now(),
                by=request.customer.actor,
            )
        except Refusal as refusal:
            form_error(form, refusal)
            form.was_taken = isinstance(refusal, Conflict)
        else:
            return see_other(request, reverse("pay", args=[account.number, collection.pk]))
    return _page(request, account, form, status=422)


def _region(form: PayRegionForm) -> Region:
    region = Region.objects.filter(pk=form.cleaned_data["region"]).first()
    if region is None:
        raise Refusal(_("Region not found"), field="region")
    return region


def _page(
    request: CustomerRequest, account: Account, form: PayRegionForm, *, status: int = 200
) -> HttpResponse:
    return show(request, "payments/choose_region.html", {"account": account, "form": form}, status=status)


@require_POST
@account_page(may="pay_invoice", is_own_enough=False)
def selected_sum(request: CustomerRequest, account: Account) -> HttpResponse:
    """The fragment that says how much is ticked in the chosen region."""
    form = PayRegionForm(request.POST, account=account, choose=parse_id(request.POST.get("region", "")))
    chosen = next((one for one in form.regions if one.is_checked), None)
    return render(request, "payments/_selected_sum.html", {"region": chosen, "is_answer": True})
