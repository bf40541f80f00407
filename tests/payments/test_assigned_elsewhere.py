"""Money that came by one company's session and that staff gave to another: neither is told of the other."""

import pytest

from payments import operations
from payments.models import Payment
from tests import factories
from tests.factories import NOW
from tests.payments.reading import Browser

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("the_clock")]
CART = "query ($id: Int!) { invoicePaymentBcCart(paymentId: $id) { cartId cartUrl } }"
ABOUT = "query ($id: Decimal) { invoicePayments(invoiceId: $id) { totalCount edges { node { id } } } }"


@pytest.fixture
def other(mallory):
    return mallory.user.memberships.get().account


@pytest.fixture
def given(invoice, other, stella):
    """$30.00 that came by a session of Globex's and belongs to Initech."""
    payment = factories.unassigned_money(3000)
    Payment.objects.filter(pk=payment.pk).update(session=factories.an_initiated_session(invoice))
    payment.refresh_from_db()
    operations.assign_payment(payment=payment, account=other, reason="Theirs", at=NOW, staff=stella)
    return payment


def test_the_other_company_is_told_of_no_cart(graphql, mallory, given):
    assert graphql(mallory).error(CART, id=given.pk) == ("Payment not found", "NOT_FOUND")


def test_it_is_found_by_no_invoice_of_the_first(graphql, mallory, alice, invoice, given):
    for member in (mallory, alice):
        assert graphql(member)(ABOUT, id=invoice.pk)["invoicePayments"] == {"totalCount": 0, "edges": []}


def test_no_page_of_theirs_leads_to_an_invoice_of_the_first(mallory, other, invoice, given):
    browser = Browser(mallory)
    for address in (f"?paid={given.pk}", f"payments/{given.pk}/"):
        page = browser.get(f"/account/{other.number}/{address}").content.decode()
        assert f"/invoices/{invoice.pk}/" not in page
        assert invoice.number not in page


def test_the_first_company_s_own_payment_is_told_as_before(graphql, alice, account, invoice):
    payment = factories.a_promised_payment(invoice, by=alice.user)
    cart = str(payment.session.collection_id)
    assert graphql(alice)(CART, id=payment.pk)["invoicePaymentBcCart"]["cartId"] == cart
    assert graphql(alice)(ABOUT, id=invoice.pk)["invoicePayments"]["totalCount"] == 1
    assert invoice.number in Browser(alice).text(f"/account/{account.number}/payments/{payment.pk}/")


@pytest.mark.parametrize("status", ["cancelled", "failed", "capturing"])
def test_money_given_to_the_company_whose_session_paid_nothing_is_told_without_that(
    alice, account, invoice, stella, status
):
    payment = factories.unassigned_money(3000)
    session = factories.an_initiated_session(invoice)
    type(session).objects.filter(pk=session.pk).update(
        status=status, **{"claimed_at" if status == "capturing" else "ended_at": NOW}
    )
    Payment.objects.filter(pk=payment.pk).update(session=session)
    operations.assign_payment(payment=payment, account=account, reason="Theirs", at=NOW, staff=stella)
    page = Browser(alice).text(f"/account/{account.number}/?paid={payment.pk}")
    assert "None" not in page
    assert "being processed" not in page
    assert "Account credit $30.00" in page
