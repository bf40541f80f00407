"""Which page of an account a role opens: who lacks the right is told whom to ask. What knows only accounts
stands in `accounts/views/access.py`."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpResponse
from django.http.response import HttpResponseBase

from accounts.models import Account
from accounts.views.access import (
    CustomerRequest,
    Page,
    account_of,
    admins_of,
    see_other,
    show,
    signed_in_page,
)

__all__ = [
    "CustomerRequest",
    "account_page",
    "admins_of",
    "no_rights",
    "see_other",
    "show",
    "signed_in_page",
]


def account_page(may: str = "", *, is_own_enough: bool = True) -> Callable[[Page], Page]:
    """A page of one account, for members whose role allows `may` there (all members without one), be it on
    their own part alone where the page shows no more than that; the others get the explaining page."""

    def decorate(view: Page) -> Page:
        @signed_in_page
        @wraps(view)
        def door(request: CustomerRequest, number: str, **kwargs: Any) -> HttpResponseBase:
            account = account_of(request, number)
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
