from importlib import import_module

from django.apps import AppConfig


class InvoicingSiteConfig(AppConfig):
    name = "invoicing_site"

    def ready(self) -> None:
        """Register the system checks."""
        import_module("invoicing_site.checks")
