"""Doors for those who watch the site from outside: from this machine, or with METRICS_TOKEN. To others these
addresses do not exist."""

from collections.abc import Callable
from http import HTTPStatus

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django_prometheus.exports import ExportToDjangoView

from invoicing_site.health import OK, readiness
from invoicing_site.metrics import figures

LOOPBACK = ("127.0.0.1", "::1")
# A proxy on this machine connects from loopback too, for anybody: it says so in one of these.
PASSED_ON = ("Forwarded", "X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Real-Ip", "Via")


def watching(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable:
    """Answers the watchers before anything else looks at the request: they use whatever host name they like,
    plain HTTP, and are not counted. Others are passed on, to the ordinary page for what is not there."""

    def middleware(request: HttpRequest) -> HttpResponse:
        view = VIEWS.get(request.path)
        if view is None or request.method not in ("GET", "HEAD") or not _may_watch(request):
            return get_response(request)
        answer = view(request)
        answer["Cache-Control"] = "no-store"
        answer["X-Content-Type-Options"] = "nosniff"
        return answer

    return middleware


def _may_watch(request: HttpRequest) -> bool:
    given = request.headers.get("Authorization", "")
    wanted = f"Bearer {settings.METRICS_TOKEN}"
    if settings.METRICS_TOKEN and constant_time_compare(given, wanted):
        return True
    is_direct = not any(name in request.headers for name in PASSED_ON)
    return is_direct and request.META.get("REMOTE_ADDR") in LOOPBACK


def live(request: HttpRequest) -> HttpResponse:
    """This process answers."""
    return HttpResponse("ok\n", content_type="text/plain")


def ready(request: HttpRequest) -> HttpResponse:
    """Everything that the site needs works: 200, else 503; what is wrong stands beside each part."""
    parts = readiness(timezone.now())
    is_ready = all(answer == OK for answer in parts.values())
    return JsonResponse(parts, status=HTTPStatus.OK if is_ready else HTTPStatus.SERVICE_UNAVAILABLE)


def metrics(request: HttpRequest) -> HttpResponse:
    """Requests, as django-prometheus counts them, and our own figures."""
    answer = ExportToDjangoView(request)
    answer.content += figures()
    return answer


VIEWS = {"/health/live": live, "/health/ready": ready, "/metrics": metrics}
