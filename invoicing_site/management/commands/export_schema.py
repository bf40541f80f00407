"""`manage.py export_schema`: write the published GraphQL schema, or check that it is what the code says."""

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from invoicing_site.storefront import schema

PUBLISHED = {"storefront.graphql": schema}


class Command(BaseCommand):
    help = "Write schema/*.graphql; with --check, fail when a file differs from the code."

    def add_arguments(self, parser):
        parser.add_argument("--check", action="store_true")

    def handle(self, *args, check, **options):
        for name, published in PUBLISHED.items():
            file = settings.BASE_DIR / "schema" / name
            text = f"{published}\n"
            if not check:
                file.write_text(text)
            elif not file.exists() or file.read_text() != text:
                raise CommandError(f"schema/{name} is not what the code says: run manage.py export_schema")
        self.stdout.write("schema/ is up to date" if check else "schema/ is written")
