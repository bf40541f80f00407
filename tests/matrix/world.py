"""Two companies with the same kinds of rows, and everybody who could ask: the demo data, and what it
lacks."""

from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from io import StringIO
from typing import Any

from django.contrib.auth.models import Group, Permission
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from accounts import operations as accounts
from accounts.models import Account, CustomerToken, Invitation, Membership, Region, User
from core.audit import SYSTEM
from invoices import operations as invoices
from invoices.models import CreditNote
from invoicing_site.management.commands.demo_data import REGIONS, STAFF
from payments import operations as payments
from payments.models import (
    AccountCredit,
    BankMapping,
    Payment,
    PaymentProvider,
    PaymentSession,
    ProviderCall,
    ProviderEvent,
)
from payments.operations.issues import open_issue
from tests import factories
from tests.factories import MANUAL, STRIPE

BACKEND = "django.contrib.auth.backends.ModelBackend"
GLOBEX, INITECH = "Globex Ltd", "Initech Inc"
RANDOM_ID, RANDOM_NUMBER, RANDOM_CODE = 987654321, "ACC-2025-999999", "pp_nobody_nobody"
CUSTOMERS = {
    "junior": "bob@example.com",
    "senior": "sam@example.com",
    "admin": "alice@example.com",
    "stranger": "carol@example.com",
    "both": "max@example.com",  # a Senior Buyer at Globex, the Admin of Initech
}
SHARED = ("region", "provider", "code")  # the merchant's own rows: no company's, so never foreign


@dataclass(frozen=True)
class World:
    """`rows[company][kind]` is an id (a number for accounts' addresses); `tokens[name]` a bearer token,
    `token_ids[name]` its row, `sessions[name]` the cookie of a browser."""

    rows: dict[str, dict[str, Any]]
    users: dict[str, User]
    tokens: dict[str, str] = field(default_factory=dict)
    token_ids: dict[str, int] = field(default_factory=dict)
    sessions: dict[str, str] = field(default_factory=dict)

    def own(self, actor: str, kind: str) -> Any:
        """A row of the actor's company; of Globex for who has none."""
        if kind == "token":
            return self.token_ids.get("admin" if actor in ("cookie", "token") else actor, RANDOM_ID)
        return self.rows[self.company_of(actor)][kind]

    def foreign(self, actor: str, kind: str) -> Any:
        """The same kind of row of the other company."""
        if kind == "token":
            return self.token_ids["stranger" if actor != "stranger" else "admin"]
        return self.rows[GLOBEX if self.company_of(actor) == INITECH else INITECH][kind]

    @staticmethod
    def random(kind: str) -> Any:
        """An id that nothing has."""
        return {"number": RANDOM_NUMBER, "code": RANDOM_CODE}.get(kind, RANDOM_ID)

    @staticmethod
    def company_of(actor: str) -> str:
        return INITECH if actor in ("stranger", "both") else GLOBEX

    def marks_of_others(self, actor: str) -> list[str]:
        """Words that an answer to this actor must not hold: the other company's name, number and order."""
        if actor == "both":
            return []
        others = self.rows[GLOBEX if self.company_of(actor) == INITECH else INITECH]
        return [others["company_name"], others["number"], others["order"]]


def build() -> World:
    """The demo data, a few rows more, and one member of staff for each group that it makes."""
    call_command("demo_data", stdout=StringIO())
    now = timezone.now()
    stella = User.objects.get(email="stella@example.com")
    users = {name: User.objects.filter(email=email).first() for name, email in CUSTOMERS.items()}
    globex, initech = (Account.objects.get(company_name=name) for name in (GLOBEX, INITECH))
    users["both"] = User.objects.create_user(CUSTOMERS["both"], "x", name="Max Example")
    Membership.objects.create(user=users["both"], account=globex, role=Membership.Role.SENIOR_BUYER)
    Membership.objects.create(user=users["both"], account=initech, role=Membership.Role.ADMIN)
    world = World(
        rows={
            one.company_name: _rows(one, payer=users[who], staff=stella)
            for one, who in ((globex, "admin"), (initech, "stranger"))
        },
        users=users | _staff(stella),
    )
    for name, user in world.users.items():
        row, token = accounts.create_token(user=user, name="Matrix", at=now, by=SYSTEM)
        world.tokens[name], world.token_ids[name] = token, row.pk
        world.sessions[name] = _session(user)
    _booked_line(globex, stella)
    before = now - timedelta(days=100)
    _, world.tokens["expired"] = accounts.create_token(user=users["admin"], name="Old", at=before, by=SYSTEM)
    world.sessions["expired"] = _session(users["admin"], lasts=-1)
    CustomerToken.objects.update(last_used_at=now)  # or the first use of each is written down
    return world


def _rows(account: Account, *, payer: User, staff: User) -> dict[str, Any]:
    """An unpaid order, an invoice whose payment was begun, one that was paid, and what staff look at."""
    now = timezone.now()
    region = Region.objects.get(name=REGIONS[0][0])
    order = f"MATRIX{account.pk}"
    line = factories.an_unpaid_order(account, display_id=order, region=region, at=now)
    fresh, begun, paid = (
        factories.an_open_invoice(
            account,
            factories.an_unpaid_order(account, display_id=f"{order}-{name}", region=region, at=now),
            at=now,
        )
        for name in ("fresh", "begun", "paid")
    )
    session = factories.an_initiated_session(begun, MANUAL, by=payer.actor, at=now)
    payment = factories.a_promised_payment(paid, by=payer, at=now)
    payments.verify_manual_payment(payment=payment, at=now, staff=staff)
    invoices.make_documents(invoice=fresh, pay_url="https://example.com/", at=now)
    colleague = next(one for one in account.memberships.all() if one.tokens_of_it_alone().exists())
    _recorded(account, staff)
    _traces(payment.session, payment)
    _hanging(account, order, region)
    note = _corrected(account, order, region, staff)
    return {
        "company_name": account.company_name,
        "number": account.number,
        "order": order,
        "account": account.pk,
        "line": line.pk,
        "region": region.pk,
        "provider": PaymentProvider.objects.get(code=MANUAL).pk,
        "code": MANUAL,
        "invoice": fresh.pk,
        "begun": begun.pk,
        "collection": session.collection_id,
        "session": session.pk,
        "payment": payment.pk,
        "receipt": payment.receipt.pk,
        "credit note": note.pk,
        "receipt line": payment.allocations.get().pk,
        "cart": fresh.pk,
        "member": account.memberships.last().pk,
        "colleague's token": colleague.tokens_of_it_alone().first().pk,
        "invitation": _invited(account, payer).pk,
    }


def _invited(account: Account, by: User) -> Invitation:
    return accounts.invite_member(
        account=account,
        email="zoe@example.com",
        role=Membership.Role.SENIOR_BUYER,
        permissions={},
        at=timezone.now(),
        by=accounts.customer_for_user(by),
    )


def _recorded(account: Account, staff: User) -> None:
    """A cheque that no invoice took."""
    now = timezone.now()
    received = payments.Received("check", now.date(), "USD", 100)
    payments.record_payment(account=account, received=received, at=now, staff=staff)


def _booked_line(account: Account, staff: User) -> None:
    """A line of a bank statement that became a payment."""
    now, mapping = timezone.now(), BankMapping.objects.get()
    content = f"Date,Amount,Currency,Text,Payer,Payer account\n{now.date()},1.00,USD,Unknown,,".encode()
    statement = payments.import_statement(
        content=content, file_name="matrix.csv", mapping=mapping, at=now, staff=staff
    )
    line = statement.lines.get()
    received = payments.Received("wire_transfer", line.day, "USD", 100)
    payments.record_line(line=line, account=account, received=received, at=now, staff=staff)


def _hanging(account: Account, order: str, region: Region) -> None:
    """A card payment that nobody decided."""
    now = timezone.now()
    line = factories.an_unpaid_order(account, display_id=f"{order}-hangs", region=region, at=now)
    collection = factories.a_collection_over(factories.an_open_invoice(account, line, at=now), at=now)
    session = collection.sessions.get(provider__code=STRIPE)
    PaymentSession.objects.filter(pk=session.pk).update(
        status="capturing", claimed_at=now, reference=f"pi_{session.pk}"
    )


def _corrected(account: Account, order: str, region: Region, staff: User) -> CreditNote:
    """An invoice that was partly credited and written off, with the paper of that; and a draft."""
    now = timezone.now()
    line = factories.an_unpaid_order(account, display_id=f"{order}-corrected", region=region, at=now)
    invoice = factories.an_open_invoice(account, line, at=now)
    lines = {invoice.line_items.get().pk: 100}
    note = payments.credit_invoice(invoice=invoice, amounts=lines, reason="Broken", at=now, staff=staff)
    invoices.make_credit_note_document(note=note, at=now)
    payments.write_off(invoice=invoice, amount=100, reason="Lost", at=now, staff=staff)
    draft = invoices.Draft(lines=[invoices.FreeLine("Desk lamp", Decimal(1), Decimal("39.40"))])
    invoices.create_draft(account=account, region=region, draft=draft, at=now, staff=staff)
    return note


def _traces(session: PaymentSession, payment: Payment) -> None:
    """One row of each kind that only the back office shows."""
    now = timezone.now()
    open_issue("undecided", "Nobody knows.", session=session, payment=payment, amount=3940, at=now)
    AccountCredit.objects.create(
        account=payment.account, payment=payment, currency="USD", amount=5, reason="Too much", created_at=now
    )
    Payment.objects.create(
        provider=session.provider,
        reference=f"nobodys-{session.pk}",
        currency="USD",
        amount=700,
        status="unassigned",
        created_at=now,
        captured_at=now,
    )
    ProviderCall.objects.create(session=session, kind="capture", created_at=now)
    ProviderEvent.objects.create(
        provider=session.provider, event_id=f"evt_{session.pk}", kind="paid", received_at=now
    )


def _session(user: User, lasts: int | None = None) -> str:
    """The key of a signed-in session, which ends after so many seconds."""
    client = Client()
    client.force_login(user, BACKEND)
    session = client.session
    session["seen"] = int(timezone.now().timestamp())  # or the first page of each is written down
    session.set_expiry(lasts)
    session.save()
    return str(session.session_key)


def _staff(stella: User) -> dict[str, User]:
    """Somebody without any right, one of each group of the demo data, one with every single permission, and
    Stella, who may do everything."""
    staff = {"staff": _member("without rights")}
    for group in Group.objects.order_by("name"):
        staff[group.name] = _member(group.name.lower())
        staff[group.name].groups.add(group)
    staff["every permission"] = _member("every")
    staff["every permission"].user_permissions.set(Permission.objects.all())
    return staff | {"superuser": stella}


def _member(name: str) -> User:
    address = f"{name.replace(' ', '-')}@staff.example"
    return User.objects.create_user(address, "x", name=name.title(), is_staff=True)


def groups() -> list[str]:
    """The groups of staff that the demo data makes, as its list of staff names them."""
    return sorted({role for _, _, role in STAFF} - {"Superuser"})
