"""`manage.py after_restore`: once, after a backup was restored and before anybody uses the site."""

from argparse import ArgumentParser, ArgumentTypeError
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from accounts import operations
from core.audit import SYSTEM
from core.errors import Refusal


def known_number(text: str) -> tuple[tuple[str, int], int]:
    """`invoice:2026=1250` taken apart."""
    series, _, last = text.partition("=")
    code, _, year = series.partition(":")
    if not (code and year.isdecimal() and last.isdecimal()):
        raise ArgumentTypeError(f"{text!r} is not written like invoice:2026=1250")
    return (code, int(year)), int(last)


class Command(BaseCommand):
    help = "Leave out the numbers and ids that may have been given out after the restored backup was taken."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--skip", type=int, required=True, help="how many, in every series and table")
        parser.add_argument("--reason", required=True, help="what happened; it is kept in the audit trail")
        parser.add_argument(
            "--last",
            type=known_number,
            action="append",
            default=[],
            metavar="CODE:YEAR=NUMBER",
            help="the last number that was given out in a series, where it is known for certain",
        )

    def handle(self, *args: Any, skip: int, reason: str, last: list, **options: Any) -> None:
        try:
            skipped = operations.skip_lost_numbers(
                skip=skip, reason=reason, known=dict(last), at=timezone.now(), by=SYSTEM
            )
        except Refusal as refusal:
            raise CommandError(refusal.message) from refusal
        for one in skipped:
            self.stdout.write(f"{one.code} {one.year}: {one.first} to {one.last} are left out")
        self.stdout.write(f"ids: {skip} are left out in every table")
