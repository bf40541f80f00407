"""What the back office needs around it: a content policy of its own, our stylesheet and
script."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.templatetags.static import static

PREFIX = "/admin/"
POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self' 'unsafe-eval'",  # the theme's Alpine evaluates its attributes
        "style-src 'self' 'unsafe-inline'",  # the theme writes its colours into the page
        "img-src 'self' data:",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)


def content_policy(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable:
    """The theme of the back office needs more than customers' pages allow, so it has its own policy; nothing
    is fetched from elsewhere."""

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        if request.path.startswith(PREFIX):
            response.headers.setdefault("Content-Security-Policy", POLICY)
        return response

    return middleware


def stylesheet(request: HttpRequest) -> str:
    return static("css/admin.css")


def script(request: HttpRequest) -> str:
    return static("js/back_office.js")


def favicon(request: HttpRequest) -> str:
    return static("img/favicon.svg")
