"""The clients of `battery.load`, in a process of their own: what they ask, and what came of it."""

from invoicing_site.wsgi import application  # isort: skip  it sets Django up, which the others need

import http.client
import json
import os
import sys
import time
from collections import Counter, deque
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from statistics import median, quantiles
from threading import Event, Lock, Thread
from typing import Any

from django.conf import settings
from django.db import connection
from django.test import Client as Browser
from django.utils import timezone
from moneyed import Money

from accounts import operations as accounts
from accounts.models import Account, Membership, User
from core.audit import SYSTEM
from core.errors import Refusal
from core.outbox import OutboxMessage
from invoices import operations as invoices
from invoices.models import Invoice
from payments import operations
from payments.models import Payment
from payments.operations.invariants import broken_invariants
from payments.sandbox.server import Sandbox
from tests import factories
from tests.documents import COMPLETE, CREATE_INVOICE, CREATE_SESSIONS, GET_ACCOUNTS, INITIATE
from tests.factories import MANUAL, PAYPAL, STRIPE

__all__ = ["application"]
CLIENTS, COMPANIES = 8, 6
JOBS = {"read": 70, "invoice": 20, "payment": 10}
PROVIDERS = (STRIPE, STRIPE, STRIPE, PAYPAL, PAYPAL, MANUAL)
KEPT_OPEN = 30  # invoices of a company; older ones are cancelled, so that pages stay as long as they are
CARD = "4242424242424242"
WARM = 120  # seconds after which the server's memory must not grow
GROWTH = 1.10  # of the server's memory since then, at most
SAMPLE = 2.0  # seconds between two looks at it
PATIENCE = 180  # seconds for the worker to finish
PAID_INVOICES = "{ getCustomerPaidInvoices }"
ACTIVE_INVOICE = "query ($id: ID!) { activeInvoice(invoiceId: $id) { id status openBalance itemCount } }"


@dataclass
class Company:
    """A customer's company: whom it signs in as, and the invoices it did not pay yet."""

    account: Account
    token: str
    cookie: str
    unpaid: deque[int] = field(default_factory=deque)


def a_company(number: int) -> Company:
    account = factories.an_account(f"Company {number}", Money(10**9, "USD"))
    user = User.objects.create_user(f"buyer-{number}@example.com", name=f"Buyer {number}")
    Membership.objects.create(user=user, account=account, role=Membership.Role.ADMIN)
    _, token = accounts.create_token(user=user, name="load", at=timezone.now(), by=SYSTEM)
    browser = Browser()
    browser.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return Company(account, token, browser.cookies[settings.SESSION_COOKIE_NAME].value)


@dataclass
class Tally:
    """What was asked by all clients: seconds of each kind, answers that must not be, other refusals."""

    seconds: dict[str, list[float]] = field(default_factory=dict)
    wrong: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    lock: Lock = field(default_factory=Lock)

    def add(self, kind: str, took: float) -> None:
        with self.lock:
            self.seconds.setdefault(kind, []).append(took)

    @property
    def requests(self) -> int:
        return sum(len(times) for times in self.seconds.values())


class Line:
    """One client's kept-alive connection."""

    def __init__(self, tally: Tally) -> None:
        self.tally = tally
        self.connection = http.client.HTTPConnection("127.0.0.1", settings.PORT, timeout=60)

    def ask(self, kind: str, method: str, path: str, body: str | None, headers: dict[str, str]) -> bytes:
        began = time.perf_counter()
        self.connection.request(method, path, body, headers)
        answer = self.connection.getresponse()
        told = answer.read()
        self.tally.add(kind, time.perf_counter() - began)
        if answer.status >= 500:
            self.tally.wrong[f"{kind} {answer.status}"] += 1
        elif answer.status != 200:
            self.tally.refused[f"{kind} {answer.status}"] += 1
        return told

    def graphql(self, kind: str, company: Company, query: str, **variables: Any) -> Any:
        """The data, or None where it was refused."""
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {company.token}"}
        body = json.dumps({"query": query, "variables": variables})
        answer = json.loads(self.ask(kind, "POST", "/api/graphql", body, headers))
        for error in answer.get("errors", ()):
            code = error["extensions"]["code"]
            (self.tally.wrong if code == "INTERNAL" else self.tally.refused)[f"{kind} {code}"] += 1
        return None if "errors" in answer else answer["data"]

    def page(self, kind: str, company: Company, path: str) -> None:
        cookie = f"{settings.SESSION_COOKIE_NAME}={company.cookie}"
        self.ask(kind, "GET", path, None, {"Cookie": cookie})


class Client(Thread):
    """Does one job after another until it is told to stop."""

    def __init__(self, number: int, load: "Load") -> None:
        super().__init__(name=f"client-{number}")
        self.load, self.random = load, Random(number)

    def run(self) -> None:
        line = Line(self.load.tally)
        while not self.load.over.is_set():
            (job,) = self.random.choices(list(JOBS), list(JOBS.values()))
            company = self.load.companies[0]
            if self.random.random() < 0.5:
                company = self.random.choice(self.load.companies[1:])
            try:
                getattr(self, job)(line, company)
            except (OSError, http.client.HTTPException) as error:
                self.load.tally.wrong[f"{job} {type(error).__name__}"] += 1
                line = Line(self.load.tally)
        connection.close()

    def read(self, line: Line, company: Company) -> None:
        path = f"/account/{company.account.number}/"
        what = self.random.randrange(6)
        one = self._any_unpaid(company)
        if what <= 1 or one is None:
            line.graphql("getCustomerAccounts", company, GET_ACCOUNTS)
        elif what == 2:
            line.graphql("getCustomerPaidInvoices", company, PAID_INVOICES)
        elif what == 3:
            line.graphql("activeInvoice", company, ACTIVE_INVOICE, id=one)
        elif what == 4:
            line.page("page of an account", company, path)
        else:
            line.page("page of an invoice", company, f"{path}invoices/{one}/")

    def _any_unpaid(self, company: Company) -> int | None:
        with suppress(IndexError):  # another client may take the last one
            return self.random.choice(company.unpaid)
        return None

    def invoice(self, line: Line, company: Company) -> None:
        """An order comes in and is billed; what is unpaid for long is cancelled by staff."""
        made = self._billed(line, company)
        if made is None:
            return
        line.graphql("createInvoicePaymentSessions", company, CREATE_SESSIONS, invoiceId=made)
        company.unpaid.append(made)
        if len(company.unpaid) > KEPT_OPEN:
            oldest = Invoice.objects.get(pk=company.unpaid.popleft())
            with suppress(Refusal):
                invoices.cancel_invoice(invoice=oldest, at=timezone.now(), staff=None, reason="Unpaid")

    def _billed(self, line: Line, company: Company) -> int | None:
        charge = factories.an_unpaid_order(
            company.account, display_id=f"{time.monotonic_ns()}", region=self.load.region, at=timezone.now()
        )
        told = line.graphql(
            "createInvoiceFromLineItems",
            company,
            CREATE_INVOICE,
            accountId=company.account.pk,
            regionId=charge.region_id,
            lineItemIds=[charge.pk],
        )
        return told and int(told["createInvoiceFromLineItems"]["invoice"]["id"])

    def payment(self, line: Line, company: Company) -> None:
        """An invoice is paid from the beginning to the end."""
        invoice, code = self._billed(line, company), self.random.choice(PROVIDERS)
        if invoice is None:
            return
        line.graphql("createInvoicePaymentSessions", company, CREATE_SESSIONS, invoiceId=invoice)
        opened = line.graphql(
            "initiateInvoicePaymentSession", company, INITIATE, invoiceId=invoice, paymentProviderId=code
        )
        if opened is None:
            return
        session = opened["initiateInvoicePaymentSession"]
        if code == STRIPE:
            self.load.sandbox.confirm_card(session["data"]["clientSecret"], CARD)
        elif code == PAYPAL:
            self.load.sandbox.approve_paypal(session["data"]["orderId"])
        ended = line.graphql("completeInvoicePayment", company, COMPLETE, paymentSessionId=session["id"])
        status = ended and ended["completeInvoicePayment"]["status"]
        self.load.paid[str(status)] += 1
        if status == "manual_pending":
            promise = Payment.objects.get(session=session["id"])
            operations.verify_manual_payment(payment=promise, at=timezone.now(), staff=self.load.staff)


class Memory(Thread):
    """Looks at the resident memory of the server's processes, in megabytes."""

    def __init__(self, over: Event) -> None:
        super().__init__(name="memory")
        self.over, self.began = over, time.monotonic()
        self.seen: list[tuple[float, float]] = []

    def run(self) -> None:
        while not self.over.wait(SAMPLE):
            self.seen.append((time.monotonic() - self.began, resident(int(os.environ["SERVER"]))))

    def between(self, begin: float, end: float) -> float:
        """The median of what was seen then; 0: nothing."""
        return median([size for at, size in self.seen if begin <= at <= end] or [0.0])


def resident(pid: int) -> float:
    """Megabytes of a process and of all its children."""
    total, waiting = 0.0, [pid]
    while waiting:
        place = Path(f"/proc/{waiting.pop()}")
        with suppress(OSError):
            status = dict(
                line.split(":", 1) for line in (place / "status").read_text().splitlines() if ":" in line
            )
            total += int(status["VmRSS"].split()[0]) / 1024
            for task in (place / "task").iterdir():
                waiting += map(int, (task / "children").read_text().split())
    return total


class Load:
    """All of it: the companies, the sandbox, the clients and what they found."""

    def __init__(self, seconds: int) -> None:
        self.seconds, self.over = seconds, Event()
        self.tally, self.paid = Tally(), Counter[str]()
        base = settings.STRIPE_API_BASE
        database = Path(os.environ["LOAD_FOLDER"]) / "sandbox.sqlite3"
        self.sandbox = Sandbox(
            "127.0.0.1", int(base.rpartition(":")[2]), database, webhook_base=settings.SITE_URL
        )
        factories.an_organization()
        self.region = factories.a_region()
        self.companies = [a_company(number) for number in range(COMPANIES)]
        self.staff = User.objects.create_superuser("stella@example.com", "correct horse", name="Stella")
        self.memory = Memory(self.over)

    def drive(self) -> None:
        self.sandbox.start()
        clients = [Client(number, self) for number in range(CLIENTS)]
        for thread in (*clients, self.memory):
            thread.start()
        self.over.wait(self.seconds)
        self.over.set()
        for thread in (*clients, self.memory):
            thread.join()

    def settle(self) -> int:
        """Let the webhooks come and the worker finish; answers what it left."""
        deadline = time.monotonic() + PATIENCE
        with suppress(TimeoutError):
            self.sandbox.flush_webhooks(PATIENCE)
        undone = OutboxMessage.objects.exclude(status="done")
        while undone.exists() and time.monotonic() < deadline:
            time.sleep(1)
        return undone.count()

    def report(self) -> bool:
        """Print what came of it; whether all was as it must be."""
        wanted = [*self._tell_times(), *self._tell_memory(), *self._tell_books()]
        for what, is_kept in wanted:
            print(f"{'   ' if is_kept else '!! '}{what}")
        return all(is_kept for _, is_kept in wanted)

    def _tell_times(self) -> list[tuple[str, bool]]:
        print(f"{'request':<34}{'count':>8}{'a second':>10}{'p50 ms':>9}{'p95 ms':>9}")
        for kind, times in sorted(self.tally.seconds.items()):
            cuts = quantiles(times, n=20) if len(times) > 1 else times * 19
            rate = len(times) / self.seconds
            print(
                f"{kind:<34}{len(times):>8}{rate:>10.1f}{1000 * median(times):>9.1f}{1000 * cuts[18]:>9.1f}"
            )
        rate = self.tally.requests / self.seconds
        wrong, refused = dict(self.tally.wrong), dict(self.tally.refused)
        return [
            (f"{rate:.1f} requests a second; paid: {dict(self.paid)}", self.tally.requests > 0),
            (f"answers of 500 and above, and none at all: {wrong or 'none'}", not wrong),
            (f"refused: {refused or 'none'}", not refused),
            (f"deadlocks: {_deadlocks()}", _deadlocks() == 0),
        ]

    def _tell_memory(self) -> list[tuple[str, bool]]:
        begin = self.memory.between(WARM - 10, WARM + 10)
        end = self.memory.between(0.8 * self.seconds, self.seconds)
        start = self.memory.between(0, 10)
        told = f"memory of the server: {start:.0f} MB at first"
        if not begin or self.seconds < 1.25 * WARM:
            return [(f"{told}, {end:.0f} MB at last (too short to say more)", True)]
        growth = end / begin
        told += f", {begin:.0f} MB after {WARM} s, {end:.0f} MB at last (× {growth:.3f}, at most {GROWTH})"
        return [(told, growth <= GROWTH)]

    def _tell_books(self) -> list[tuple[str, bool]]:
        undone = self.settle()
        before = [str(one) for one in broken_invariants(at=timezone.now())]
        done = operations.reconcile(at=timezone.now(), everything=True)
        after = [str(one) for one in broken_invariants(at=timezone.now())]
        ours = Counter(Payment.objects.captured().exclude(provider__code=MANUAL).values_list("reference"))
        theirs = Counter(
            (one.reference if one.provider == "stripe" else one.transaction,) for one in self.sandbox.ledger()
        )
        return [
            (f"left by the worker: {undone}", undone == 0),
            (f"broken invariants: {before + after or 'none'}", not before + after),
            (f"reconciled: {done}", done.unreachable == 0),
            (f"captured {theirs.total()}, booked {ours.total()}", ours == theirs),
        ]


def _deadlocks() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
        return cursor.fetchone()[0]


def main() -> None:
    load = Load(int(sys.argv[1]))
    load.drive()
    try:
        kept = load.report()
    finally:
        load.sandbox.stop()
    sys.exit(0 if kept else 1)


if __name__ == "__main__":
    main()
