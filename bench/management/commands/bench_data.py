"""Make the companies that are measured, by the site's own operations."""

import json
from typing import Any

from django.core.management import BaseCommand, CommandParser
from django.utils import timezone
from moneyed import Money

from accounts import operations as accounts
from accounts.models import AccountLineItem, Membership, User
from core.audit import SYSTEM
from payments.models import PaymentProvider
from tests import factories

ROLE = Membership.Role.ADMIN


class Command(BaseCommand):
    help = "Companies with so many unpaid orders each; prints what a client must know of them, as JSON."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("items", nargs="+", type=int)
        parser.add_argument("--invoices", type=int, default=0, help="of one company more")

    def handle(self, *, items: list[int], invoices: int, **options: Any) -> None:
        provider = PaymentProvider.objects.filter(code=factories.MANUAL)
        made = [self.company(count) for count in items]
        made += [self.invoiced(invoices)] if invoices else []
        self.stdout.write(json.dumps([{**one, "provider": provider.get().pk} for one in made]))

    def invoiced(self, count: int) -> dict[str, Any]:
        """A company with so many open invoices of one order each."""
        made = self.company(count)
        for line in AccountLineItem.objects.filter(pk__in=made["lines"]).select_related("account", "region"):
            factories.an_open_invoice(line.account, line, at=line.created_at)
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
