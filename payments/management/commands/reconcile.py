"""`manage.py reconcile`: one pass over everything unfinished."""

from django.core.management.base import BaseCommand
from django.utils import timezone

from payments import operations


class Command(BaseCommand):
    help = "Look up unfinished payments at their providers, book what is seen, deliver what waits."

    def add_arguments(self, parser):
        parser.add_argument(
            "--all", action="store_true", help="also sessions that are not due for a look yet"
        )

        parser.add_argument(
            "--compare", action="store_true", help="also compare all transactions with the providers'"
        )

    def handle(self, *args, **options):
        done = operations.reconcile(at=timezone.now(), everything=options["all"])
        self.stdout.write(
            f"{done.looked_at} sessions looked at, {done.ended} ended, "
            f"{done.unreachable} could not be looked up"
            + (f", {done.refunds} refunds pursued" if done.refunds else "")
        )
        for one in operations.compare(at=timezone.now()) if options["compare"] else ():
            self.stdout.write(f"{one.provider}: {one.compared} compared, {one.differing} differing")
