"""The region page: which unpaid orders become an invoice."""

import re
from uuid import uuid4

import pytest

from invoices.models import Invoice
from payments.models import PaymentCollection, PaymentSession
from tests import factories
from tests.factories import STRIPE
from tests.payments.reading import counts, region_fields, text_of, title_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("the_clock")]


def test_the_region_page_offers_the_regions_by_worth(browser, at, account):
    factories.a_rate("EUR", "USD", "1.1")
    factories.an_unpaid_order(account, "100.00", display_id="E1", region=factories.a_region("Europe", "EUR"))
    page = browser.text(at("pay_region"))
    assert "Select Invoice Region Choose which region's unpaid orders to pay" in page
    assert page.index("Europe - 1 items - €100.00") < page.index("North America - 1 items - $39.40")
    assert "1 of 1 orders - $39.40" in page
    html = browser.get(at("pay_region")).content.decode()
    checked = re.findall(r'name="region" value="(\d+)" id="[^"]*" checked', html)
    assert checked == [str(factories.a_region("Europe", "EUR").pk)]


def test_continuing_makes_the_invoice_and_goes_to_its_payment(browser, at, account, sandbox):
    answer = browser.post(at("pay_region"), **region_fields(account, account.line_items.get()))
    collection = PaymentCollection.objects.get()
    assert (answer.status_code, answer["Location"]) == (303, at("pay", collection.pk))
    invoice = Invoice.objects.get()
    assert (invoice.number, invoice.total_amount, invoice.status) == ("INV-2025-001", 3940, "sent")
    session = PaymentSession.objects.get(is_selected=True)
    assert (session.provider.code, session.is_initiated) == (STRIPE, True)


def test_pressing_twice_makes_one_invoice(browser, at, account, sandbox):
    fields = region_fields(account, account.line_items.get())
    first, second = (browser.post(at("pay_region"), **fields) for _ in range(2))
    assert first["Location"] == second["Location"]
    assert Invoice.objects.count() == 1


def test_no_order_ticked_is_told_and_writes_nothing(browser, at, account):
    before = counts()
    answer = browser.post(at("pay_region"), **region_fields(account))
    page = text_of(answer)
    assert (answer.status_code, title_of(answer)) == (422, "Error: Select Invoice Region - Northwind Supply")
    assert "There is a problem Select at least one order" in page
    assert "Error: Select at least one order" in page
    assert "0 of 1 orders - $0.00" in page
    assert counts() == before


def test_orders_that_somebody_else_took_are_told(browser, at, account):
    line = account.line_items.get()
    fields = region_fields(account, line)
    factories.an_open_invoice(account, line)
    factories.an_unpaid_order(account, "10.00", display_id="2")
    before = counts()
    answer = browser.post(at("pay_region"), **fields)
    assert answer.status_code == 422
    sentence = (
        "Some line items were not found, are already paid, or are not from North America region "
        "Someone else may have started paying. Look at the open invoices."
    )
    assert sentence in text_of(answer)
    assert counts() == before


def test_nothing_unpaid_on_the_region_page(browser, at, invoice):
    assert "No unpaid items found" in browser.text(at("pay_region"))


def test_a_form_without_a_key_is_refused(browser, at, account):
    fields = region_fields(account, account.line_items.get()) | {"form_key": "x"}
    answer = browser.post(at("pay_region"), **fields)
    assert answer.status_code == 422
    assert "This page was open too long. Load it again; nothing was sent." in text_of(answer)
    assert Invoice.objects.count() == 0


def test_many_orders_are_paid_together_or_chosen_on_the_page(browser, at, account, sandbox):
    factories.many_unpaid_orders(account, 30)
    region = account.line_items.first().region
    page = browser.get(at("pay_region")).content.decode()
    assert "All 31 orders · Choose orders" in browser.text(at("pay_region"))
    everything = re.search(r'name="everything-\d+" value="([^"]+)"', page)[1]
    chosen = browser.text(f"{at('pay_region')}?choose={region.pk}")
    assert "31 of 31 orders - $39.70" in chosen
    assert "0 of 31 orders - $0.00" in browser.text(f"{at('pay_region')}?choose={region.pk}&select=none")
    fields = {"form_key": uuid4(), "region": region.pk, f"everything-{region.pk}": everything}
    assert browser.post(at("pay_region"), **fields).status_code == 303
    assert Invoice.objects.get().total_amount == 3970


def test_all_orders_means_those_that_were_counted(browser, at, account):
    factories.many_unpaid_orders(account, 30)
    line = account.line_items.first()
    everything = re.search(
        r'name="everything-\d+" value="([^"]+)"', browser.get(at("pay_region")).content.decode()
    )[1]
    factories.an_open_invoice(account, line)
    fields = {"form_key": uuid4(), "region": line.region_id, f"everything-{line.region_id}": everything}
    answer = browser.post(at("pay_region"), **fields)
    assert answer.status_code == 422
    assert "are already paid, or are not from North America region" in text_of(answer)
    assert Invoice.objects.count() == 1


def test_the_sum_of_ticked_orders_is_told_and_announced(browser, at, account):
    line = factories.an_unpaid_order(account, "10.00", display_id="2")
    answer = browser.post(at("pay_sum"), **region_fields(account, line))
    html = answer.content.decode()
    assert text_of(answer) == "1 of 2 orders - $10.00 1 of 2 orders - $10.00"
    assert 'id="live" hx-swap-oob="true"' in html
