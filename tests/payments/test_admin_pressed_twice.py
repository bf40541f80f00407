"""The pages of the back office that make an invoice, sent twice."""

import pytest

from invoices.models import Invoice
from tests import factories
from tests.back_office import page_of, plain, told
from tests.books import unchanged
from tests.payments.test_admin_invoicing import LIST, _clock, clerk, desk, of, region, written

__all__ = ["_clock", "clerk", "desk", "region"]
pytestmark = pytest.mark.django_db


def test_a_draft(desk, account, region):
    key = desk.get(of(account, region)).context["form"]["form_key"].value()
    sent = written(("Desk lamp", "1", "39.40", "")) | {"form_key": key}
    first = desk.post(of(account, region), sent)
    with unchanged():
        again = desk.post(of(account, region), sent)
        page = desk.post(of(account, region), sent | {"title": "October"})
    assert again.headers["Location"] == first.headers["Location"] == page_of(Invoice.objects.get())
    said = f"This form has made {Invoice.objects.get()} already, which says something else"
    assert (page.status_code, said in plain(page.content.decode())) == (422, True)


def test_a_duplicate(desk, account):
    invoice = factories.an_open_invoice(account)
    page = page_of(invoice, "duplicate")
    sent = {"form_key": desk.get(page).context["form"]["form_key"].value()}
    first = told(desk.post(page, sent))
    with unchanged():
        assert told(desk.post(page, sent))[-1:] == first
    assert Invoice.objects.filter(status="draft").count() == 1


def test_everything_unbilled(desk, account, region):
    """Charges that were billed are unbilled no more: it takes no key."""
    sent = {"groups": [one.key for one, _ in desk.get(f"{LIST}bill_unbilled/").context["found"]]}
    desk.post(f"{LIST}bill_unbilled/", sent)
    assert Invoice.objects.count() == 1
    with unchanged():
        assert desk.post(f"{LIST}bill_unbilled/", sent).status_code == 200
