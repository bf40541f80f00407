"""`manage.py sandbox`: the local stand-in for Stripe and PayPal, until Ctrl-C or SIGTERM."""

import signal
import threading
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from payments.sandbox.guard import OutsideSandbox, refuse_outside_sandbox
from payments.sandbox.server import Keys, Sandbox


class Command(BaseCommand):
    help = "Run the local stand-in for Stripe and PayPal. No real money moves."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=3002)

    def handle(self, *args: Any, host: str, port: int, **options: Any) -> None:
        try:
            refuse_outside_sandbox(
                secret_key=settings.STRIPE_SECRET_KEY,
                payments=settings.PAYMENTS,
                allowed_hosts=settings.ALLOWED_HOSTS,
            )
        except OutsideSandbox as refusal:
            raise CommandError(str(refusal)) from refusal
        keys = Keys(
            stripe_secret=settings.STRIPE_SECRET_KEY,
            stripe_publishable=settings.STRIPE_PUBLISHABLE_KEY,
            stripe_webhook_secret=settings.STRIPE_WEBHOOK_SECRET,
            paypal_client_id=settings.PAYPAL_CLIENT_ID,
            paypal_client_secret=settings.PAYPAL_CLIENT_SECRET,
            paypal_webhook_id=settings.PAYPAL_WEBHOOK_ID,
        )
        for number in (signal.SIGINT, signal.SIGTERM):  # a shell's background jobs start with SIGINT ignored
            signal.signal(number, signal.default_int_handler)
        try:
            sandbox = Sandbox(host, port, settings.SANDBOX_DATABASE, keys, webhook_base=settings.SITE_URL)
        except OSError as error:
            raise CommandError(f"Cannot listen on {host}:{port}: {error}") from error
        sandbox.start()
        self.stdout.write(
            f"Sandbox for Stripe and PayPal at {sandbox.url}, events go to {sandbox.webhook_base}"
        )
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            sandbox.stop()
