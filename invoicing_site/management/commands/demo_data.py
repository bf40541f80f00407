"""`manage.py demo_data`: two companies to try everything with. Run again, it changes nothing."""

import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal

from django.conf import settings
from django.contrib.auth.models import Group
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from moneyed import Money

from accounts import operations as accounts
from accounts.models import (
    Account,
    AccountLineItem,
    CustomerToken,
    ExchangeRate,
    Membership,
    Organization,
    Region,
    User,
)
from accounts.models.members import PERMISSIONS
from core.audit import SYSTEM
from invoices import operations as invoices
from invoices.models import Invoice
from invoicing_site.demo.banking import show_banking
from invoicing_site.demo.invoicing import show_invoicing
from invoicing_site.demo.organization import show_organization
from invoicing_site.demo.recurring import show_recurring
from invoicing_site.demo.reminding import show_reminders
from invoicing_site.demo.scale import show_scale
from orders import operations as orders
from orders.models import Order
from payments import operations as payments
from payments.models import Payment, PaymentProvider
from payments.sandbox.guard import OutsideSandbox, refuse_outside_sandbox

PASSWORD = "demo-password-1"  # noqa: S105 printed on every start, for loopback only
ROLES = Membership.Role
REGIONS = (
    ("North America", "USD", ["US", "CA", "MX"]),
    ("Europe", "EUR", ["DE", "FR", "NL"]),
    ("Japan", "JPY", ["JP"]),
)
RATES = (("EUR", "USD", "1.1000000000"), ("JPY", "USD", "0.0068000000"))
Person = tuple[str, str, str, dict[str, int]]
OWN = {"get_invoices": 1, "get_invoice_detail": 1, "get_invoice_pdf": 1, "pay_invoice": 1}
GROUP = {name: 3 for name in PERMISSIONS if name != "pay_invoice"}
GLOBEX: tuple[Person, ...] = (
    ("alice@example.com", "Alice Example", ROLES.ADMIN, {}),
    ("sam@example.com", "Sam Senior", ROLES.SENIOR_BUYER, {}),
    ("bob@example.com", "Bob Example", ROLES.JUNIOR_BUYER, {}),
    ("olga@example.com", "Olga Ownorders", ROLES.CUSTOM, OWN),
    ("grace@example.com", "Grace Group", ROLES.CUSTOM, GROUP),
)
NORDIC: tuple[Person, ...] = (
    ("nils@example.com", "Nils Nordic", ROLES.ADMIN, {}),
)  # of a subsidiary of Globex
INITECH: tuple[Person, ...] = (("carol@example.com", "Carol Example", ROLES.ADMIN, {}),)
BIG: tuple[Person, ...] = (("dora@example.com", "Dora Example", ROLES.ADMIN, {}),)
STAFF = (
    ("stella@example.com", "Stella Staff", "Superuser"),
    ("olivia@example.com", "Olivia Owner", "Owner"),
    ("clara@example.com", "Clara Clerk", "Clerk"),
    ("ben@example.com", "Ben Books", "Cashier"),
    ("artur@example.com", "Artur Audit", "Auditor"),
)
SHELF = (
    ("Desk lamp, adjustable", "39.40", "4600"),
    ("Office chair, mesh back", "189.00", "22000"),
    ("Paper A4, box of 5 reams", "24.95", "2900"),
    ("Monitor 27 inch", "249.00", "29000"),
    ("Whiteboard markers, set of 8", "11.90", "1400"),
)


class Command(BaseCommand):
    help = "Make demo companies, members, orders and invoices; --json prints log-ins and tokens."

    def add_arguments(self, parser):
        parser.add_argument("--json", action="store_true", help="print log-ins and tokens as JSON")
        parser.add_argument("--scale", action="store_true", help="large books besides, to measure on")
        parser.add_argument("--invoices", type=int, default=200_000, help="how many, with --scale")
        parser.add_argument("--lines-per-invoice", type=int, default=5, help="lines of each, with --scale")
        parser.add_argument("--line-items", type=int, default=0, help="an account with so many unpaid orders")

    def handle(self, *args, **options):
        try:
            refuse_outside_sandbox(
                secret_key=settings.STRIPE_SECRET_KEY,
                payments=settings.PAYMENTS,
                allowed_hosts=settings.ALLOWED_HOSTS,
            )
        except OutsideSandbox as error:
            raise CommandError(f"Demo data is for trying out. {error}") from error
        now = timezone.now()
        self._merchant(now)
        self._globex(now)
        self._nordic(now)
        self._initech(now)
        show_invoicing(staff=User.objects.get(email=STAFF[0][0]), now=now)
        show_reminders(now)
        show_recurring(now)
        show_banking(now)
        show_organization(now)
        if options["line_items"]:
            self._big(now, options["line_items"])
        if options["scale"]:
            show_scale(
                invoices=options["invoices"],
                lines=options["lines_per_invoice"],
                staff=User.objects.get(email=STAFF[0][0]),
                at=now,
                told_to=self.stderr,
            )
        told = {"customers": self._customers(), "staff": self._staff()}
        if options["json"]:
            self.stdout.write(json.dumps(told))
        else:
            for person in told["customers"] + told["staff"]:
                self.stdout.write(f"{person['role']:14} {person['email']:22} {person['password']}")

    def _merchant(self, now: datetime) -> None:
        Organization.objects.get_or_create(
            pk=1,
            defaults={
                "legal_name": "Northwind Supply GmbH",
                "name": "Northwind Supply",
                "email": "billing@northwind.example",
                "phone": "+49 30 5550100",
                "address_line_1": "Hafenstr. 1",
                "postal_code": "10115",
                "city": "Berlin",
                "country": "DE",
                "tax_id": "DE123456789",
                "bank_account_holder": "Northwind Supply GmbH",
                "bank_name": "Example Bank",
                "iban": "DE89370400440532013000",
                "bic": "COBADEFFXXX",
                "time_zone": "Europe/Berlin",
            },
        )
        regions = [
            Region.objects.get_or_create(name=name, defaults={"currency": currency, "countries": countries})[
                0
            ]
            for name, currency, countries in REGIONS
        ]
        for provider in PaymentProvider.objects.filter(regions=None):
            provider.regions.set(regions)
        for base, quote, rate in RATES:
            if not ExchangeRate.objects.filter(base=base, quote=quote).exists():
                since = now - timedelta(days=400)
                ExchangeRate.objects.create(base=base, quote=quote, rate=Decimal(rate), valid_from=since)
        for email, name, role in STAFF:
            self._member_of_staff(email, name, role)

    def _member_of_staff(self, email: str, name: str, role: str) -> None:
        user = User.objects.filter(email=email).first()
        if user is None:
            user = User.objects.create_user(
                email, PASSWORD, name=name, is_staff=True, is_superuser=role == "Superuser"
            )
        if role != "Superuser":
            user.groups.add(Group.objects.get(name=role))

    def _globex(self, now: datetime) -> None:
        """Members in every role, three regions, a paid history, an open invoice and a pending promise."""
        account = self._company("Globex Ltd", Money(25_000, "USD"), GLOBEX, now)
        stella = User.objects.get(email="stella@example.com")
        alice = User.objects.get(email="alice@example.com")

        def paid(invoice: Invoice, at: datetime) -> None:
            self._promise(invoice, alice, at)
            payment = Payment.objects.get(session__collection__covered__invoice=invoice)
            payments.verify_manual_payment(payment=payment, at=at + timedelta(days=1), staff=stella)

        def partly_refunded(invoice: Invoice, at: datetime) -> None:
            paid(invoice, at)
            payment = Payment.objects.get(session__collection__covered__invoice=invoice)
            payments.refund_payment(
                payment=payment,
                amount=payment.amount // 4,
                reason="One item came back damaged",
                at=at + timedelta(days=9),
                staff=stella,
            )

        def promised(invoice: Invoice, at: datetime) -> None:
            self._promise(invoice, alice, at)

        self._billed(account, "Europe", "1756870101", (1, 4), now - timedelta(days=80), paid)
        self._billed(account, "North America", "1756870102", (3, 3, 0), now - timedelta(days=60), paid)
        self._billed(account, "Europe", "1756870105", (0, 3), now - timedelta(days=50), partly_refunded)
        self._billed(account, "Japan", "1756870103", (1,), now - timedelta(days=45), promised)
        self._billed(account, "North America", "1756870104", (2, 2, 4), now - timedelta(days=35), None)
        self._two_at_once(account, alice, stella, now - timedelta(days=25))
        olga = User.objects.get(email="olga@example.com")
        self._billed(account, "Europe", "1756870108", (2,), now - timedelta(days=15), None, placed_by=olga)
        for number, (region, things) in enumerate(
            (
                ("North America", (1,)),
                ("North America", (0, 2)),
                ("Europe", (3,)),
                ("Europe", (4, 4, 0)),
                ("Japan", (0, 2)),
            )
        ):
            self._order(account, region, f"175687020{number}", things, now - timedelta(days=12 - 2 * number))

    def _two_at_once(self, account: Account, payer: User, staff: User, at: datetime) -> None:
        """Two invoices by one bank transfer, the second in part."""
        made = [
            self._billed(account, "North America", number, things, at, None)
            for number, things in (("1756870106", (1, 2)), ("1756870107", (3, 3)))
        ]
        rows = [one for one in made if one]
        if len(rows) != len(made):
            return
        later = at + timedelta(days=6)
        collection = payments.start_joint_payment(
            account=account,
            currency=rows[0].currency,
            shares=[payments.Share(rows[0], rows[0].total_amount), payments.Share(rows[1], 20_000)],
            at=later,
            by=payer.actor,
        )
        session = payments.change_method(
            collection=collection, provider_code="pp_system_default", at=later, by=payer.actor
        )
        payments.complete_payment(session=session, at=later, by=payer.actor)
        payments.verify_manual_payment(payment=session.payments.get(), at=later, staff=staff)

    def _nordic(self, now: datetime) -> None:
        """A subsidiary of Globex, with an open invoice of its own."""
        account = self._company("Globex Nordic AB", Money(5000, "EUR"), NORDIC, now)
        parent = Account.objects.get(company_name="Globex Ltd")
        Account.objects.filter(pk=account.pk, parent=None).update(parent=parent)
        self._billed(account, "Europe", "1756870300", (1, 4), now - timedelta(days=20), None)

    def _initech(self, now: datetime) -> None:
        """The published example: a limit of $1,000.00, one unpaid order of one item over $39.40."""
        account = self._company("Initech Inc", Money(1000, "USD"), INITECH, now)
        self._order(account, "North America", "1756876866", (0,), now - timedelta(hours=3))

    def _big(self, now: datetime, count: int) -> None:
        account = self._company("Umbrella Corp", Money(100_000_000, "USD"), BIG, now)
        for number in range(account.line_items.count(), count):
            region = REGIONS[number % len(REGIONS)][0]
            self._order(
                account, region, f"B{number:07d}", (number % len(SHELF),), now - timedelta(minutes=number)
            )

    def _company(self, name: str, limit: Money, members: tuple[Person, ...], now: datetime) -> Account:
        account = Account.objects.filter(company_name=name).first() or accounts.open_account(
            company_name=name,
            credit_limit=limit,
            at=now - timedelta(days=90),
            by=SYSTEM,
            billing_address_line_1="1 Main Street",
            billing_postal_code="62701",
            billing_city="Springfield",
            billing_state="IL",
            billing_country="US",
            email=f"ap@{name.split()[0].lower()}.example",
        )
        for email, person, role, permissions in members:
            user = User.objects.filter(email=email).first()
            if user is None:
                user = User.objects.create_user(email, PASSWORD, name=person)
            Membership.objects.get_or_create(
                user=user, account=account, defaults={"role": role, "permissions": permissions}
            )
            token = _token(email)
            if not CustomerToken.objects.filter(
                token_hash=hashlib.sha256(token.encode()).hexdigest()
            ).exists():
                accounts.create_token(user=user, name="Demo", at=now, by=SYSTEM, lifetime=None, token=token)
        return account

    def _order(
        self,
        account: Account,
        region: str,
        number: str,
        things: tuple[int, ...],
        at: datetime,
        placed_by: User | None = None,
    ) -> AccountLineItem | None:
        """The charge of a new order; None when the order was made on an earlier run."""
        if Order.objects.filter(display_id=number).exists():
            return None
        place = Region.objects.get(name=region)
        column = 2 if place.currency == "JPY" else 1
        positions = [
            orders.Position(SHELF[thing][0], Decimal(1), Decimal(SHELF[thing][column]), sku=f"NW-{thing:03d}")
            for thing in things
        ]
        return orders.place_order(
            account=account,
            region=place,
            display_id=number,
            positions=positions,
            placed_by=placed_by,
            at=at,
            by=SYSTEM,
        ).account_line_item

    def _billed(
        self,
        account: Account,
        region: str,
        number: str,
        things: tuple[int, ...],
        at: datetime,
        then: Callable[[Invoice, datetime], None] | None,
        placed_by: User | None = None,
    ) -> Invoice | None:
        """A new order that is on an invoice, and what happened to that; None when it was made on an earlier
        run."""
        line = self._order(account, region, number, things, at, placed_by)
        if line is None:
            return None
        invoice = invoices.create_invoice_from_line_items(
            account=account, region=line.region, line_item_ids=[line.pk], at=at + timedelta(days=2), by=SYSTEM
        )
        if then:
            then(invoice, at + timedelta(days=5))
        return invoice

    def _promise(self, invoice: Invoice, payer: User, at: datetime) -> None:
        session = payments.initiate_payment(
            invoice=invoice,
            provider_code="pp_system_default",
            at=at,
            by=payer.actor,
        )
        payments.complete_payment(session=session, at=at, by=payer.actor)

    def _customers(self) -> list[dict]:
        people = [person for company in (GLOBEX, NORDIC, INITECH, BIG) for person in company]
        places = Membership.objects.select_related("account", "user")
        return [
            {
                "email": email,
                "password": PASSWORD,
                "token": _token(email),
                "role": place.get_role_display(),
                "accounts": [place.account.number],
            }
            for email, *_ in people
            for place in places.filter(user__email=email)
        ]

    def _staff(self) -> list[dict]:
        return [{"email": email, "password": PASSWORD, "role": role} for email, _, role in STAFF]


def _token(email: str) -> str:
    """The same at every start, though only its hash is stored."""
    secret = hmac.new(settings.SECRET_KEY.encode(), f"demo:{email}".encode(), hashlib.sha256)
    return f"ctok_{secret.hexdigest()}"
