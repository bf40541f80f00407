"""What a company sees of a payment that staff recorded, and of one whose recording was undone."""

from io import BytesIO

import pytest
from django.urls import reverse
from pypdf import PdfReader

from payments import operations
from payments.models import Payment
from payments.operations import Received, Share
from tests import factories
from tests.factories import NOW
from tests.payments.company_documents import GET_PAYMENTS
from tests.payments.reading import Browser

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def the_clock(time_machine):
    time_machine.move_to(NOW, tick=False)


@pytest.fixture
def payment(account, stella) -> Payment:
    """A cheque of $50.00 over an invoice of $39.40."""
    invoice = factories.an_open_invoice(account)
    received = Received("check", NOW.date(), "USD", 5000, [Share(invoice, 3940)], "Cheque 1007")
    return operations.record_payment(account=account, received=received, at=NOW, staff=stella)


@pytest.fixture
def undone(payment, stella) -> Payment:
    operations.undo_recording(payment=payment, reason="Another Globex", at=NOW, staff=stella)
    return Payment.objects.get()


@pytest.fixture
def at(account):
    return lambda name, *args: reverse(name, args=[account.number, *args])


def pdf_of(browser, address) -> str:
    answer = browser.get(address)
    return " ".join(PdfReader(BytesIO(answer.content)).pages[0].extract_text().split())


def test_on_the_pages(account, alice, at, payment):
    browser = Browser(alice)
    assert "Cheque 2025-000001 INV-2025-001 Completed $50.00" in browser.text(at("payments"))
    shown = browser.text(at("payment", payment.pk))
    assert "Paid on 3 September 2025 Method Cheque Our reference 2025-000001" in shown
    assert f"Reference {payment.reference}" in shown
    assert "Your reference Cheque 1007" in shown
    assert "Kept as account credit $10.60" in shown
    invoice = browser.text(at("invoice", payment.allocations.get().invoice_id))
    assert "$50.00 paid by cheque" in invoice
    assert "Paid by cheque" in browser.text(at("statement"))
    assert "Paid by cheque" in browser.get(at("statement_csv")).getvalue().decode()


def test_on_paper(account, alice, at, payment):
    browser = Browser(alice)
    receipt = pdf_of(browser, at("receipt_pdf", payment.pk))
    assert "Method Check" in receipt
    assert f"Reference {payment.reference}" in receipt
    assert "Check" in pdf_of(browser, at("statement_pdf"))


def test_at_the_storefront(graphql, alice, payment):
    (edge,) = graphql(alice)(GET_PAYMENTS)["invoicePayments"]["edges"]
    told = edge["node"]
    assert (told["processingStatus"], told["totalAmount"], told["payerName"]) == (3, "50.0000", "")
    (receipt,) = told["paymentReceiptSet"]["edges"]
    assert receipt["node"]["paymentType"] == "Offline"


def test_undone_it_is_told_as_a_mistake_and_never_as_a_refund(account, alice, at, undone):
    browser = Browser(alice)
    assert "INV-2025-001 Entered by mistake $50.00" in browser.text(at("payments"))
    shown = browser.text(at("payment", undone.pk))
    assert "Entered by mistake, taken out, 3 Sep 2025 $50.00" in shown
    invoice = browser.text(at("invoice", undone.allocations.first().invoice_id))
    assert "$50.00 was entered by mistake, and is taken out" in invoice
    assert "Open again: a payment was taken back" in invoice
    assert "Entered by mistake, taken out" in pdf_of(browser, at("receipt_pdf", undone.pk))
    for page in ("payments", "statement"):
        assert "sent back" not in browser.text(at(page))
    assert "Refunded" not in shown


def test_a_junior_buyer_is_told_nothing_of_it(account, bob, at, payment):
    assert Browser(bob).get(at("payment", payment.pk)).status_code == 403
