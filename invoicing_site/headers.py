"""Headers that every answer has, beside those of Django and of the content security policy."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

# What no page of ours uses. `payment` and `publickey-credentials-get` are left to the provider's own frame.
UNUSED = (
    "accelerometer",
    "browsing-topics",
    "camera",
    "display-capture",
    "geolocation",
    "gyroscope",
    "hid",
    "magnetometer",
    "microphone",
    "midi",
    "serial",
    "usb",
)
PERMISSIONS_POLICY = ", ".join(f"{feature}=()" for feature in UNUSED)


def permissions_policy(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable:
    """No page may use the machine's devices, nor may what stands in its frames."""

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        response.headers.setdefault("Permissions-Policy", PERMISSIONS_POLICY)
        return response

    return middleware
