"""A form that is sent twice drafts once, also at the same moment; its key answers nothing else."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from uuid import UUID

import pytest

from core.errors import Conflict
from invoices import operations
from invoices.models import Invoice
from invoices.operations import Draft, FreeLine
from tests import factories
from tests.books import assert_sound, refuses, unchanged
from tests.factories import NOW
from tests.meanwhile import meanwhile
from tests.payments.serving import shared_database

__all__ = ["shared_database"]
KEY, OTHER_KEY = UUID(int=1), UUID(int=2)
CHAIRS = FreeLine("Office chairs ", Decimal(3), Decimal("33.335"), Decimal(19))
SAID = Draft(lines=[CHAIRS], title=" September", notes="Thank you", due_date=date(2025, 10, 1))


def drafted(account, staff, draft=SAID, *, key=KEY, region=None):
    region = region or account.line_items.earliest("pk").region
    return operations.create_draft(
        account=account, region=region, draft=draft, at=NOW, staff=staff, form_key=key
    )


def told(made):
    return f"This form has made {made} already, which says something else: change that one"


@pytest.mark.django_db
class TestOneAfterTheOther:
    def test_the_first_one_is_answered(self, account, stella):
        said = replace(SAID, line_item_ids=[account.line_items.get().pk])
        first = drafted(account, stella, said)
        with unchanged():
            assert drafted(account, stella, said) == first
        assert drafted(account, stella, said, key=OTHER_KEY) != first
        assert_sound()

    def test_without_a_key_each_is_one_of_its_own(self, account, stella):
        assert drafted(account, stella, key=None) != drafted(account, stella, key=None)

    @pytest.mark.parametrize(
        "other",
        [
            {"title": "October"},
            {"title": ""},
            {"notes": ""},
            {"due_date": None},
            {"issue_date": date(2025, 9, 1)},
            {"lines": [CHAIRS, CHAIRS]},
            {"lines": [replace(CHAIRS, quantity=Decimal(4))]},
            {"lines": [replace(CHAIRS, unit_price=Decimal("33.33"))]},
            {"lines": [replace(CHAIRS, tax_rate=Decimal(7))]},
            {"lines": [replace(CHAIRS, description="Chairs")]},
        ],
    )
    def test_something_else_is_refused(self, account, stella, other):
        made = drafted(account, stella)
        with refuses(Conflict, told(made)):
            drafted(account, stella, replace(SAID, **other))

    def test_another_charge_account_or_region_is_refused(self, account, stella):
        made = drafted(account, stella)
        europe = factories.a_region("Europe", "EUR")
        elsewhere = factories.an_unpaid_order(factories.an_account("Initech"), display_id="7")
        with refuses(Conflict, told(made)):
            drafted(account, stella, replace(SAID, line_item_ids=[account.line_items.get().pk]))
        with refuses(Conflict, told(made)):
            drafted(elsewhere.account, stella)
        with refuses(Conflict, told(made)):
            drafted(account, stella, region=europe)

    def test_a_draft_that_was_changed_meanwhile_is_not_answered(self, account, stella):
        made = drafted(account, stella)
        operations.edit_draft(invoice=made, draft=replace(SAID, title="October"), at=NOW, staff=stella)
        with refuses(Conflict, told(made)):
            drafted(account, stella)

    def test_a_draft_that_was_discarded_meanwhile_is_not_answered(self, account, stella):
        made = drafted(account, stella)
        operations.discard_draft(invoice=made, at=NOW, staff=stella)
        with refuses(Conflict, f"This form has made {made} already, which is cancelled: begin a new one"):
            drafted(account, stella)

    def test_an_invoice_is_duplicated_once(self, account, stella):
        invoice = operations.issue_draft(invoice=drafted(account, stella, key=None), at=NOW, staff=stella)
        said = {"invoice": invoice, "at": NOW, "staff": stella}
        first = operations.duplicate_invoice(**said, form_key=KEY)
        with unchanged():
            assert operations.duplicate_invoice(**said, form_key=KEY) == first
        assert operations.duplicate_invoice(**said, form_key=OTHER_KEY) != first
        with refuses(Conflict, told(first)):
            drafted(account, stella)
        assert_sound()


def test_at_the_same_moment(shared_database):
    """The second one comes while the first holds the account, and waits for it."""
    account = factories.reference_000()
    made = []

    def press():
        made.append(drafted(account, None).pk)

    with meanwhile('INSERT INTO "invoices_invoice"', press, waits=True):
        press()
    assert made[0] == made[1] == Invoice.objects.get().pk
