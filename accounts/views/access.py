"""Who may open which page: every address carries the account's number, and a foreign number is simply not
found. Who lacks a right is told whom to ask."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import render

from accounts.models import Account, Customer, Membership, Organization
from core.errors import NotFound, Unauthenticated

Page = Callable[..., HttpResponseBase]
SEE_OTHER = 303


class CustomerRequest(HttpRequest):
    """A request as the middleware hands it on, and the account whose page is shown."""

    customer: Customer
    account: Account | None


def signed_in_page(view: Page) -> Page:
    """A page for a customer: nobody keeps a copy of it, so Back asks the server again."""

    @wraps(view)
    def door(request: CustomerRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        bool(request.customer)  # refuses who is not signed in
        response = view(request, *args, **kwargs)
        response["Cache-Control"] = "no-store"
        return response

    return door


def account_of(request: CustomerRequest, number: str) -> Account:
    """The account in the address. Refuses a foreign and a random number alike."""
    account = Account.objects.of_member(request.customer).filter(number=number).first()
    if account is None:
        raise NotFound("Account not found")
    return account


def admin_page(view: Page) -> Page:
    """A page for the Admins of one account; the others are told who they are. Programs have no business
    here: a token that was taken must not become a member."""

    @signed_in_page
    @wraps(view)
    def door(request: CustomerRequest, number: str, **kwargs: Any) -> HttpResponseBase:
        if request.customer.token is not None:
            raise Unauthenticated
        account = account_of(request, number)
        if not request.customer.is_admin_of(account.pk):
            context = {"account": account, "admins": admins_of(account)}
            return show(request, "members/no_rights.html", context, status=403)
        return view(request, account=account, **kwargs)

    return door


def admins_of(account: Account) -> list[Membership]:
    """Whom a colleague can ask."""
    return list(Membership.objects.admins_of(account.pk))


def show(
    request: CustomerRequest, template: str, context: dict[str, Any], *, status: int = 200
) -> HttpResponse:
    """A whole page in the frame, which names the merchant."""
    request.account = context.get("account")
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
