"""Who may open which page: every address carries the account's number, and a foreign number is simply not
found. Who lacks a right is told whom to ask."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import render

from accounts.models import Account, Customer, Membership, Organization
from core.errors import NotFound

Page = Callable[..., HttpResponseBase]
SEE_OTHER = 303


class CustomerRequest(HttpRequest):
    """A request as the middleware hands it on."""

    customer: Customer


def signed_in_page(view: Page) -> Page:
    """A page for a customer: nobody keeps a copy of it, so Back asks the server again."""

    @wraps(view)
    def door(request: CustomerRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        bool(request.customer)  # refuses who is not signed in
        response = view(request, *args, **kwargs)
        response["Cache-Control"] = "no-store"
        return response

    return door


def account_page(may: str = "", *, is_own_enough: bool = True) -> Callable[[Page], Page]:
    """A page of one account, for members whose role allows `may` there (all members without one), be it on
    their own part alone where the page shows no more than that; the others get the explaining page."""

    def decorate(view: Page) -> Page:
        @signed_in_page
        @wraps(view)
        def door(request: CustomerRequest, number: str, **kwargs: Any) -> HttpResponseBase:
            account = Account.objects.of_member(request.customer).filter(number=number).first()
            if account is None:
                raise NotFound("Account not found")
            allowed = request.customer.may_some if is_own_enough else request.customer.may
            if may and not allowed(may, account_id=account.pk):
                return no_rights(request, account, may=may, **kwargs)
            return view(request, account=account, **kwargs)

        return door

    return decorate


def no_rights(request: CustomerRequest, account: Account, *, may: str, **named: Any) -> HttpResponse:
    """Who can: the page for a colleague whose role does not reach this far."""
    context = {
        "account": account,
        "is_paying": may == "pay_invoice",
        "may_read": request.customer.may_some("get_invoices", account_id=account.pk),
        "invoice_id": named.get("pk") if may == "pay_invoice" else None,
        "admins": admins_of(account),
    }
    return show(request, "payments/no_rights.html", context, status=403)


def admins_of(account: Account) -> list[Membership]:
    """Whom a colleague can ask."""
    return list(Membership.objects.admins_of(account.pk))


def show(
    request: CustomerRequest, template: str, context: dict[str, Any], *, status: int = 200
) -> HttpResponse:
    """A whole page in the frame, which names the merchant."""
    merchant = context.get("merchant") or Organization.objects.get()
    frame = {
        "merchant": merchant,
        "merchant_name": merchant.name,
        "has_other_accounts": len(request.customer.memberships) > 1,
    }
    return render(request, template, {**frame, **context}, status=status)


def see_other(request: CustomerRequest, address: str) -> HttpResponse:
    """Go on at another address with GET; a script is told where to."""
    if request.headers.get("HX-Request"):
        return HttpResponse(status=204, headers={"HX-Redirect": address})
    return HttpResponseRedirect(address, status=SEE_OTHER)
