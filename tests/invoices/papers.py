"""Papers as documents are drawn from, and what can be read from the PDF of one."""

import json
import os
from collections.abc import Iterator, Mapping
from functools import lru_cache
from io import BytesIO
from typing import Any, NamedTuple

from pypdf import PageObject, PdfReader

from invoices.documents.fonts import has_system_font
from invoices.documents.pdf import invoice_pdf, receipt_pdf, statement_pdf

SELLER = {
    "legal_name": "Northwind Supply GmbH",
    "name": "Northwind Supply",
    "email": "billing@northwind.example",
    "phone": "+49 30 5550100",
    "address_line_1": "Hafenstr. 1",
    "address_line_2": "",
    "postal_code": "10115",
    "city": "Berlin",
    "state": "",
    "country": "DE",
    "tax_id": "DE123456789",
    "bank_account_holder": "Northwind Supply GmbH",
    "bank_name": "Example Bank",
    "iban": "DE89370400440532013000",
    "bic": "COBADEFFXXX",
    "locale": "en_US",
    "time_zone": "UTC",
}
BUYER = {
    "number": "ACC-2025-825236",
    "company_name": "Globex Ltd",
    "email": "ap@globex.example",
    "phone": "",
    "tax_id": "GB123456789",
    "billing_address_line_1": "1 High Street",
    "billing_address_line_2": "",
    "billing_postal_code": "SW1A 1AA",
    "billing_city": "London",
    "billing_state": "",
    "billing_country": "GB",
    "locale": "en_US",
}


def a_line(description: str = "Order #1756876866 - 1 items", net: int = 3940, **changes: Any) -> dict:
    """One piece of something, without tax; `net` in minor units of a currency with two places."""
    line: dict[str, Any] = {
        "description": description,
        "quantity": "1",
        "unit_price": f"{net / 100:.2f}",
        "tax_rate": "0",
        "net_amount": net,
        "tax_amount": 0,
    } | changes
    return line | {"amount": line["net_amount"] + line["tax_amount"]}


def a_paper(
    *lines: dict,
    seller: Mapping[str, Any] | None = None,
    buyer: Mapping[str, Any] | None = None,
    **changes: Any,
) -> dict:
    """Invoice INV-2025-001 to Globex: $39.40 unless told otherwise."""
    lines = lines or (a_line(),)
    return {
        "number": "INV-2025-001",
        "issue_date": "2025-09-03",
        "due_date": "2025-10-03",
        "currency": "USD",
        "title": "North America Invoice",
        "description": "",
        "seller": SELLER | dict(seller or {}),
        "buyer": BUYER | dict(buyer or {}),
        "lines": list(lines),
        "total_amount": sum(line["amount"] for line in lines),
    } | changes


def lines(count: int) -> list[dict]:
    return [a_line(f"Line {number}", 100 + number) for number in range(1, count + 1)]


def a_receipt(**changes: Any) -> dict:
    """Receipt 2025-000031 over $120.40: two invoices, a surplus, and money that went back both ways."""
    return {
        "number": "2025-000031",
        "paid_date": "2025-10-03",
        "currency": "USD",
        "amount": 12040,
        "method": "card",
        "last4": "4242",
        "label": "Card",
        "provider": "Stripe",
        "payer": "Alice Example",
        "reference": "pi_3SxYzABCDEFGHIJKLMNOPQRS",
        "seller": SELLER,
        "buyer": BUYER,
        "parts": [
            {"number": "INV-2025-001", "issue_date": "2025-09-03", "amount": 3940},
            {"number": "INV-2025-007", "issue_date": "2025-09-09", "amount": 8000},
        ],
        "credit": 100,
        "refunds": [
            {"date": "2025-11-02", "amount": 500, "kind": "chargeback"},
            {"date": "2025-11-03", "amount": 700, "kind": "refund"},
        ],
    } | changes


def a_statement(count: int, text: str = "Order #1756876866 - 1 items", **changes: Any) -> dict:
    """So many lines of $39.40, every third one paid by card, after an opening balance of $100.00."""
    paid_with = {"method": "card", "last4": "4242", "label": "Card", "provider": "Stripe"}
    balance = 10000
    entries: list[dict[str, Any]] = []
    for number in range(1, count + 1):
        is_paid = number % 3 == 0
        balance += -3940 if is_paid else 3940
        entries.append(
            {
                "date": f"2025-10-{min(number, 31):02}",
                "what": "payment" if is_paid else "charge",
                "text": "" if is_paid else f"{text} {number}",
                **(paid_with if is_paid else {"method": ""}),
                "papers": ["2025-000031", "INV-2025-001"] if is_paid else ["INV-2025-001"],
                "charge": 0 if is_paid else 3940,
                "payment": 3940 if is_paid else 0,
                "balance": balance,
                "original": None,
            }
        )
    return {
        "date": "2026-01-02",
        "first": "2025-10-01",
        "last": "2025-12-31",
        "currency": "USD",
        "opening": 10000,
        "closing": balance,
        "charged": sum(entry["charge"] for entry in entries),
        "paid": sum(entry["payment"] for entry in entries),
        "entries": entries,
        "seller": SELLER,
        "buyer": BUYER,
    } | changes


ARABIC = {
    "locale": "ar",
    "company_name": "شركة الخليج للتجارة",
    "billing_city": "الكويت",
    "billing_country": "KW",
}
JAPANESE = {"locale": "ja", "company_name": "株式会社骨直令", "billing_country": "JP"}
# Where everything must be tried, a missing font fails; on somebody's desk it is told.
LACKS_FONT = not has_system_font() and os.environ.get("CI") != "true"
CASES = {
    "one line": a_paper(currency="EUR"),
    "60 lines": a_paper(*lines(60), currency="EUR"),
    "400 lines": a_paper(*lines(400)),
    "Arabic, three decimals": a_paper(
        a_line("صمامات", 39400, unit_price="39.400"), buyer=ARABIC, currency="KWD"
    ),
    "Japanese, no decimals": a_paper(
        a_line("産業用ねじ", 118200, unit_price="118200"), currency="JPY", buyer=JAPANESE
    ),
    "no tax id": a_paper(seller={"tax_id": ""}, buyer={"tax_id": ""}),
    "receipt": a_receipt(),
    "Arabic receipt": a_receipt(buyer=BUYER | ARABIC, currency="KWD"),
    "statement": a_statement(70),
    "Japanese statement": a_statement(5, "産業用ねじ", buyer=BUYER | JAPANESE, currency="JPY"),
}


def printed(paper: Mapping[str, Any], *, pay_now_url: str = "", is_test_mode: bool = False) -> PdfReader:
    return PdfReader(BytesIO(drawn(paper, pay_now_url=pay_now_url, is_test_mode=is_test_mode)))


def drawn(paper: Mapping[str, Any], *, pay_now_url: str = "", is_test_mode: bool = False) -> bytes:
    """The PDF of an invoice, receipt or statement. Drawn once for all tests that ask for the same."""
    return _drawn(json.dumps(paper), pay_now_url, is_test_mode)


@lru_cache(maxsize=64)
def _drawn(told: str, pay_now_url: str, is_test_mode: bool) -> bytes:
    paper = json.loads(told)
    if "entries" in paper:
        return statement_pdf(paper, is_test_mode=is_test_mode)
    if "parts" in paper:
        return receipt_pdf(paper, is_test_mode=is_test_mode)
    return invoice_pdf(paper, pay_now_url=pay_now_url, is_test_mode=is_test_mode)


def texts(pdf: PdfReader) -> list[str]:
    """The text of each page."""
    return [page.extract_text() for page in pdf.pages]


class Piece(NamedTuple):
    text: str
    x: float  # millimetres from the paper's left edge
    y: float  # millimetres from its upper edge to the line the letters stand on
    size: float  # points
    is_bold: bool


def pieces(page: PageObject) -> list[Piece]:
    """Each run of text with its place."""
    found = []

    def note(text: str, _: Any, matrix: list[float], font: Any, size: float) -> None:
        if text.strip():
            x, y = (round(value / 96 * 25.4, 1) for value in matrix[4:6])
            found.append(Piece(text.strip(), x, y, round(size * 0.75, 1), "Bold" in font["/BaseFont"]))

    page.extract_text(visitor_text=note)
    return found


def tags(pdf: PdfReader) -> Iterator[Any]:
    """The elements of the tag tree in reading order."""

    def below(element: Any) -> Iterator[Any]:
        element = element.get_object()
        if isinstance(element, dict) and "/S" in element:
            yield element
            for child in element["/K"]:
                yield from below(child)

    root: Any = pdf.trailer["/Root"]
    return below(root["/StructTreeRoot"]["/K"][0])


def fonts(pdf: PdfReader) -> dict[str, bool]:
    """Name of each font without the tag of its subset, and whether it is embedded."""
    found = {}
    for page in pdf.pages:
        resources: Any = page["/Resources"]
        for entry in resources["/Font"].values():
            font = entry.get_object()
            descriptor = font["/DescendantFonts"][0].get_object()["/FontDescriptor"]
            found[font["/BaseFont"].split("+")[1]] = "/FontFile2" in descriptor or "/FontFile3" in descriptor
    return found
