"""What customers read of an invoice on which nothing is open: paid is what somebody paid."""

import pytest

from invoices.models import Invoice
from payments import operations
from tests.factories import NOW
from tests.payments.reading import text_of
from tests.payments.test_pages_lists import paid

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("the_clock")]
WHOLE = 3940


def pay(invoice, stella, amount):
    paid(invoice.account, stella, (invoice, amount))


def credit(invoice, stella, amount):
    line = invoice.line_items.get()
    operations.credit_invoice(
        invoice=invoice, amounts={line.pk: amount}, reason="Broken", at=NOW, staff=stella
    )


def give_up(invoice, stella, amount):
    operations.write_off(invoice=invoice, amount=amount, reason="Bankrupt", at=NOW, staff=stella)


CASES = [
    ([(pay, WHOLE)], "Paid", "is already paid"),
    ([(credit, WHOLE)], "Credited", "Nothing is left to pay on invoice"),
    ([(credit, 1000), (credit, 2940)], "Credited", "Nothing is left to pay on invoice"),
    ([(give_up, WHOLE)], "Nothing to pay", "Nothing is left to pay on invoice"),
    ([(pay, 3939), (give_up, 1)], "Nothing to pay", "Nothing is left to pay on invoice"),
    ([(credit, 3939), (give_up, 1)], "Nothing to pay", "Nothing is left to pay on invoice"),
    ([(pay, 1), (credit, 3939)], "Paid", "is already paid"),
    ([(pay, WHOLE), (credit, WHOLE)], "Paid", "is already paid"),  # kept as account credit
]


@pytest.mark.parametrize(("steps", "word", "told"), CASES)
def test_it_is_called_what_it_is(browser, at, invoice, stella, steps, word, told):
    for settle, amount in steps:
        settle(Invoice.objects.get(pk=invoice.pk), stella, amount)
    tag = f'<span class="tag{" tag--success" if word == "Paid" else ""}">{word}</span>'
    for address in (at("invoices"), f"{at('invoices')}?state=paid", at("invoice", invoice.pk)):
        page = browser.get(address).content.decode()
        assert page.count(tag) == 1, address
        assert (">Paid</span>" in page) == (word == "Paid")
    assert invoice.number not in browser.text(f"{at('invoices')}?state=open")
    assert told in text_of(browser.get(at("invoice_pay", invoice.pk)))


def test_what_was_undone_is_open(browser, at, invoice, stella):
    give_up(invoice, stella, WHOLE)
    operations.undo_write_off(row=invoice.write_offs.get(), reason="They pay", at=NOW, staff=stella)
    assert '<span class="tag">Open</span>' in browser.get(at("invoice", invoice.pk)).content.decode()
    pay(Invoice.objects.get(pk=invoice.pk), stella, WHOLE)
    assert '<span class="tag tag--success">Paid</span>' in browser.get(at("invoices")).content.decode()
