"""The providers' door: a signed hint goes into the inbox and is answered at once."""

import logging

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from core.doors import announced_size
from core.errors import Refusal
from payments import operations
from payments.providers.base import BadSignature, ProviderUnavailable

logger = logging.getLogger(__name__)
LARGEST_BODY = 256 * 1024


@csrf_exempt
@require_POST
def webhook(request: HttpRequest, provider_code: str) -> HttpResponse:
    """200 once the event is stored (again or for the first time); the provider repeats everything else."""
    if announced_size(request) > LARGEST_BODY:
        return JsonResponse({"error": "too large"}, status=413)
    try:
        is_new = operations.receive_event(
            provider_code=provider_code, headers=request.headers, body=request.body, at=timezone.now()
        )
    except BadSignature:
        logger.warning("webhook.bad_signature", extra={"provider": provider_code})
        return JsonResponse({"error": "signature"}, status=400)
    except ProviderUnavailable:
        return JsonResponse({"error": "cannot verify now"}, status=503)
    except Refusal as refusal:
        return JsonResponse({"error": refusal.message}, status=404)
    return JsonResponse({"received": True, "new": is_new})
