"""Where things stand on the PDF of an invoice, how it breaks into pages, and its marks."""

from html.parser import HTMLParser

import pytest
from django.template.loader import render_to_string
from fontTools.ttLib import TTFont
from pypdf.generic import ContentStream

from invoices.documents.fonts import FONTS
from invoices.documents.paper import invoice_context
from tests.invoices.papers import CASES, a_line, a_paper, lines, pieces, printed, tags, texts

PAY = "https://pay.example.com/account/ACC-2025-825236/invoices/1/pay/"
LETTERS = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft"


# The grid


@pytest.mark.parametrize("country", ["DE", "US"])
def test_everything_stands_at_its_place(country):
    paper = a_paper(a_line("Widgets"), currency="EUR", seller={"country": country})
    (page,) = printed(paper, pay_now_url=PAY).pages
    place = {piece.text: piece for piece in reversed(pieces(page))}
    size = {"DE": (595, 842), "US": (612, 792)}[country]
    assert tuple(round(value) for value in page.mediabox[2:]) == size
    for text, left, top, points in (
        ("Northwind Supply", 20, 15, 14),
        ("Northwind Supply GmbH", 118, 15, 8),
        ("Globex Ltd", 20, 50, 10),
        ("Invoice number", 118, 50, 9),
        ("Invoice", 20, 98, 18),
        ("due by 3 October 2025", None, 108, 11),
        ("#", 20, 120, 8),
        ("Pay Now", None, 104, 9),
    ):
        piece = place[text]
        assert left is None or piece.x == left
        assert piece.size == points
        assert 0 < piece.y - top < 8  # letters stand on a line inside their box
    assert 152 < place["Pay Now"].x < 192
    assert place["Page 1 of 1"].y > size[1] / 72 * 25.4 - 24


def steps(page):
    """What a page draws, without the running numbers of its tags."""
    content = ContentStream(page.get_contents(), page.pdf)
    return [
        (tuple(map(str, values)), operator) for values, operator in content.operations if operator != b"BDC"
    ]


def test_with_and_without_pay_now_differ_in_nothing_else():
    paper = a_paper(*lines(30), currency="EUR", terms="Payable within 30 days.")
    without, button = printed(paper), printed(paper, pay_now_url=PAY)
    assert len(without.pages) == len(button.pages) == 2
    for number, (plain, payable) in enumerate(zip(without.pages, button.pages, strict=True)):
        rest = iter(steps(payable))
        assert all(step in rest for step in steps(plain))  # in the same order, with more between
        before, after = pieces(plain), pieces(payable)
        assert [piece.text for piece in after if piece not in before] == (["Pay Now"] if number == 0 else [])
        assert set(before) <= set(after)
    (link,) = [annotation.get_object() for annotation in button.pages[0]["/Annots"]]
    assert link["/A"]["/URI"] == PAY
    assert "/Annots" not in without.pages[0]


# Pages


@pytest.mark.parametrize(("count", "pages"), [(60, 3), (400, 14)])
def test_long_invoices_repeat_heads_and_count_pages(count, pages):
    found = texts(printed(CASES[f"{count} lines"]))
    assert len(found) == pages
    assert sum("Subtotal" in text for text in found) == 1
    for together in ("Total", f"Line {count}", f"Line {count - 1}"):
        assert together in found[-1]
    assert [text for text in found if "Description Quantity" in text] == found
    for number, text in enumerate(found, 1):
        assert f"Page {number} of {pages}" in text
        assert ("Invoice INV-2025-001 · Globex Ltd" in text) == (number > 1)
    together = "\n".join(found)
    for number in range(1, count + 1):
        assert f"\n{number} Line {number} 1 " in together


def test_sixty_rows_of_two_lines_take_four_pages():
    two = [
        a_line(f"Order #{number} - industrial fastening set, zinc plated, box of 200") for number in range(60)
    ]
    assert len(printed(a_paper(*two)).pages) == 4


@pytest.mark.parametrize("count", range(4, 16))
def test_sums_and_payment_box_never_stand_alone(count):
    last = texts(printed(a_paper(*lines(count), currency="EUR")))[-1]
    for together in ("Subtotal", "Total", "IBAN", "Scan to pay", f"Line {count}", f"Line {count - 1}"):
        assert together in last


def test_a_row_is_not_split_between_pages():
    tall = [a_line(f"Start{number} {'word ' * 50} End{number}") for number in range(30)]
    for text in texts(printed(a_paper(*tall))):
        for number in range(30):
            assert (f"Start{number} " in text) == (f"End{number}\n" in text or f"End{number} " in text)


def test_a_row_taller_than_half_a_page_is_split():
    (first, *_, last) = texts(printed(a_paper(a_line("word " * 1000), *lines(2))))
    assert "word" in first
    assert "Line 2" in last


def test_long_words_stay_inside_the_paper():
    long = LETTERS * 2
    seller = {"legal_name": long, "name": LETTERS, "address_line_1": long}
    buyer = {"company_name": long, "billing_city": long, "tax_id": "X" * 40}
    paper = a_paper(
        a_line(LETTERS * 3), seller=seller, buyer=buyer, purchase_order_numbers=["P" * 80], terms=long
    )
    pdf = printed(paper)
    regular, bold = TTFont(FONTS[0]), TTFont(FONTS[1])
    for page in pdf.pages:
        for piece in pieces(page):
            font = bold if piece.is_bold else regular
            names, widths = font.getBestCmap(), font["hmtx"]
            ems = sum(widths[names[ord(letter)]][0] for letter in piece.text) / font["head"].unitsPerEm
            assert piece.x >= 20
            assert piece.x + ems * piece.size / 72 * 25.4 < 192.1
    assert "".join("".join(texts(pdf)).split()).count(LETTERS) >= 10


# Marks


def test_headings_tables_and_pictures_are_tagged():
    elements = list(tags(printed(CASES["60 lines"])))
    kinds = [element["/S"] for element in elements]
    assert [kinds.count(kind) for kind in ("/H1", "/H2", "/Figure")] == [1, 1, 1]
    assert kinds.count("/Table") == 7  # facts, three parts of the lines, taxes, totals, payment
    assert kinds.count("/THead") == 4
    names = {str(element["/ID"]) for element in elements if "/ID" in element}
    for element in elements:
        if element["/S"] == "/TD":
            assert {str(name) for name in element["/A"]["/Headers"]} <= names
            assert element["/A"]["/Headers"]
        assert "/ColSpan" not in (element.get("/A") or {})
    (picture,) = [element for element in elements if element["/S"] == "/Figure"]
    assert picture["/Alt"] == "Scan to pay with your banking app: DE89 3704 0044 0532 0130 00"


class Page(HTMLParser):
    """The text of a page, and what its margins repeat."""

    def __init__(self, html):
        super().__init__()
        self.text, self.margins = "", {}
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        if tag == "body":
            self.margins = dict(attrs)
            self.text = ""

    def handle_data(self, data):
        self.text += data


def test_margins_only_repeat_what_the_page_says():
    legal_line = "Northwind Supply GmbH · HRB 12345 Berlin · Director Nora Wind"
    paper = a_paper(seller={"legal_line": legal_line})
    page = Page(
        render_to_string("documents/invoice.html", invoice_context(paper, pay_now_url="", is_test_mode=True))
    )
    assert page.margins == {
        "data-running": "Invoice INV-2025-001 · Globex Ltd",
        "data-legal": legal_line,
        "data-test": "Test mode",
        "data-page": "Page ",
        "data-of": " of ",
        "data-pages": "",
    }
    for said in ("Invoice INV-2025-001", "Globex Ltd", legal_line, "Test mode: no real money moves."):
        assert said in page.text


def test_the_sandbox_is_named_on_each_page():
    found = texts(printed(a_paper(*lines(30)), is_test_mode=True))
    assert len(found) == 2
    assert all("Test mode" in text for text in found)
