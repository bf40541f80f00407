"""Make the companies that are measured, by the site's own operations."""

import json
from typing import Any
from uuid import uuid4

from django.core.management import BaseCommand, CommandParser
from django.db import transaction
from django.utils import timezone
from moneyed import Money

from accounts import operations as accounts
from accounts.models import AccountLineItem, Membership, User
from core.audit import SYSTEM
from invoices.models import Invoice
from payments.models import PaymentProvider
from tests import factories

LONG_AGO = 2001
ROLE = Membership.Role.ADMIN


class Command(BaseCommand):
    help = "Companies with so much of something each; prints what a client must know of them, as JSON."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("wanted", nargs="+", help="orders:100, invoices:120, copies:10000")

    def handle(self, *, wanted: list[str], **options: Any) -> None:
        provider = PaymentProvider.objects.filter(code=factories.MANUAL)
        ways = {"orders": self.company, "invoices": self.invoiced, "copies": self.copied}
        asked = [one.split(":") for one in wanted]
        made = [ways[what](int(count)) for what, count in asked]
        self.stdout.write(json.dumps([{**one, "provider": provider.get().pk} for one in made]))

    def invoiced(self, count: int) -> dict[str, Any]:
        """A company with so many open invoices of one order each."""
        made = self.company(count)
        for line in AccountLineItem.objects.filter(pk__in=made["lines"]).select_related("account", "region"):
            factories.an_open_invoice(line.account, line, at=line.created_at)
        return {**made, "invoices": count}

    def copied(self, count: int) -> dict[str, Any]:
        """A company with one issued invoice and copies of it, with numbers of a year long ago: ten thousand
        that are issued one by one would take longer than all that is measured."""
        made = self.invoiced(1)
        invoice = Invoice.objects.get(account=made["account"])
        with transaction.atomic():
            for sequence in range(1, count):
                invoice.pk, invoice.uuid = None, uuid4()
                invoice.number = f"INV-{LONG_AGO}-{sequence:05}"
                invoice.number_year, invoice.number_sequence = LONG_AGO, sequence
                invoice.save(force_insert=True)
        return {**made, "invoices": count}

    def company(self, count: int) -> dict[str, Any]:
        """A company, one member who may do everything, their token, and its unpaid orders of $39.40."""
        now = timezone.now()
        account = factories.an_account(limit=Money(10**9, "USD"))
        user = User.objects.create_user(f"buyer-{account.pk}@example.com")
        Membership.objects.create(user=user, account=account, role=ROLE)
        _, token = accounts.create_token(user=user, name="bench", at=now, by=SYSTEM)
        lines = [
            factories.an_unpaid_order(account, display_id=f"{account.pk}-{number}", at=now)
            for number in range(count)
        ]
        return {
            "account": account.pk,
            "number": account.number,
            "region": lines[0].region_id,
            "token": token,
            "lines": [line.pk for line in lines],
        }
