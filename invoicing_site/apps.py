from importlib import import_module

from django.apps import AppConfig, apps
from django.core.management import call_command
from django.db.models.signals import post_migrate


def make_cache_table(**migrated: object) -> None:
    """After every migration: the table of the cache that all processes share, where that is a table."""
    call_command("createcachetable", database=migrated["using"], verbosity=0)


class InvoicingSiteConfig(AppConfig):
    name = "invoicing_site"

    def ready(self) -> None:
        """Register the system checks, and what belongs to a migration."""
        import_module("invoicing_site.checks")
        # Django tells only apps with models, which this one is not.
        post_migrate.connect(make_cache_table, sender=apps.get_app_config("core"))
        roles = import_module("invoicing_site.roles")
        post_migrate.connect(roles.install_roles, sender=apps.get_app_config("payments"))
