"""Pages that say no: a refusal in words, with who can help, and the way on."""

from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext

from accounts.models import Membership
from core.errors import Forbidden, NotFound, RateLimited, Refusal, Unauthenticated


def refused(request: HttpRequest, refusal: Refusal) -> HttpResponse:
    """The one translation of a refusal that a view let through."""
    match refusal:
        case Unauthenticated():
            return to_sign_in(request)
        case NotFound():
            return not_found(request, refusal)
        case RateLimited():
            page = _page(request, "429.html", HTTPStatus.TOO_MANY_REQUESTS, {"reason": refusal.message})
            if refusal.retry_after:
                page["Retry-After"] = str(refusal.retry_after)
            return page
        case Forbidden():
            return forbidden(request, refusal)
    return _page(request, "403.html", HTTPStatus.CONFLICT, {"reason": refusal.message})


def to_sign_in(request: HttpRequest) -> HttpResponse:
    """Sign in and come back to the page the reader sees; htmx is told to load the whole page."""
    answer = redirect_to_login(_page_seen(request))
    if "HX-Request" in request.headers:
        return HttpResponse(headers={"HX-Redirect": answer.url})
    return answer


def _page_seen(request: HttpRequest) -> str:
    """The address in the reader's browser: not that of a form's POST or of a fragment."""
    seen = request.headers.get("HX-Current-URL") or (
        request.headers.get("Referer", "") if request.method == "POST" else request.get_full_path()
    )
    if url_has_allowed_host_and_scheme(seen, allowed_hosts={request.get_host()}):
        return urlsplit(seen)._replace(scheme="", netloc="").geturl()
    return settings.LOGIN_REDIRECT_URL


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return _page(request, "404.html", HTTPStatus.NOT_FOUND)


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """No right to do this: who of the company can. A refusal's own sentence replaces the general one."""
    reason = str(exception) if isinstance(exception, Forbidden) else ""
    if reason == str(Forbidden()):
        reason = gettext("Your role does not allow it.")
    return _page(
        request, "403.html", HTTPStatus.FORBIDDEN, {"reason": reason, "admins": _admins_to_ask(request)}
    )


def _admins_to_ask(request: HttpRequest) -> list[Membership]:
    """Admins of the account in the address, or of the reader's only one; nobody for a stranger."""
    if not request.user.is_authenticated:
        return []
    number = request.resolver_match.kwargs.get("number") if request.resolver_match else None
    places = list(request.user.memberships.select_related("account"))
    account_ids = [place.account_id for place in places if number in (None, place.account.number)]
    return list(Membership.objects.admins_of(account_ids[0])) if len(account_ids) == 1 else []


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    return _page(request, "403_csrf.html", HTTPStatus.FORBIDDEN)


def server_error(request: HttpRequest) -> HttpResponse:
    """Something is broken: perhaps the database, so the page asks for nothing but the request's id."""
    page = render_to_string("500.html", {"request_id": getattr(request, "request_id", "")})
    return _whole(HttpResponse(page, status=HTTPStatus.INTERNAL_SERVER_ERROR), request)


def _page(
    request: HttpRequest, template: str, status: HTTPStatus, context: dict[str, Any] | None = None
) -> HttpResponse:
    return _whole(render(request, template, context, status=status), request)


def _whole(response: HttpResponse, request: HttpRequest) -> HttpResponse:
    """To htmx: this takes the place of the main part, whatever part was asked for."""
    if "HX-Request" in request.headers:
        response["HX-Retarget"] = "#main"
        response["HX-Reselect"] = "#main > .page"
        response["HX-Reswap"] = "innerHTML"
    return response
