"""`manage.py reset_second_factor EMAIL --reason TEXT`: for staff who lost their phone and their codes."""

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from accounts import operations
from accounts.models import User
from core.audit import SYSTEM
from core.errors import Refusal


class Command(BaseCommand):
    help = "Take somebody's second factor away: they set up a new one at their next sign-in."

    def add_arguments(self, parser):
        parser.add_argument("email", help="whose")
        parser.add_argument("--reason", required=True, help="why, and how you know who asked: for the trail")

    def handle(self, *args, **options):
        email = options["email"].strip().lower()
        user = User.objects.filter(email=email).first()
        if user is None:
            raise CommandError(f"Nobody has the address {email}")
        try:
            operations.reset_second_factor(user=user, at=timezone.now(), by=SYSTEM, reason=options["reason"])
        except Refusal as refusal:
            raise CommandError(refusal.message) from refusal
        self.stdout.write(f"{email} sets up a new second factor at the next sign-in.")
