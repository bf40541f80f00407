"""Several promises verified or rejected at once in the back office."""

import pytest
import time_machine
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME

from invoices.models import Invoice
from payments import operations
from payments.models import Payment
from tests import factories
from tests.back_office import a_clerk, button, list_of, plain, question, refusal
from tests.books import assert_sound, unchanged
from tests.factories import NOW


@pytest.fixture(autouse=True)
def clock():
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture
def staff(client, stella):
    client.force_login(stella)
    return client


@pytest.fixture
def promises(account, alice):
    """$39.40 on each of two invoices, and $20.00 and then $10.00 of $39.40 on a third."""
    made = [
        factories.a_promised_payment(factories.an_open_invoice(account, at=NOW), by=alice.user)
        for _ in range(2)
    ]
    shared = factories.an_open_invoice(account)
    return [*made, *(promised(shared, amount, alice) for amount in (2000, 1000))]


def promised(invoice, amount, member) -> Payment:
    collection = factories.a_collection_over(invoice, amounts=[amount])
    session = operations.change_method(
        collection=collection, provider_code=factories.MANUAL, at=NOW, by=member.user.actor
    )
    operations.complete_payment(session=session, at=NOW, by=member.user.actor)
    return session.payments.get()


def page(name: str) -> str:
    return f"{list_of(Payment)}{name}/"


def choose(client, name: str, payments):
    sent = {"action": name, ACTION_CHECKBOX_NAME: [one.pk for one in payments]}
    return client.post(list_of(Payment, show="all"), sent, follow=True)


def ids(payments) -> dict[str, str]:
    return {"ids": ",".join(str(one.pk) for one in payments)}


class TestVerify:
    def test_says_what_each_and_all_of_them_would_do(self, staff, promises):
        with unchanged():
            shown = choose(staff, "verify_many", promises)
        text = plain(shown.content.decode())
        assert question(shown) == "Verify 4 bank transfers?"
        assert button(shown) == "Verify 4 payments"
        assert "Together $108.80. 2 invoices become paid, 1 stays open with $9.40. 4 receipts go out." in text
        assert "INV-2025-001 $39.40 → then $0.00 $157.60 → then $118.20" in text
        assert "INV-2025-003 $39.40 → then $19.40 $78.80 → then $58.80" in text
        assert "INV-2025-003 $19.40 → then $9.40 $58.80 → then $48.80" in text

    def test_verifies_each_and_tells_of_each(self, staff, promises, account):
        answer = staff.post(page("verify_many"), ids(promises))
        assert answer.content.decode().count("verified") >= 4
        assert {one.status for one in Payment.objects.all()} == {"captured"}
        assert list(Invoice.objects.order_by("pk").values_list("status", "paid_amount")) == [
            ("paid", 3940),
            ("paid", 3940),
            ("sent", 3000),
        ]
        account.refresh_from_db()
        assert account.balance_due == 4880
        assert_sound()

    def test_leaves_out_what_cannot_go_and_says_why(self, staff, stella, promises):
        first, second, *_ = promises
        operations.verify_manual_payment(payment=first, at=NOW, staff=stella)
        Payment.objects.filter(pk=second.pk).update(payer=stella)
        shown = choose(staff, "verify_many", promises)
        text = plain(shown.content.decode())
        assert button(shown) == "Verify 2 payments"
        assert f"Payment {first.reference} is already completed" in text
        assert "You recorded this payment yourself: somebody else must verify it" in text
        staff.post(page("verify_many"), ids(promises))
        assert sorted(Payment.objects.values_list("status", flat=True)) == [*["captured"] * 3, "pending"]

    def test_who_may_not_is_told_so_and_nothing_is_written(self, client, promises):
        client.force_login(a_clerk("payments.view_payment"))
        with unchanged():
            answer = client.post(page("verify_many"), ids(promises))
        assert button(answer) is None
        assert refusal(answer) == "None of the chosen rows can go."
        assert "Your role does not allow this." in answer.content.decode()

    def test_needs_as_many_queries_for_twelve_as_for_two(
        self, staff, account, alice, django_assert_num_queries, django_assert_max_num_queries
    ):
        made = [
            factories.a_promised_payment(factories.an_open_invoice(account), by=alice.user) for _ in range(12)
        ]
        staff.post(page("verify_many"), ids(made[:0]))
        with django_assert_max_num_queries(40) as few:
            choose(staff, "verify_many", made[:2])
        with django_assert_num_queries(len(few)):
            choose(staff, "verify_many", made)


class TestReject:
    def test_rejects_each_for_one_reason(self, staff, promises):
        shown = choose(staff, "reject_many", promises)
        text = plain(shown.content.decode())
        assert button(shown) == "Reject 4 payments"
        assert "Together $108.80. 3 invoices can be paid again. 4 payers are told why." in text
        with unchanged():
            assert staff.post(page("reject_many"), ids(promises)).status_code == 422
        staff.post(page("reject_many"), ids(promises) | {"reason": "Not in the bank account"})
        assert set(Payment.objects.values_list("status", "reason")) == {("failed", "Not in the bank account")}
        assert set(Invoice.objects.values_list("reserved_amount", "paid_amount")) == {(0, 0)}
        assert_sound()
