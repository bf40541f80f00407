"""One process on one database of large books: asks a page, or a report, as often as it is told to."""

import json
import sys
from collections.abc import Callable
from datetime import timedelta
from time import perf_counter
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib import admin
from django.core.management import BaseCommand
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from payments import reporting

BUCKET = (
    "CASE WHEN due_date >= %s THEN 0 WHEN due_date >= %s THEN 1"
    " WHEN due_date >= %s THEN 2 WHEN due_date >= %s THEN 3 ELSE 4 END"
)
BARE_NOW = f"""
    SELECT currency, {BUCKET}, SUM(total_amount - paid_amount) FROM invoices_invoice
    WHERE status = 'sent' GROUP BY 1, 2"""
BARE_THEN = f"""
    SELECT i.currency, {BUCKET}, SUM(i.total_amount - COALESCE(a.sum, 0)) FROM invoices_invoice i
    LEFT JOIN (
        SELECT invoice_id, SUM(amount) AS sum FROM payments_allocation WHERE created_at < %s GROUP BY 1
    ) a ON a.invoice_id = i.id
    WHERE i.number IS NOT NULL AND i.issue_date <= %s AND (i.cancelled_at IS NULL OR i.cancelled_at >= %s)
    AND i.total_amount > COALESCE(a.sum, 0) GROUP BY 1, 2"""


def pages() -> dict[str, str]:
    """By name the address of the first page and of every list, with each of its tabs."""
    found = {"first page": reverse("admin:index")}
    for model, page in admin.site._registry.items():
        address = reverse(f"admin:{model._meta.label_lower.replace('.', '_')}_changelist")
        name = str(model._meta.verbose_name_plural)
        tabs = getattr(page, "tabs", ())
        found |= {f"{name}, {tab.label.lower()}": f"{address}?show={tab.code}" for tab in tabs}
        if not tabs:
            found[name] = address
    return found


class Command(BaseCommand):
    help = "Read names from stdin, one a line; answer each with milliseconds, or with all statement counts."

    def handle(self, **options: Any) -> None:
        self.client = Client(SERVER_NAME="localhost")
        staff = User.objects.filter(is_superuser=True).earliest("pk")
        self.client.force_login(staff, "django.contrib.auth.backends.ModelBackend")
        asked = {name: self._page(path) for name, path in pages().items()}
        jobs: dict[str, Callable[[], Any]] = {**asked, **self._agings()}
        for line in sys.stdin:
            name = line.strip()
            if name == "statements":
                said: Any = {page: self._statements(ask) for page, ask in asked.items()}
            else:
                began = perf_counter()
                jobs[name]()
                said = 1000 * (perf_counter() - began)
            self.stdout.write(json.dumps(said))
            self.stdout.flush()

    def _page(self, path: str) -> Callable[[], None]:
        def ask() -> None:
            answer = self.client.get(path)
            if answer.status_code != 200:
                raise RuntimeError(f"{path} answered {answer.status_code}")

        return ask

    def _statements(self, ask: Callable[[], Any]) -> int:
        ask()  # what a process keeps from then on is asked for once
        with CaptureQueriesContext(connection) as queries:
            ask()
        return len(queries)

    def _agings(self) -> dict[str, Callable[[], Any]]:
        zone, today = ZoneInfo("UTC"), timezone.now().date()
        then = today - timedelta(days=200)
        end = reporting.end_of_day(then, zone)

        def edges(on: Any) -> list[Any]:
            return [on - timedelta(days=days) for days in (0, 30, 60, 90)]

        def bare(statement: str, values: list[Any]) -> Callable[[], Any]:
            def ask() -> list[Any]:
                with connection.cursor() as cursor:
                    cursor.execute(statement, values)
                    return cursor.fetchall()

            return ask

        return {
            "aging now": lambda: reporting.aged_by_currency(today, today=today, zone=zone),
            "bare now": bare(BARE_NOW, edges(today)),
            "aging then": lambda: reporting.aged_by_currency(then, today=today, zone=zone),
            "bare then": bare(BARE_THEN, [*edges(then), end, then, end]),
        }
