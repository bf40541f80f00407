"""Frozen snapshots as issuing makes them, and what can be read from the PDF of one."""

from collections.abc import Iterator, Mapping
from io import BytesIO
from typing import Any, NamedTuple

from pypdf import PageObject, PdfReader

from invoices.documents.pdf import invoice_pdf

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


def printed(paper: Mapping[str, Any], *, pay_now_url: str = "", is_test_mode: bool = False) -> PdfReader:
    return PdfReader(BytesIO(invoice_pdf(paper, pay_now_url=pay_now_url, is_test_mode=is_test_mode)))


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
