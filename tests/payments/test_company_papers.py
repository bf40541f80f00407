"""Receipts and statements as PDF: what stands on them, in which language, and who gets them."""

from datetime import timedelta
from io import BytesIO

import pytest
from django.utils.html import escape
from pypdf import PdfReader

from accounts.models import Account
from core.errors import Invalid, NotFound, RateLimited
from invoices.documents import statement as statement_paper
from payments import operations
from payments.models import Payment
from tests import cast, factories
from tests.books import refuses
from tests.factories import NOW
from tests.payments.reading import Browser, text_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("the_clock")]


def words(answer):
    """What a PDF says, blanks apart."""
    assert answer["Content-Type"] == "application/pdf"
    assert answer["Cache-Control"] == "no-store"
    pages = PdfReader(BytesIO(answer.content)).pages
    return " ".join(" ".join(page.extract_text() for page in pages).split())


def file_name(answer):
    return answer["Content-Disposition"].partition("filename=")[2].strip('"')


@pytest.fixture
def payment(account, stella, invoice):
    """The whole of the invoice, of which $9.40 went back."""
    payment = factories.a_promised_payment(invoice)
    operations.verify_manual_payment(payment=payment, at=NOW, staff=stella)
    operations.refund_payment(payment=payment, amount=940, reason="Damaged", at=NOW, staff=stella)
    return payment


def test_a_receipt_says_what_its_page_says(browser, at, account, payment, django_assert_max_num_queries):
    assert at("receipt_pdf", payment.pk) in browser.get(at("payment", payment.pk)).content.decode()
    with django_assert_max_num_queries(12):
        answer = browser.get(at("receipt_pdf", payment.pk))
    assert file_name(answer) == "2025-000001.pdf"
    said = words(answer)
    for text in (
        "Receipt number 2025-000001 Paid on 3 Sep 2025 Method Bank transfer",
        f"Customer number {account.number}",
        "Receipt 2025-000001 $39.40 paid on 3 September 2025",
        "INV-2025-001 3 Sep 2025 39.40 Total $39.40",
        "What went back Sent back, 3 Sep 2025 $9.40",
        "Test mode: no real money moves.",
        "Page 1 of 1",
    ):
        assert text in said
    assert "account credit" not in said


def test_papers_speak_the_language_of_the_account(browser, at, account, payment):
    Account.objects.filter(pk=account.pk).update(locale="de_DE")
    said = words(browser.get(at("receipt_pdf", payment.pk)))
    assert "Beleg 2025-000001 39,40 $ bezahlt am 3. September 2025" in said
    assert "Zahlungsart Überweisung" in said
    said = words(browser.get(at("statement_pdf") + "?from=2025-09-01&to=2025-09-30"))
    assert "Kontoauszug Saldo am 30. September 2025: 9,40 $" in said
    assert "03.09.2025 Zahlung · Überweisung 2025-000001, INV-2025-001 39,40 0,00" in said
    assert "03.09.2025 Zurückgenommen · Überweisung 2025-000001, INV-2025-001 −9,40 9,40" in said


def test_a_surplus_is_named_on_the_receipt(browser, at, account, stella):
    money = factories.unassigned_money(1200)
    operations.assign_payment(payment=money, account=account, reason="Theirs", at=NOW, staff=stella)
    said = words(browser.get(at("receipt_pdf", money.pk)))
    assert "Kept as account credit 12.00 Total $12.00" in said


def test_a_promise_has_no_receipt_to_download(browser, at, invoice):
    promise = factories.a_promised_payment(invoice)
    page = browser.get(at("payment", promise.pk)).content.decode()
    assert at("receipt_pdf", promise.pk) not in page
    assert browser.get(at("receipt_pdf", promise.pk)).status_code == 404
    rows = Payment.objects.with_company_details().with_refunds()
    with refuses(NotFound, "Receipt not found"):
        operations.receipt_document(rows.get(pk=promise.pk))


def test_a_statement_says_what_its_page_says(browser, at, account, payment):
    question = "?from=2025-09-01&to=2025-09-30"
    page = browser.get(at("statement") + question).content.decode()
    assert at("statement_pdf") + escape(question) in page
    answer = browser.get(at("statement_pdf") + question)
    assert file_name(answer) == f"statement-{account.number}-2025-09-01-2025-09-30.pdf"
    said = words(answer)
    for text in (
        "Period 1 Sep 2025 – 30 Sep 2025",
        "Statement of account Balance on 30 September 2025: $9.40",
        "1 Sep 2025 Opening balance 0.00",
        "Order #1756876866 - 1 items INV-2025-001 39.40 39.40",
        "30 Sep 2025 Closing balance 39.40 30.00 9.40",
    ):
        assert text in said


def test_a_charge_in_another_currency_tells_it(browser, at, account):
    factories.a_rate("EUR", "USD", "1.1")
    factories.an_unpaid_order(account, "50", display_id="E", region=factories.a_region("Europe", "EUR"))
    assert "Order #E - 1 items (€50.00) 55.00" in words(browser.get(at("statement_pdf")))


def test_nothing_happened(browser, at, account):
    said = words(browser.get(at("statement_pdf") + "?from=2025-01-01&to=2025-01-31"))
    assert "31 Jan 2025 Closing balance 0.00 0.00 0.00 Nothing happened between these dates." in said


def test_a_statement_too_long_for_paper_leads_to_the_csv(browser, at, account, payment, monkeypatch):
    monkeypatch.setattr("payments.operations.documenting.MOST_ENTRIES", 2)
    answer = browser.get(at("statement_pdf"))
    assert answer.status_code == 422
    told = text_of(answer)
    refusal = "A PDF holds at most 2 lines. Choose fewer days, or download the CSV"
    assert f"There is a problem {refusal}" in told
    assert "Download CSV" in told
    made = operations.statement_of(account, first=NOW.date() - timedelta(days=9), last=NOW.date())
    with refuses(Invalid, refusal, field="from"):
        operations.statement_document(made, at=NOW)
    assert statement_paper.MOST_ENTRIES == 1000


def test_wrong_days_are_told(browser, at, account):
    answer = browser.get(at("statement_pdf") + "?from=2025-09-02&to=2025-09-01")
    assert answer.status_code == 422
    assert "There is a problem The end date must be after the start date" in text_of(answer)


def test_an_account_draws_only_so_many_statements(browser, at, account, settings, monkeypatch):
    settings.LIMITS = settings.LIMITS | {"statements_per_account": (1, 600)}
    monkeypatch.setattr("payments.operations.documenting.statement_pdf", lambda paper, **_: b"%PDF-")
    assert browser.get(at("statement_pdf")).status_code == 200
    answer = browser.get(at("statement_pdf"))
    assert answer.status_code == 429
    assert 0 < int(answer["Retry-After"]) <= 600
    made = operations.statement_of(account, first=NOW.date(), last=NOW.date())
    with pytest.raises(RateLimited, match="Too many statements were made"):
        operations.statement_document(made, at=NOW)


def test_strangers_and_those_without_rights_get_no_paper(at, account, payment, bob, mallory):
    theirs = mallory.user.accounts.get()
    for path in (at("receipt_pdf", payment.pk), at("statement_pdf")):
        assert Browser(bob).get(path).status_code == 403
        assert Browser(mallory).get(path).status_code == 404
    assert Browser(mallory).get(f"/account/{theirs.number}/payments/{payment.pk}/pdf/").status_code == 404


def test_who_sees_their_own_payments_gets_their_receipts_but_no_statement(at, account, payment):
    ann = cast.member("Ann Example", account, "custom", get_invoices=1, get_invoice_payments_history=1)
    assert Browser(ann).get(at("statement_pdf")).status_code == 403
    assert Browser(ann).get(at("receipt_pdf", payment.pk)).status_code == 404
    Payment.objects.filter(pk=payment.pk).update(payer=ann.user)
    assert words(Browser(ann).get(at("receipt_pdf", payment.pk))).count("Paid by Ann Example") == 1
