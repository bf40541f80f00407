from django.apps import AppConfig
from django.db.models.signals import post_migrate, pre_migrate

from core import triggers


class CoreConfig(AppConfig):
    name = "core"
    triggers = triggers.AUDIT_TRAIL

    def ready(self) -> None:
        """The triggers of all apps make way for a migration and come back after it."""
        pre_migrate.connect(triggers.make_way, sender=self)
        post_migrate.connect(triggers.install, sender=self)
