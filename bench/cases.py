"""What is measured: each case is the site's way, and its floor's."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from bench import BARE, FLOOR
from bench.client import Client
from tests.documents import COMPLETE, CREATE_INVOICE, CREATE_SESSIONS, GET_ACCOUNTS, INITIATE

MANUAL = "pp_system_default"
SCALARS = (
    "id createdAt updatedAt storeHash customerId externalId externalCustomerId invoiceNumber type dueDate "
    "status orderNumber purchaseOrderNumber pendingPaymentCount source notAllowedPay bcInformation "
    "timeOffset channelId channelName originalBalance { code value } openBalance { code value }"
)


@dataclass(frozen=True)
class Case:
    """`site`, `floor` and `bare` (the floor without middleware) each do the job once. One job of the site may
    be several requests. `bar` is how many times the floor's CPU the site may use; None: it is only told."""

    name: str
    items: int
    bar: float | None
    jobs: int  # of the site in one round
    floor_jobs: int
    site: Callable[[], Any]
    floor: Callable[[], Any]
    bare: Callable[[], Any]


def read_case(client: Client, company: dict[str, Any], *, bar: float | None, jobs: int) -> Case:
    """`getCustomerAccounts` of a company beside a view that reads and serializes its unpaid charges."""
    count, account = len(company["lines"]), company["account"]

    def site() -> None:
        client.ask("POST", "/api/graphql", {"query": GET_ACCOUNTS}, company["token"])

    def floor(path: str) -> Callable[[], Any]:
        return lambda: client.ask("GET", f"{path}unpaid/{account}")

    told = client.graphql(GET_ACCOUNTS, company["token"])["getCustomerAccounts"][0]
    rows = json.loads(floor(BARE)())["rows"]
    if (told["unpaidLineItemsByRegion"]["totalUnpaidItems"], len(rows)) != (count, count):
        raise RuntimeError(f"Both must tell {count} unpaid charges")
    return Case("getCustomerAccounts", count, bar, jobs, jobs, site, floor(FLOOR), floor(BARE))


def invoices_case(client: Client, company: dict[str, Any], *, bar: float, jobs: int) -> Case:
    """`invoices(first: 100)` with all scalar fields beside a view that reads and serializes the same rows."""
    query = f"{{ invoices(first: 100) {{ edges {{ node {{ {SCALARS} }} }} }} }}"
    return _beside(client, company, "invoices(first: 100)", "invoices", bar, jobs, query=query)


def list_case(client: Client, company: dict[str, Any], *, bar: float, jobs: int) -> Case:
    """The page of the list of invoices beside a bare template with the same rows."""
    path = f"/account/{company['number']}/invoices/"
    return _beside(client, company, "list of invoices", "listed", bar, jobs, path=path)


def csv_case(client: Client, company: dict[str, Any], *, bar: float, jobs: int) -> Case:
    """The export of all invoices of a company beside `csv.writer` over a cursor with the same rows."""
    path = f"/account/{company['number']}/invoices/export/"
    told = client.ask("GET", path, token=company["token"]).decode().splitlines()
    plain = client.ask("GET", f"{BARE}exported/{company['account']}").decode().splitlines()
    if (len(told), len(plain)) != (company["invoices"] + 1, company["invoices"]):
        raise RuntimeError(f"Both must tell {company['invoices']} invoices, one of them with a head")
    return _beside(client, company, "CSV of invoices", "exported", bar, jobs, path=path)


def _beside(
    client: Client,
    company: dict[str, Any],
    name: str,
    floor: str,
    bar: float,
    jobs: int,
    *,
    query: str = "",
    path: str = "",
) -> Case:
    def site() -> None:
        if query:
            client.ask("POST", "/api/graphql", {"query": query}, company["token"])
        else:
            client.ask("GET", path, token=company["token"])

    def beside(where: str) -> Callable[[], Any]:
        return lambda: client.ask("GET", f"{where}{floor}/{company['account']}")

    if query:
        edges = client.graphql(query, company["token"])["invoices"]["edges"]
        if len(edges) != 100 or len(json.loads(beside(BARE)())["rows"]) != 100:
            raise RuntimeError("Both must tell 100 invoices")
    return Case(name, company["invoices"], bar, jobs, jobs, site, beside(FLOOR), beside(BARE))


def cycle_case(client: Client, company: dict[str, Any], *, bar: float, jobs: int) -> Case:
    """Create, sessions, initiate and complete (by bank transfer), each time over another order, beside the
    smallest transaction that books an invoice and a payment."""
    lines: Iterator[int] = iter(company["lines"])
    token = company["token"]

    def site() -> None:
        made = client.graphql(
            CREATE_INVOICE,
            token,
            accountId=company["account"],
            regionId=company["region"],
            lineItemIds=[next(lines)],
        )
        invoice = made["createInvoiceFromLineItems"]["invoice"]["id"]
        client.graphql(CREATE_SESSIONS, token, invoiceId=invoice)
        opened = client.graphql(INITIATE, token, invoiceId=invoice, paymentProviderId=MANUAL)
        session = opened["initiateInvoicePaymentSession"]["id"]
        ended = client.graphql(COMPLETE, token, paymentSessionId=session)["completeInvoicePayment"]
        if ended["status"] != "manual_pending":
            raise RuntimeError(f"The cycle ended with {ended}")

    asked = {"account": company["account"], "provider": company["provider"], "amount": 3940}

    def floor(path: str) -> Callable[[], Any]:
        return lambda: client.ask("POST", f"{path}book", asked)

    return Case("payment cycle", 1, bar, jobs, 4 * jobs, site, floor(FLOOR), floor(BARE))
