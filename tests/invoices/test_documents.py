"""What the PDF of an invoice says, in which language, and that it stays what it is."""

import hashlib
import logging
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.utils import translation
from fontTools.ttLib import TTFont

from invoices.documents import printing
from invoices.documents.account_labels import ACCOUNT_LABELS
from invoices.documents.fonts import FONTS
from invoices.documents.labels import LABELS
from invoices.documents.paper import invoice_context
from invoices.documents.pdf import invoice_pdf
from invoices.documents.wording import Wording
from tests import factories
from tests.invoices.papers import (
    ARABIC,
    CASES,
    LACKS_FONT,
    a_line,
    a_paper,
    drawn,
    fonts,
    pieces,
    printed,
    tags,
    texts,
)

ROOT = Path(__file__).resolve().parents[2]
PAY = "https://pay.example.com/account/ACC-2025-825236/invoices/1/pay/"


def words(paper, **options):
    (text,) = texts(printed(paper, **options))
    return text


def test_everything_that_an_invoice_needs_stands_on_it():
    paper = a_paper(
        a_line(
            "Blue widgets", 10000, quantity="2.000", unit_price="50.0000", tax_rate="19.000", tax_amount=1900
        ),
        a_line("Training in Kenya", 5000, tax_reason="Reverse charge"),
        order_numbers=["1756876866", "1756876867"],
        purchase_order_numbers=["PO-4711"],
        terms="Payable within 30 days.",
    )
    text = words(paper)
    for line in (
        "Invoice INV-2025-001",
        "$169.00 due by 3 October 2025",
        "Invoice date 3 Sep 2025",
        "Due date 3 Oct 2025",
        "Customer number ACC-2025-825236",
        "Order 1756876866, 1756876867",
        "PO number PO-4711",
        "Your tax ID GB123456789",
        "Northwind Supply GmbH",
        "Tax ID DE123456789",
        "London SW1A 1AA",
        "1 Blue widgets 2 50.00 19% 100.00",
        "2 Training in Kenya 1 50.00 0% 50.00",
        "19% 100.00 19.00",
        "Reverse charge",
        "Subtotal $150.00",
        "Tax $19.00",
        "Total $169.00",
        "IBAN DE89 3704 0044 0532 0130 00",
        "Reference INV-2025-001",
        "Payable within 30 days.",
        "Page 1 of 1",
    ):
        assert line in text
    for absent in ("Already paid", "Amount due", "Test mode", "Pay Now", "Scan to pay"):
        assert absent not in text


@pytest.mark.django_db
def test_what_issuing_freezes_can_be_printed():
    factories.an_organization()
    snapshot = factories.an_open_invoice(factories.an_account()).snapshot
    assert f"Invoice {snapshot['number']}" in words(snapshot)


def test_many_orders_are_named_in_short():
    numbers = [f"A{number}" for number in range(1, 301)]
    assert "Order A1, A2, A3, A4, A5, A6 +294\n" in words(a_paper(order_numbers=numbers))


def test_money_that_came_before_issue_lowers_what_is_asked_for():
    text = words(a_paper(paid_amount=940))
    assert "Total $39.40\nAlready paid −$9.40\nAmount due $30.00" in text
    assert "$30.00 due by 3 October 2025" in text
    assert "Amount $30.00" in text
    nothing = words(a_paper(paid_amount=3940))
    assert "Nothing left to pay" in nothing
    assert "IBAN" not in nothing


def test_what_is_unknown_is_left_out():
    text = words(a_paper(seller={"tax_id": "", "iban": ""}, buyer={"tax_id": "", "billing_country": ""}))
    for absent in ("tax ID", "Tax ID", "IBAN", "Order", "PO number", "None"):
        assert absent not in text.replace("Order #", "")


def test_an_account_that_is_no_iban_is_called_what_it_is():
    text = words(a_paper(seller={"iban": "000123456789", "bic": "021000021"}))
    assert "Account number 000123456789\nRouting number 021000021" in text


@pytest.mark.parametrize(
    ("currency", "net", "price", "line", "total"),
    [
        ("JPY", 118200, "118200", "118,200 0% 118,200", "¥118,200"),
        ("KWD", 39400, "39.400", "39.400 0% 39.400", "KWD 39.400"),
        ("USD", 3940, "0.0394", "0.0394 0% 39.40", "$39.40"),
    ],
)
def test_amounts_have_the_places_of_their_currency(currency, net, price, line, total):
    text = words(a_paper(a_line(net=net, unit_price=price), currency=currency))
    assert line in text
    assert f"Total {total}" in text
    assert f"Amount {currency}" in text


def test_figures_that_do_not_fit_their_column_are_set_smaller():
    def size(net):
        page = printed(a_paper(a_line(net=net, unit_price="1"), currency="KWD")).pages[0]
        return next(piece.size for piece in pieces(page) if piece.text == "1.000")

    assert size(1_234_567_890_123) == 9
    assert size(123_456_789_012_345) == 8
    assert size(12_345_678_901_234_567) < 8


@pytest.mark.parametrize(
    ("locale", "said"),
    [
        ("de_DE", ["Rechnung INV-2025-001", "1.234,50 € zahlbar bis 3. Oktober 2025", "19 %", "1.234,50"]),
        ("fr_FR", ["Facture INV-2025-001", "€ à payer au plus tard le 3 octobre 2025"]),
        ("es", ["Factura INV-2025-001", "a pagar a más tardar el 3 de octubre de 2025"]),
        ("it", ["Fattura INV-2025-001", "da pagare entro il 3 ottobre 2025"]),
        ("nl", ["Factuur INV-2025-001", "te betalen uiterlijk 3 oktober 2025"]),
        ("pl", ["Invoice INV-2025-001", "€1,234.50 due by 3 October 2025"]),
    ],
)
def test_an_invoice_speaks_the_language_of_the_account(locale, said):
    line = a_line(net=123450, tax_rate="19", unit_price="1234.50")
    pdf = printed(a_paper(line, currency="EUR", buyer={"locale": locale}))
    (text,) = (text.replace("\N{NO-BREAK SPACE}", " ") for text in texts(pdf))
    for sentence in said:
        assert sentence in text
    assert pdf.trailer["/Root"]["/Lang"] == ("en" if locale == "pl" else locale.replace("_", "-"))


def test_every_language_says_everything():
    assert ACCOUNT_LABELS.keys() == LABELS.keys()
    assert ACCOUNT_LABELS["en"].keys().isdisjoint(LABELS["en"])
    for table in (LABELS, ACCOUNT_LABELS):
        for labels in table.values():
            assert labels.keys() == table["en"].keys()
            assert all(labels.values())
            for name, text in table["en"].items():
                assert set(re.findall(r"{\w+}", labels[name])) == set(re.findall(r"{\w+}", text))


def test_a_language_from_right_to_left_mirrors_the_page():
    pdf = printed(a_paper(a_line("صمامات", 39400), buyer=ARABIC, currency="KWD"), pay_now_url=PAY)
    place = {piece.text: piece for piece in reversed(pieces(pdf.pages[0]))}
    assert place["#"].x > 180
    assert min(piece.x for piece in pieces(pdf.pages[0]) if piece.text == "39.400") < 60
    assert place["INV-2025-001"].x > 100
    assert (
        {"Paper-Arabic", "Paper-Arabic-Bold"}
        <= fonts(pdf).keys()
        <= {*("Paper-Latin", "Paper-Latin-Bold", "Paper-Arabic", "Paper-Arabic-Bold")}
    )
    assert pdf.trailer["/Root"]["/Lang"] == "ar"


def test_a_minus_stands_before_its_digits_in_every_language():
    assert "\N{LEFT-TO-RIGHT MARK}\N{MINUS SIGN}9.40" in Wording("ar").amount(-940, "USD")
    assert Wording("en").amount(-940, "USD") == '<bdi class="number">\N{MINUS SIGN}$9.40</bdi>'


@pytest.mark.skipif(LACKS_FONT, reason="needs the system's Noto Sans CJK (script/setup.sh)")
def test_chinese_japanese_and_korean_names_are_no_boxes():
    pdf = printed(CASES["Japanese, no decimals"])
    (text,) = texts(pdf)
    for said in ("請求書", "株式会社骨直令", "産業用ねじ", "2025年10月3日までにお支払いください"):
        assert said in text
    assert all(name.startswith(("Paper-Latin", "Noto-Sans-CJK-JP")) for name in fonts(pdf))


@pytest.mark.parametrize(
    ("country", "language"), [("CN", "zh-Hans"), ("TW", "zh-Hant"), ("KR", "ko"), ("GB", "en-US")]
)
def test_a_name_has_the_han_forms_of_its_country(country, language):
    context = invoice_context(a_paper(buyer={"billing_country": country}), pay_now_url="", is_test_mode=False)
    assert context["buyer"]["lang"] == language


def test_the_fonts_that_came_along_are_there():
    assert [font.name for font in FONTS if not font.is_file()] == []
    assert "SIL OPEN FONT LICENSE" in (FONTS[0].parent / "OFL.txt").read_text()


def test_figures_are_of_one_width_without_asking_for_it():
    """WeasyPrint 70 never frees a font feature that a page asks for: the worker would grow with each PDF."""
    for font in (TTFont(file) for file in FONTS):
        names, widths = font.getBestCmap(), font["hmtx"]
        assert len({widths[names[ord(sign)]][0] for sign in "0123456789" if ord(sign) in names}) <= 1
    drawn(CASES["one line"])
    drawn(CASES["Arabic, three decimals"])
    assert printing._look()[0].font_features == {}


# Text stays text, and nothing is fetched


HOSTILE = (
    '<img src="http://198.51.100.1/x.png">',
    '<img src="file:///etc/passwd"><link rel=attachment href="file:///etc/passwd">',
    '<object data="data:text/html,<b>x</b>"></object>',
    "<style>@import url(http://198.51.100.1/x.css)</style>",
    '" style="background: url(http://198.51.100.1/x.png)" x="',
    "{{ 7|add:7 }}{% now 'Y' %}",
)


def test_hostile_text_stays_text_and_nothing_is_fetched(monkeypatch):
    invoice_pdf(a_paper(), is_test_mode=False)  # the fonts are read once
    asked = []
    monkeypatch.setattr(printing.BundledOnly, "fetch", lambda self, url, headers=None: asked.append(url))
    for text in HOSTILE:
        seller = dict.fromkeys(
            ("legal_name", "name", "city", "tax_id", "email", "bank_name", "iban", "bic"), text
        )
        buyer = dict.fromkeys(("number", "company_name", "billing_city", "tax_id"), text)
        paper = a_paper(
            a_line(text, tax_reason=text),
            **dict.fromkeys(("number", "terms", "notes"), text),
            seller=seller | {"legal_line": text, "country": text},
            buyer=buyer | {"billing_country": text},
            order_numbers=[text],
            purchase_order_numbers=[text],
        )
        pdf = printed(paper, pay_now_url=f"https://example.com/{text}")
        said = "".join("".join(texts(pdf)).split())
        assert said.count("".join(text.split())) > 15
        assert {tag["/S"] for tag in tags(pdf)}.isdisjoint({"/Figure", "/Form"})
        assert "/Names" not in pdf.trailer["/Root"]
    assert asked == []


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:9/x.png",
        "https://example.com/",
        "ftp://example.com/x",
        "file:///etc/passwd",
        "data:text/plain,x",
        FONTS[0].as_uri() + "/../OFL.txt",
        FONTS[0].as_uri() + "?x",
    ],
)
def test_a_document_reaches_its_own_fonts_and_nothing_else(url):
    with pytest.raises(ValueError, match="fetches nothing"):
        printing.BundledOnly().fetch(url)
    with pytest.raises(ValueError, match="fetches nothing"):
        printing.BundledOnly().open(url)
    assert printing.BundledOnly().fetch(FONTS[0].as_uri()).read() == FONTS[0].read_bytes()


@pytest.mark.parametrize("url", ["javascript:alert(1)", "file:///etc/passwd", "/account/"])
def test_pay_now_leads_to_a_web_address(url):
    with pytest.raises(ValueError, match="web address"):
        invoice_pdf(a_paper(), pay_now_url=url, is_test_mode=False)


def test_nothing_is_complained_about(caplog):
    with caplog.at_level(logging.WARNING):
        invoice_pdf(a_paper(currency="EUR"), pay_now_url=PAY, is_test_mode=True)
    assert caplog.messages == []


# The same paper gives the same bytes


ELSEWHERE = """
import hashlib, django
django.setup()
from invoices.documents.pdf import invoice_pdf
from invoices.documents.wording import Wording
from tests.invoices.papers import a_paper
print(hashlib.sha256(invoice_pdf(a_paper(currency="EUR"), is_test_mode=False)).hexdigest())
"""


def test_the_same_paper_gives_the_same_bytes_in_any_process():
    first = invoice_pdf(a_paper(currency="EUR"), is_test_mode=False)
    invoice_pdf(a_paper(buyer=ARABIC), pay_now_url=PAY, is_test_mode=True)
    with translation.override("de"):  # somebody else's language
        assert invoice_pdf(a_paper(currency="EUR"), is_test_mode=False) == first

    elsewhere = subprocess.run(
        [sys.executable, "-c", ELSEWHERE],
        cwd=ROOT,
        env=os.environ | {"PYTHONHASHSEED": "1", "DJANGO_SETTINGS_MODULE": "invoicing_site.settings"},
        check=True,
        capture_output=True,
        text=True,
    )
    assert elsewhere.stdout.strip() == hashlib.sha256(first).hexdigest()
