"""`manage.py check_invariants`: exit status 1, and the rows named, when the books are not right."""

import sys

from django.core.management.base import BaseCommand
from django.utils import timezone

from payments import operations


class Command(BaseCommand):
    help = "Check that everything that must be true of the books is true."

    def handle(self, *args, **options):
        broken = operations.broken_invariants(at=timezone.now())
        for one in broken:
            self.stderr.write(str(one))
        if broken:
            sys.exit(1)
        self.stdout.write("No invariant is broken.")
