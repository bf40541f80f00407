"""What every request gets: an id, and the customer who asks."""

import re
import time
import uuid
from collections.abc import Callable
from dataclasses import replace
from http import HTTPStatus
from typing import Any

import structlog
from django.conf import settings
from django.contrib.auth import logout
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBadRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import SimpleLazyObject

from accounts import operations
from accounts.models import Customer
from accounts.views import address_tried_from
from core.audit import request_id
from core.errors import Refusal, Unauthenticated
from invoicing_site import error_pages

SESSION_KEY = re.compile(r"[a-z0-9]{32}")
GIVEN = re.compile(r"[A-Za-z0-9-]{8,64}")
SEEN_EVERY = 10 * 60
A_YEAR = 365 * 24 * 60 * 60
PROGRAMS = ("/api/", "/graphql", "/webhooks/")
UNREADABLE = "The address holds a character that nothing has."
GetResponse = Callable[[HttpRequest], HttpResponse]


def request_ids(get_response: GetResponse) -> GetResponse:
    """Give each request an id, the caller's own where it sends a sensible one: in every log line, audit row
    and answer."""

    def middleware(request: HttpRequest) -> HttpResponse:
        given = request.headers.get("X-Request-Id", "")
        this_id = given if GIVEN.fullmatch(given) else uuid.uuid4().hex
        request.request_id = this_id  # type: ignore[attr-defined]
        token = request_id.set(this_id)
        structlog.contextvars.bind_contextvars(request_id=this_id)
        try:
            response = get_response(request)
        finally:
            structlog.contextvars.clear_contextvars()
            request_id.reset(token)
        response["X-Request-Id"] = this_id
        return response

    return middleware


def without_nul(get_response: GetResponse) -> GetResponse:
    """No row holds the character NUL, and PostgreSQL refuses even to look for it: an address with one is not
    there, a query with one is refused, and a session cookie that cannot be ours is none."""

    def middleware(request: HttpRequest) -> HttpResponse:
        key = request.COOKIES.get(settings.SESSION_COOKIE_NAME)
        if key is not None and not SESSION_KEY.fullmatch(key):
            del request.COOKIES[settings.SESSION_COOKIE_NAME]
        return get_response(request)

    def process_view(request: HttpRequest, *view: Any) -> HttpResponse | None:
        if "\0" in request.path:
            raise Http404
        query = request.META.get("QUERY_STRING", "")
        if "%00" in query or "\0" in query:
            return HttpResponseBadRequest(UNREADABLE, content_type="text/plain")
        return None

    middleware.process_view = process_view  # type: ignore[attr-defined]
    return middleware


def customers(get_response: GetResponse) -> GetResponse:
    """Set `request.customer`, found when it is first used: by bearer token if one came (then the cookie
    counts for nothing), else by the session. Using it raises `Unauthenticated` when nobody is signed in.

    Who sends too many wrong tokens from one address is told 429 and when to come back; a right one works all
    the same. A token has 256 bits: the limit keeps noise away, guessing is hopeless without it.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        request.customer = SimpleLazyObject(lambda: _customer(request))  # type: ignore[attr-defined]
        response = get_response(request)
        if wait := request.__dict__.get("wrong_tokens_wait"):
            response.status_code = HTTPStatus.TOO_MANY_REQUESTS
            response["Retry-After"] = str(wait)
        return response

    return middleware


def _customer(request: HttpRequest) -> Customer:
    token, address = bearer_token(request), address_tried_from(request) or ""
    if token is None:
        if not request.user.is_authenticated:
            raise Unauthenticated
        return replace(operations.customer_for_user(request.user), address=address)
    now = timezone.now()
    try:
        return replace(operations.customer_for_token(token, at=now), address=address)
    except Unauthenticated:
        kind = "wrong_tokens_per_address"
        wait = operations.wait_for(kind, address, at=now) or operations.count_attempts(
            {kind: address}, at=now
        )
        if not wait:
            raise
        request.__dict__["wrong_tokens_wait"] = wait
        raise operations.too_many("Too many wrong tokens from your network.", wait) from None


def bearer_token(request: HttpRequest) -> str | None:
    """The token of an `Authorization: Bearer` header; None when there is no Authorization at all."""
    header = request.headers.get("Authorization")
    if header is None:
        return None
    scheme, _, token = header.partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def sliding_sessions(get_response: GetResponse) -> GetResponse:
    """A session ends 24 hours after the last request (staff's after SESSION_IDLE_STAFF), and in any case
    SESSION_LONGEST after its first. Its end is moved, but written at most every ten minutes, so that reading
    a page does not write to the database. What a signed-in reader sees is kept in no cache."""

    def middleware(request: HttpRequest) -> HttpResponse:
        _end_what_is_over(request)
        response = get_response(request)
        if request.session.session_key and request.user.is_authenticated:
            response.headers.setdefault("Cache-Control", "no-store")
            now = int(time.time())
            if now - request.session.get("seen", 0) > SEEN_EVERY:
                request.session.setdefault("began", now)
                request.session["seen"] = now
                _remember_sign_in(response)
        return response

    return middleware


def _end_what_is_over(request: HttpRequest) -> None:
    if settings.SESSION_COOKIE_NAME not in request.COOKIES or "began" not in request.session:
        return
    now = int(time.time())
    idle, age = now - request.session["seen"], now - request.session["began"]
    if age > settings.SESSION_LONGEST or (idle > settings.SESSION_IDLE_STAFF and request.user.is_staff):
        logout(request)


def _remember_sign_in(response: HttpResponse) -> None:
    """A cookie that outlives the session and says only that there was one, for the sign-in page to explain
    itself."""
    response.set_cookie(
        settings.SIGNED_IN_COOKIE,
        "1",
        max_age=A_YEAR,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def refusals(get_response: GetResponse) -> GetResponse:
    """A refusal that a page let through becomes a page; programs' doors translate their own. An htmx call
    that was sent to sign in goes there as a whole page."""

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        is_redirect = response.status_code == HTTPStatus.FOUND and "HX-Request" in request.headers
        if is_redirect and response["Location"].startswith(reverse(settings.LOGIN_URL)):
            return error_pages.to_sign_in(request)
        return response

    def process_exception(request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if not isinstance(exception, Refusal) or request.path.startswith(PROGRAMS):
            return None
        return error_pages.refused(request, exception)

    middleware.process_exception = process_exception  # type: ignore[attr-defined]
    return middleware
