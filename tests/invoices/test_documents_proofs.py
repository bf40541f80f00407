"""Every kind of document is archivable (PDF/A-3b), readable to all (PDF/UA-1), and whole."""

import re
from functools import cache

import pytest
from qrcode.constants import ERROR_CORRECT_M
from qrcode.main import QRCode

from invoices.documents.transfer import epc_payload
from tests.invoices.papers import (
    CASES,
    LACKS_FONT,
    SELLER,
    a_line,
    a_paper,
    a_receipt,
    drawn,
    pieces,
    printed,
    tags,
    texts,
)
from tests.invoices.proofs import Pdf

PAGES = {"60 lines": 3, "400 lines": 14, "statement": 4}
LANGUAGES = {"Arabic": "ar", "Japanese": "ja"}


@pytest.fixture(
    params=[
        pytest.param(
            name,
            marks=pytest.mark.skipif(
                "Japanese" in name and LACKS_FONT, reason="needs the system's Noto Sans CJK"
            ),
        )
        for name in CASES
    ]
)
def case(request):
    return request.param


@cache
def opened(name):
    return Pdf(drawn(CASES[name], is_test_mode=False))


def test_it_is_whole_and_says_what_it_is(case):
    pdf, root = opened(case), opened(case).root
    assert pdf.faults() == []
    assert len(pdf.file.pages) == PAGES.get(case, 1)
    assert 'pdfaid:part="3" pdfaid:conformance="B"' in pdf.metadata
    assert 'pdfuaid:part="1"' in pdf.metadata
    assert "<pdfaSchema:prefix>pdfuaid</pdfaSchema:prefix>" in pdf.metadata
    assert [str(intent.S) for intent in root.OutputIntents] == ["/GTS_PDFA1"]
    assert root.MarkInfo.Marked is True
    assert root.ViewerPreferences.DisplayDocTitle is True
    assert str(root.Lang) == LANGUAGES.get(case.split(",")[0].split()[0], "en-US")
    title = str(pdf.file.docinfo["/Title"])
    assert title.endswith(f" - {SELLER['legal_name']}")
    assert f">{title}<" in pdf.metadata


def test_its_fonts_are_embedded_and_have_every_sign(case):
    pdf = opened(case)
    assert pdf.fonts()
    assert all(re.fullmatch(r"/[A-Z]{6}\+.+", name) and font for name, font in pdf.fonts().items())
    assert pdf.boxes() == 0


def test_all_that_it_says_is_tagged_or_said_to_be_left_out(case):
    assert opened(case).untagged() == 0
    elements = list(tags(printed(CASES[case])))
    kinds = [element["/S"] for element in elements]
    assert kinds.count("/H1") == 1
    assert kinds[0] == "/Document"
    names = {str(element["/ID"]) for element in elements if "/ID" in element}
    cells = [element for element in elements if element["/S"] == "/TD"]
    assert cells
    for cell in cells:
        assert cell["/A"]["/Headers"]
        assert {str(name) for name in cell["/A"]["/Headers"]} <= names


def test_a_sign_that_no_font_has_is_found():
    """A control: the proof above sees a box where one is."""
    assert Pdf(drawn(a_paper(a_line("Widgets \ue000\ue001")))).boxes() == 2


def test_the_code_says_what_stands_beside_it():
    """Read from the PDF, module by module: the code of the same holder, account, amount and reference."""
    payload = epc_payload(
        holder=SELLER["legal_name"],
        iban=SELLER["iban"],
        bic=SELLER["bic"],
        amount=3940,
        currency="EUR",
        reference="INV-2025-001",
    )
    code = QRCode(error_correction=ERROR_CORRECT_M, border=4)
    code.add_data(payload.encode(), optimize=0)
    rows = code.get_matrix()
    dark = {(x, y) for y, row in enumerate(rows) for x, is_dark in enumerate(row) if is_dark}
    assert opened("one line").modules() == dark


# Receipts and statements


def test_a_receipt_is_set_like_an_invoice():
    (page,) = printed(CASES["receipt"], is_test_mode=True).pages
    place = {piece.text: piece for piece in reversed(pieces(page))}
    for text, left, top, points in (
        ("Northwind Supply", 20, 15, 14),
        ("Northwind Supply GmbH", 118, 15, 8),
        ("Globex Ltd", 20, 50, 10),
        ("Receipt number", 118, 50, 9),
        ("Receipt", 20, 98, 18),
        ("paid on 3 October 2025", None, 108, 11),
        ("What it paid", 20, 120, 8),
    ):
        assert left is None or place[text].x == left
        assert place[text].size == points
        assert 0 < place[text].y - top < 8
    (text,) = texts(printed(CASES["receipt"], is_test_mode=True))
    for said in (
        "Method Card ending 4242",
        "Paid by Alice Example",
        "Reference at Stripe",
        "INV-2025-007 9 Sep 2025 80.00",
        "Kept as account credit 1.00",
        "Total $120.40",
        "Taken back by the payer’s bank, 2 Nov 2025 $5.00",
        "Sent back, 3 Nov 2025 $7.00",
        "Test mode: no real money moves.",
    ):
        assert said in text


@pytest.mark.parametrize(
    ("method", "said"),
    [
        ({"method": "card", "last4": None}, "Method Card\n"),
        ({"method": "paypal", "label": "PayPal", "provider": "PayPal"}, "Method PayPal\n"),
        ({"method": "bank_transfer", "reference": "INV-2025-001-3"}, "\nReference INV-2025-001-3"),
    ],
)
def test_how_it_was_paid(method, said):
    (text,) = texts(printed(a_receipt(**method)))
    assert said in text


def test_a_long_statement_repeats_its_heads_and_adds_up():
    found = texts(printed(CASES["statement"]))
    for number, text in enumerate(found, 1):
        assert "Date What Paper" in text
        assert f"Page {number} of {len(found)}" in text
        assert ("Statement of account 1 Oct 2025 – 31 Dec 2025 · Globex Ltd" in text) == (number > 1)
    assert "Balance on 31 December 2025: $1,045.60" in found[0]
    assert "1 Oct 2025 Opening balance 100.00" in found[0]
    assert "Payment · Card ending 4242" in found[0]
    for said in ("items 70", "Card ending 4242", "31 Dec 2025 Closing balance 1,851.80 906.20 1,045.60"):
        assert said in found[-1]
