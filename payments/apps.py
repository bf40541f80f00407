from importlib import import_module

from django.apps import AppConfig
from django.db.models.signals import post_migrate

from payments.triggers import RECEIPTS


class PaymentsConfig(AppConfig):
    name = "payments"
    triggers = RECEIPTS

    def ready(self) -> None:
        """Register what the worker does, and when."""
        tasks = import_module("payments.tasks")
        post_migrate.connect(tasks.set_up, sender=self)
