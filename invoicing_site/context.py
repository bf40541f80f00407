"""What every page may show around its content: the merchant, the test mode, the pages there are."""

from typing import Any, NamedTuple

from django.conf import settings
from django.http import HttpRequest
from django.urls import Resolver404, resolve
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext

from accounts.models import Organization

ACCOUNT_DEPTH = "/account/{number}/".count("/")


class Page(NamedTuple):
    """One entry of the navigation. `current` is the value of aria-current: page, true or nothing."""

    label: str
    address: str
    current: str


def site(request: HttpRequest) -> dict[str, Any]:
    """`merchant` (None before set-up), `merchant_name`, `is_test_mode` and `navigation`; read when used."""
    merchant = SimpleLazyObject(lambda: Organization.objects.first())
    return {
        "merchant": merchant,
        "merchant_name": SimpleLazyObject(lambda: str(merchant.name) if merchant else ""),
        "is_test_mode": settings.PAYMENTS == "sandbox",
        "navigation": SimpleLazyObject(lambda: navigation(request)),
    }


def navigation(request: HttpRequest) -> list[Page]:
    """The pages a signed-in reader can go to: those of the account they look at, as far as they exist."""
    if not request.user.is_authenticated:
        return []
    match = request.resolver_match
    number = match.kwargs.get("number") if match else None
    if number is None:
        return [_page(request, gettext("Account"), "/account/")]
    account = f"/account/{number}/"
    pages = [
        (gettext("Account"), account),
        (gettext("Invoices"), f"{account}invoices/"),
        (gettext("Payments"), f"{account}payments/"),
        (gettext("Statement"), f"{account}statement/"),
    ]
    if _is_admin(request):
        pages.append((gettext("Members"), f"{account}members/"))
    return [_page(request, label, address) for label, address in pages if _exists(address)]


def _is_admin(request: HttpRequest) -> bool:
    """Of the account whose page is shown; pages that say no show none."""
    account = getattr(request, "account", None)
    return account is not None and request.customer.is_admin_of(account.pk)  # type: ignore[attr-defined]


def _page(request: HttpRequest, label: str, address: str) -> Page:
    if request.path == address:
        return Page(label, address, "page")
    is_section = address.count("/") > ACCOUNT_DEPTH and request.path.startswith(address)
    return Page(label, address, "true" if is_section else "")


def _exists(address: str) -> bool:
    try:
        resolve(address)
    except Resolver404:
        return False
    return True
