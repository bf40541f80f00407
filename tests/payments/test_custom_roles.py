"""What a custom role does not allow: refused at each door in the same words, and shown nowhere else."""

import pytest

from tests import cast, factories
from tests.payments.reading import Browser

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("the_clock")]
AWAITS = "is awaiting verification of your payment"


def member(account, **permissions):
    return cast.member("Carl Custom", account, "custom", **permissions)


class TestThePanelOfAPayment:
    """`?paid=` on the account page tells of one payment."""

    @pytest.fixture
    def payment(self, alice, invoice):
        return factories.a_promised_payment(invoice, by=alice.user)

    def panel(self, reader, payment) -> bool:
        return AWAITS in Browser(reader).text(f"/account/{payment.account.number}/?promised={payment.pk}")

    def test_not_to_who_sees_invoices_alone(self, account, payment):
        assert not self.panel(member(account, get_invoices=2), payment)
        assert not self.panel(cast.member("Dan Custom", account, "custom", get_invoices=1), payment)

    def test_not_to_who_sees_their_own_payments(self, account, payment):
        reader = member(account, get_invoices=2, get_invoice_payments_history=1)
        assert not self.panel(reader, payment)

    def test_to_who_sees_the_company_s(self, account, payment, sam):
        assert self.panel(member(account, get_invoices=2, get_invoice_payments_history=2), payment)
        assert self.panel(sam, payment)

    def test_to_who_paid(self, account):
        payer = member(account, pay_invoice=2)
        payment = factories.a_promised_payment(factories.an_open_invoice(account), by=payer.user)
        assert self.panel(payer, payment)
