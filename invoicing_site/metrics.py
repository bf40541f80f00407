"""Figures for the watchers, beside those of requests: read from the database when they are asked for. Their
labels are statuses and kinds of ours, a handful each; nothing in them names a customer."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.db.models import Count, Min
from django.http import HttpRequest
from django.utils import timezone
from django_prometheus.middleware import PrometheusAfterMiddleware
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from core.outbox import OutboxMessage
from payments.models import Payment, PaymentSession, ReconciliationIssue


class RequestMetrics(PrometheusAfterMiddleware):
    """django-prometheus's, but for two things that a caller could choose freely: a method that is none, which
    would be a new label for each invention, and a length that is no number, which would be an error."""

    def process_request(self, request: HttpRequest) -> None:
        if (request.META.get("CONTENT_LENGTH") or "0").isdigit():
            super().process_request(request)

    def label_metric(self, metric: Any, request: HttpRequest, response: Any = None, **labels: str) -> Any:
        if "method" in labels:
            labels["method"] = self._method(request)
        return super().label_metric(metric, request, response, **labels)


class Figures(Collector):
    """What waits, what is undecided, and how payments ended."""

    def collect(self) -> Iterator[Metric]:
        now = timezone.now()
        yield from self._outbox(now)
        yield from self._sessions()
        yield _by_label(
            "invoicing_reconciliation_issues_open",
            "Issues that staff have not resolved, by kind.",
            "kind",
            dict.fromkeys(ReconciliationIssue.Kind.values, 0) | _counted_issues(),
        )
        payments = Payment.objects.order_by().values_list("status").annotate(count=Count("pk"))
        yield _by_label(
            "invoicing_payments",
            "Payments by how they stand now.",
            "outcome",
            dict.fromkeys(Payment.Status.values, 0) | dict(payments),
        )

    @staticmethod
    def _outbox(now: datetime) -> Iterator[Metric]:
        status = OutboxMessage.Status
        waiting = OutboxMessage.objects.filter(status__in=[status.WAITING, status.WORKING])
        told = waiting.aggregate(count=Count("pk"), oldest=Min("created_at"))
        yield GaugeMetricFamily("invoicing_outbox_waiting", "Messages to deliver.", value=told["count"])
        yield GaugeMetricFamily(
            "invoicing_outbox_oldest_seconds",
            "For how long the oldest of them has waited.",
            value=_seconds_since(told["oldest"], now),
        )
        failed = OutboxMessage.objects.filter(status=status.FAILED).count()
        yield GaugeMetricFamily("invoicing_outbox_failed", "Messages that were given up.", value=failed)

    @staticmethod
    def _sessions() -> Iterator[Metric]:
        capturing = PaymentSession.objects.filter(status=PaymentSession.Status.CAPTURING).count()
        yield GaugeMetricFamily(
            "invoicing_sessions_capturing", "Payment sessions whose end nobody knows yet.", value=capturing
        )


def _counted_issues() -> dict[str, int]:
    still_open = ReconciliationIssue.objects.filter(resolved_at=None).order_by()
    return dict(still_open.values_list("kind").annotate(count=Count("pk")))


def _by_label(name: str, text: str, label: str, counts: dict[str, int]) -> Metric:
    family = GaugeMetricFamily(name, text, labels=[label])
    for value, count in counts.items():
        family.add_metric([str(value)], count)
    return family


def _seconds_since(moment: datetime | None, now: datetime) -> float:
    return max(0.0, (now - moment).total_seconds()) if moment else 0.0


def figures() -> bytes:
    """Ours, as Prometheus reads them."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(Figures())
    return generate_latest(registry)
