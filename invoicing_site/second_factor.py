"""Staff reach nothing with a password alone: first the second factor is set up, then it is shown."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

from allauth.account.authentication import get_authentication_records
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.urls import reverse

from invoicing_site.middleware import PROGRAMS

WAYS_OUT = ("account_logout", "admin:logout")
SET_UP = ("mfa_activate_totp", "account_reauthenticate")
SHOW = ("mfa_reauthenticate",)  # asks for a code, never for the password alone


def second_factors(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable:
    """A session of staff is worth nothing until it has shown the second factor that its owner has now. Every
    other page leads to where that is done, the pages of recovery codes too. Off while settings.SECOND_FACTOR
    is: for a demo on this machine."""

    def middleware(request: HttpRequest) -> HttpResponse:
        return get_response(request)

    def process_view(request: HttpRequest, *view: Any) -> HttpResponse | None:
        if not settings.SECOND_FACTOR or settings.SESSION_COOKIE_NAME not in request.COOKIES:
            return None
        is_program = request.path.startswith(PROGRAMS)
        if is_program and "Authorization" in request.headers:
            return None  # the cookie counts for nothing there
        if not request.user.is_authenticated or not request.user.is_staff:
            return None
        factors = dict(Authenticator.objects.filter(user=request.user).values_list("pk", "type"))
        if _shown(request) & set(factors):
            return None
        has_one = Authenticator.Type.TOTP in factors.values()
        name = request.resolver_match.view_name if request.resolver_match else ""
        if name in (*WAYS_OUT, *(SHOW if has_one else SET_UP)):
            return None
        return _refused() if is_program else _led_on(request, (SHOW if has_one else SET_UP)[0])

    middleware.process_view = process_view  # type: ignore[attr-defined]
    return middleware


def _shown(request: HttpRequest) -> set[int]:
    """The second factors that this session has shown."""
    records = get_authentication_records(request, request.user)
    return {record["id"] for record in records if record["method"] == "mfa"}


def _led_on(request: HttpRequest, name: str) -> HttpResponse:
    there = request.get_full_path() if request.method == "GET" else reverse("admin:index")
    address = f"{reverse(name)}?{urlencode({'next': there})}"
    if "HX-Request" in request.headers:
        return HttpResponse(headers={"HX-Redirect": address})
    return HttpResponseRedirect(address)


def _refused() -> HttpResponse:
    error = {"message": "Show your second factor first", "extensions": {"code": "FORBIDDEN"}}
    return JsonResponse({"errors": [error]}, status=HTTPStatus.FORBIDDEN)
