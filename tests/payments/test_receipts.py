"""Receipts: each captured payment of an account has one, numbered without gaps within the year."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import IntegrityError, transaction

from payments import operations
from payments.models import Receipt
from tests import factories
from tests.books import assert_sound
from tests.factories import NOW

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def the_clock(time_machine):
    time_machine.move_to(NOW, tick=False)


def numbers():
    return list(Receipt.objects.order_by("pk").values_list("number", "payment__status"))


def test_a_promise_has_none_until_it_is_verified(account, stella):
    payment = factories.a_promised_payment(factories.an_open_invoice(account))
    assert numbers() == []
    operations.verify_manual_payment(payment=payment, at=NOW, staff=stella)
    assert numbers() == [("2025-000001", "captured")]
    assert Receipt.objects.get().issued_at == NOW


def test_numbers_follow_each_other_and_begin_anew_with_the_organization_s_year(account, stella):
    new_york = datetime(2026, 1, 1, 4, 59, tzinfo=UTC)  # still 2025 there
    factories.an_organization(time_zone="America/New_York")
    factories.a_paid_invoice(account, stella)
    factories.a_paid_invoice(account, stella, at=new_york)
    factories.a_paid_invoice(account, stella, at=new_york + timedelta(minutes=1))
    assert [number for number, _ in numbers()] == ["2025-000001", "2025-000002", "2026-000001"]
    assert_sound(new_york + timedelta(days=1))


def test_a_rejected_promise_has_none(account, stella):
    payment = factories.a_promised_payment(factories.an_open_invoice(account))
    operations.reject_manual_payment(payment=payment, at=NOW, staff=stella, reason="Nothing came")
    assert numbers() == []


def test_nobody_s_money_has_one_once_it_is_somebody_s(account, stella):
    factories.a_region()
    payment = factories.unassigned_money(500)
    operations.assign_payment(payment=payment, account=account, reason="Theirs", at=NOW, staff=stella)
    assert numbers() == [("2025-000001", "captured")]


def test_it_never_changes(account, stella):
    factories.a_paid_invoice(account, stella)
    for act in (
        lambda: Receipt.objects.update(number="2025-000009"),
        lambda: Receipt.objects.all().delete(),
    ):
        with pytest.raises(IntegrityError, match="A receipt never changes"), transaction.atomic():
            act()
