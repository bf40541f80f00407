"""Files that staff made of a list."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q


class Export(models.Model):
    """What somebody took out of the site: which list, with which filters, how many rows. A small one was sent
    at once; a large one is written by the worker and kept for a day, for the one who asked."""

    class Status(models.TextChoices):
        WAITING = "waiting", "Waiting"
        DONE = "done", "Done"
        FAILED = "failed", "Failed"

    class Form(models.TextChoices):
        CSV = "csv", "CSV"
        XLSX = "xlsx", "Excel"
        ZIP = "zip", "ZIP"

    TRANSITIONS = {
        Status.WAITING: {Status.DONE, Status.FAILED},
        Status.DONE: set(),
        Status.FAILED: set(),
    }

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    staff = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=80, help_text="The list, `invoices.invoice`, or a report's name.")
    filters = models.TextField(blank=True, help_text="As they stood in the list's address.")
    form = models.CharField(max_length=4, choices=Form)
    name = models.CharField(max_length=120, help_text="What the file is called.")
    status = models.CharField(max_length=10, choices=Status, default=Status.WAITING)
    rows = models.PositiveIntegerField()
    rows_done = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True, help_text="None: it was sent and not kept.")

    class Meta:
        ordering = ("-id",)
        constraints = (
            models.CheckConstraint(
                condition=Q(status="waiting", ended_at=None)
                | (~Q(status="waiting") & Q(ended_at__isnull=False)),
                name="export_ended_when_ended",
            ),
        )

    def __str__(self) -> str:
        return self.name
