"""What a custom role does not allow: refused at each door in the same words, and shown nowhere else."""

import pytest

from payments import operations
from payments.models import Payment, PaymentSession
from tests import cast, factories
from tests.accounts.test_levels import invoiced
from tests.factories import MANUAL, NOW, STRIPE
from tests.payments.company_documents import ONE, PDF
from tests.payments.reading import Browser

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("the_clock")]
FORBIDDEN = ("Insufficient permissions", "FORBIDDEN")
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


class TestOneInvoice:
    def test_who_sees_it_and_may_not_open_it_is_told_so(self, graphql, account, alice):
        """As with its PDF: it is there, so it is not hidden."""
        reader = member(account, get_invoices=2, get_invoice_detail=1, get_invoice_pdf=1)
        shop, own, others = graphql(reader), invoiced(account, reader), invoiced(account, alice)
        assert shop(ONE, id=own.pk)["invoice"]["id"] == str(own.pk)
        for document in (ONE, PDF):
            assert shop.error(document, id=others.pk) == FORBIDDEN

    def test_of_a_company_where_they_may_not(self, graphql, account, alice):
        """A detail of one company is no right in another."""
        reader = member(factories.an_account("Initech"), get_invoices=2, get_invoice_detail=2)
        reader.user.memberships.create(account=account, role="custom", permissions={"get_invoices": 2})
        invoice = invoiced(account, alice)
        assert graphql(reader).error(ONE, id=invoice.pk) == FORBIDDEN

    def test_what_they_cannot_see_is_not_found(self, graphql, account, alice):
        reader = graphql(member(account, get_invoices=1, get_invoice_detail=1))
        for pk in (invoiced(account, alice).pk, 987654321, -1):
            assert reader.error(ONE, id=pk) == ("Invoice not found", "NOT_FOUND")


class TestPaidTogetherWithAColleagueS:
    """An invoice of the member's own that is paid together with others': the sum would tell of those."""

    @pytest.fixture
    def ann(self, account):
        return member(account, get_invoices=1, get_invoice_payments_history=1)

    @pytest.fixture
    def pair(self, account, alice, ann):
        return [invoiced(account, ann), invoiced(account, alice)]

    def promised(self, pair, by):
        session = operations.change_method(
            collection=factories.a_collection_over(*pair), provider_code=MANUAL, at=NOW, by=by.actor
        )
        operations.complete_payment(session=session, at=NOW, by=by.actor)
        return Payment.objects.get()

    def page(self, reader, invoice):
        return Browser(reader).text(f"/account/{invoice.account.number}/invoices/{invoice.pk}/")

    def test_the_member_is_not_told_the_sum(self, pair, ann, alice, stella):
        payment = self.promised(pair, alice)
        assert "$78.80" not in self.page(ann, pair[0])
        assert "Payment pending" in self.page(ann, pair[0])
        operations.verify_manual_payment(payment=payment, at=NOW, staff=stella)
        assert "$78.80" not in self.page(ann, pair[0])
        assert "Paid in full" in self.page(ann, pair[0])

    def test_nor_of_a_promise_that_was_rejected(self, pair, ann, alice, stella):
        payment = self.promised(pair, alice)
        operations.reject_manual_payment(payment=payment, reason="Nothing came", at=NOW, staff=stella)
        assert "$78.80" not in self.page(ann, pair[0])

    def test_who_sees_the_company_is_told(self, pair, alice, sam):
        self.promised(pair, alice)
        assert "A bank transfer of $78.80 is announced" in self.page(sam, pair[0])

    def test_who_paid_it_is_told(self, pair, ann, account):
        ann.user.memberships.update(permissions={"get_invoices": 1, "pay_invoice": 2})
        self.promised(pair, ann)
        assert "Bank transfer of $78.80 announced" in self.page(ann, pair[0])

    def test_what_pays_it_alone_is_told(self, pair, ann, alice):
        factories.a_promised_payment(pair[0], by=alice.user)
        page = self.page(ann, pair[0])
        assert "A bank transfer of $39.40 is announced" in page
        assert "Bank transfer of $39.40 announced" in page

    def test_nor_where_it_is_paid(self, pair, account, ann, alice, stella):
        ann.user.memberships.update(permissions={"get_invoices": 1, "pay_invoice": 1})
        theirs = factories.an_initiated_session(pair[0], by=ann.actor).collection
        payment = self.promised(pair, alice)
        base = f"/account/{account.number}"
        pages = (f"{base}/invoices/{pair[0].pk}/pay/", f"{base}/pay/{theirs.pk}/")
        for is_paid in (False, True):
            if is_paid:
                operations.verify_manual_payment(payment=payment, at=NOW, staff=stella)
            for address in pages:
                answer = Browser(ann).client.get(address, follow=True)
                assert answer.status_code == 200
                assert "78.80" not in answer.content.decode()
                assert payment.reference not in answer.content.decode()
            assert "78.80" in Browser(alice).text(pages[0])

    def test_nor_while_it_is_decided(self, pair, account, ann, alice):
        ann.user.memberships.update(permissions={"get_invoices": 1, "pay_invoice": 1})
        theirs = factories.an_initiated_session(pair[0], by=ann.actor).collection
        together = factories.a_collection_over(*pair).sessions.get(provider__code=STRIPE)
        PaymentSession.objects.filter(pk=together.pk).update(
            status="capturing", claimed_at=NOW, reference="pi_1", payer=alice.user
        )
        state = f"/account/{account.number}/pay/{theirs.pk}/state/?session={together.pk}"
        for reader, is_told in ((ann, False), (alice, True)):
            page = Browser(reader).client.get(state, headers={"HX-Request": "true"}).content.decode()
            assert ("78.80" in page) is is_told
            page = Browser(reader).client.get(state.partition("state/")[0], follow=True).content.decode()
            assert ("78.80" in page) is is_told
