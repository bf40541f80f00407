"""A form that was opened before something happened writes back what was edited in it, and nothing else."""

import pytest
from django.db import connection
from django.test.client import Client

from accounts import operations as accounts
from accounts.models import Account, User
from core.audit import SYSTEM, AuditEntry
from payments import operations
from payments.models import Payment
from tests import cast, factories
from tests.accounts.test_admin import form_of
from tests.back_office import page_of
from tests.books import assert_sound
from tests.factories import NOW
from tests.meanwhile import meanwhile
from tests.payments.serving import shared_database
from tests.payments.test_operations_completing import agreed, complete, paid

__all__ = ["shared_database"]
pytestmark = pytest.mark.usefixtures("the_clock")


@pytest.mark.django_db
def test_a_form_as_old_as_before_a_payment_does_not_undo_it(account, invoice, sandbox, stella):
    stale = Account.objects.get(pk=account.pk)
    assert complete(agreed(invoice, sandbox)) == paid(invoice)
    factories.an_unpaid_order(Account.objects.get(pk=account.pk), "10.00", display_id="2")
    accounts.change_credit_limit(
        account=account, credit_limit=factories.Money(2000, "USD"), at=NOW, by=stella.actor, reason="Grew"
    )
    stale.phone = "+1 555 0100"
    before, after = {"phone": ""}, {"phone": "+1 555 0100"}
    accounts.save_master_data(row=stale, before=before, after=after, at=NOW, by=stella.actor)
    kept = Account.objects.get(pk=account.pk)
    assert (kept.phone, kept.total_amount, kept.paid_amount, kept.credit_limit) == (
        "+1 555 0100",
        4940,
        3940,
        200_000,
    )
    told = AuditEntry.objects.filter(action="account.changed").latest("pk")
    assert (told.actor_label, told.before, told.after) == ("stella@example.com", before, after)
    assert_sound()


@pytest.mark.django_db
def test_a_form_as_old_as_before_a_new_password_does_not_bring_back_the_old_one(alice, stella):
    stale = User.objects.get(pk=alice.user.pk)
    accounts.set_password(user=alice.user, password="a better horse", at=NOW, by=stella.actor)
    stale.name = "Alice Renamed"
    accounts.save_master_data(
        row=stale,
        before={"name": "Alice Example"},
        after={"name": "Alice Renamed"},
        at=NOW,
        by=stella.actor,
    )
    kept = User.objects.get(pk=alice.user.pk)
    assert kept.name == "Alice Renamed"
    assert (kept.check_password("a better horse"), kept.check_password("correct horse")) == (True, False)


def test_staff_save_an_account_while_a_customer_pays(shared_database, sandbox):
    """The payment commits when the form was read and its row not yet written."""
    if connection.vendor == "sqlite":
        pytest.skip("SQLite lets one writer in at a time: the page holds it from the start")
    account = factories.reference_000()
    session = agreed(factories.an_open_invoice(account, account.line_items.get()), sandbox)
    staff = Client()
    staff.force_login(cast.stella())
    address = page_of(account)
    given = form_of(staff.get(address)) | {"phone": "+1 555 0100"}
    told = []

    def pay():
        told.append(operations.complete_payment(session=session, at=NOW, by=SYSTEM).status)

    with meanwhile('UPDATE "accounts_account"', pay):
        answer = staff.post(address, given)
    assert (answer.status_code, told) == (302, ["succeeded"])
    account.refresh_from_db()
    assert (account.phone, account.total_amount, account.paid_amount) == ("+1 555 0100", 3940, 3940)
    assert Payment.objects.get().amount == 3940
    assert [str(one) for one in operations.broken_invariants(at=NOW) if one.number != 18] == []
