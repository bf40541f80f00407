"""On paper: no navigation, black on white, and tables that keep their heads on every page (36)."""

from io import BytesIO

import pytest
from playwright.sync_api import expect
from pypdf import PdfReader

from accounts.models import Account
from payments.models import Payment
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)
BLACK, WHITE = "rgb(0, 0, 0)", ("rgb(255, 255, 255)", "rgba(0, 0, 0, 0)")


@pytest.fixture
def printed(visit, alice, account):
    """The pages that come out of the printer, as text; the reader's screen is dark."""

    def go(path: str) -> list[str]:
        page = visit(alice.user, scheme="dark")
        page.goto(f"/account/{account.number}/{path}")
        expect(page.get_by_role("button", name="Print")).to_have_count(0 if path.startswith("inv") else 1)
        page.emulate_media(media="print")
        for away in (".site-nav", "button", ".no-print"):
            for one in page.locator(away).all():
                expect(one).to_be_hidden()
        for place, colour in (("body", WHITE), ("main", WHITE)):
            assert page.locator(place).evaluate("one => getComputedStyle(one).backgroundColor") in colour
        assert page.locator("h1").evaluate("one => getComputedStyle(one).color") == BLACK
        content = page.pdf(format="A4", margin=dict.fromkeys(("top", "right", "bottom", "left"), "1cm"))
        return [leaf.extract_text() for leaf in PdfReader(BytesIO(content)).pages]

    return go


def test_a_statement_of_several_pages(printed, account):
    Account.objects.filter(pk=account.pk).update(credit_limit=10**9)
    for number in range(60):
        factories.an_unpaid_order(account, "1", display_id=f"O{number}")
    leaves = printed("statement/?from=2025-09-01&to=2025-09-30")
    assert len(leaves) > 1
    for leaf in leaves[:-1]:
        assert "Balance" in leaf.split("Order #")[0]
        assert "Charge" in leaf.split("Order #")[0]
    assert account.number in leaves[0]


def test_an_invoice_and_a_receipt(printed, account, stella):
    invoice = factories.a_paid_invoice(account, stella)
    assert "INV-2025-001" in printed(f"invoices/{invoice.pk}/")[0]
    (leaf,) = printed(f"payments/{Payment.objects.get().pk}/")
    assert "Receipt 2025-000001" in leaf
    assert "Download" not in leaf
