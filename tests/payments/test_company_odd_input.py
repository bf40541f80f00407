"""Odd values for the lists of the company's face: refused by their argument's name, without effect, and at
once."""

import json
from time import process_time

import pytest

from core.audit import AuditEntry
from payments.models import Payment
from tests import factories
from tests.documents import GET_ACCOUNTS
from tests.factories import NOW
from tests.payments.company_documents import EXPORT, FINISH

pytestmark = pytest.mark.django_db
HUGE = "1E+1000000"  # as a whole number it has a million digits


@pytest.fixture(autouse=True)
def the_clock(time_machine):
    time_machine.move_to(NOW, tick=False)


@pytest.fixture
def shop(graphql, alice, invoice):
    shop = graphql(alice)
    shop(GET_ACCOUNTS)
    return shop


def refused(shop, field, argument, value):
    """Code and field of the only error."""
    answer = shop.post(f"{{ {field}({argument}: {value}) {{ totalCount }} }}").json()
    (error,) = answer["errors"]
    return error["extensions"].get("code"), error["extensions"].get("field")


@pytest.mark.parametrize("argument", ["beginDateAt", "endDateAt", "beginDueDateAt", "endDueDateAt"])
@pytest.mark.parametrize("value", [HUGE, f"-{HUGE}"])
def test_a_time_that_is_written_with_an_exponent_costs_nothing(shop, argument, value):
    began = process_time()
    assert refused(shop, "invoices", argument, json.dumps(value)) == ("VALIDATION_ERROR", argument)
    assert process_time() - began < 2


@pytest.mark.parametrize("zone", ["UTC", "Pacific/Kiritimati", "America/New_York"])
@pytest.mark.parametrize("argument", ["beginDueDateAt", "endDueDateAt"])
@pytest.mark.parametrize("value", ["253402300799", "-62135596800"])
def test_the_ends_of_the_calendar_are_refused_in_every_zone(shop, zone, argument, value):
    factories.an_organization(time_zone=zone)
    assert refused(shop, "invoices", argument, value) == ("VALIDATION_ERROR", argument)


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York"])
@pytest.mark.parametrize(
    ("argument", "day"), [("dateCreatedBeginAt", "0001-01-01"), ("dateCreatedEndAt", "9999-12-31")]
)
def test_a_day_that_has_no_neighbour_is_refused_by_its_name(shop, zone, argument, day):
    factories.an_organization(time_zone=zone)
    document = f'{{ invoicePayments({argument}: "{day}") {{ totalCount }} }}'
    answer = shop.post(document).json()
    if "errors" in answer:
        assert answer["errors"][0]["extensions"] == {"code": "VALIDATION_ERROR", "field": argument}
    else:
        assert answer["data"]["invoicePayments"] == {"totalCount": 0}


TEXTS = ("search", "invoiceNumber", "orderNumber", "purchaseOrderNumber", "externalId", "externalCustomerId")


@pytest.mark.parametrize("text", ["x" * 256, "x" * 60_000, "%" * 40_000, "\0", "a\0b", "\ud800", "a\udfff"])
@pytest.mark.parametrize(
    ("field", "argument"), [*(("invoices", name) for name in TEXTS), ("receipts", "search")]
)
def test_a_text_that_no_row_can_hold_is_refused(shop, field, argument, text):
    document = f"query ($text: String) {{ {field}({argument}: $text) {{ totalCount }} }}"
    (error,) = shop.post(document, {"text": text}).json()["errors"]
    assert error["extensions"] == {"code": "VALIDATION_ERROR", "field": argument}


@pytest.mark.parametrize(
    "text", ["x" * 255, " z ", "\u200d", "\U0001f468\u200d\U0001f469", "\u202e", "İ", "%_\\'"]
)
@pytest.mark.parametrize("argument", TEXTS)
def test_a_text_that_a_row_can_hold_is_looked_for(shop, argument, text):
    document = f"query ($text: String) {{ invoices({argument}: $text) {{ totalCount }} }}"
    assert shop(document, text=text) == {"invoices": {"totalCount": 0}}


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"search": "x" * 60_000}, "search"),
        ({"search": "\ud800"}, "search"),
        ({"invoiceNumber": "a\0b"}, "invoiceNumber"),
        ({"orderNumber": "x" * 256}, "orderNumber"),
    ],
)
def test_an_export_of_such_a_text_gets_no_link(shop, given, field):
    (error,) = shop.post(EXPORT, {"data": given}).json()["errors"]
    assert error["extensions"] == {"code": "VALIDATION_ERROR", "field": field}


def test_ids_that_no_row_has_are_nobody_s(shop, invoice):
    document = "query ($ids: String) { invoices(idIn: $ids) { edges { node { id } } } }"
    for beyond in ("9" * 5000, "0" * 5000, "9" * 19, "9" * 20):
        assert shop(document, ids=beyond)["invoices"]["edges"] == []
        (edge,) = shop(document, ids=f"{beyond},{invoice.pk}")["invoices"]["edges"]
        assert edge["node"]["id"] == str(invoice.pk)


@pytest.mark.parametrize("comment", ["\ud800", "For March\0"])
def test_a_remark_that_cannot_be_kept_is_refused_before_anything_is_paid(shop, invoice, comment):
    cart = factories.an_initiated_session(invoice).collection
    (error,) = shop.post(FINISH, {"id": cart.pk, "comment": comment}).json()["errors"]
    assert error["extensions"] == {"code": "VALIDATION_ERROR", "field": "comment"}
    assert not Payment.objects.exists()


def test_a_long_remark_is_cut(shop, invoice):
    cart = factories.an_initiated_session(invoice).collection
    assert (
        shop(FINISH, id=cart.pk, comment="x" * 5000)["invoiceFinishBcPayment"]["result"] == "manual_pending"
    )
    assert AuditEntry.objects.get(action="paymentcollection.remarked").reason == "x" * 1000


STATS = "query ($ids: [Int]) { invoiceStats(status: 0, companyIds: $ids) { totalBalance } }"
OF_COMPANIES = "query ($ids: [Int]) { invoices(companyIds: $ids) { totalCount } }"


def test_so_many_companies_and_no_more(shop, account):
    """Thousands of them in each of fifteen aliases are seconds of a server's time."""
    asked = [account.pk, *range(10**6, 10**6 + 999)]
    assert shop(OF_COMPANIES, ids=asked)["invoices"]["totalCount"] == 1
    assert shop(STATS, ids=asked)["invoiceStats"]["totalBalance"] == 39.4
    for document, given in (
        (OF_COMPANIES, {"ids": [*asked, 7]}),
        (STATS, {"ids": [*asked, 7]}),
        (EXPORT, {"data": {"companyIds": [*asked, 7]}}),
        (OF_COMPANIES, {"ids": [None]}),
    ):
        (error,) = shop.post(document, given).json()["errors"]
        assert error["extensions"] == {"code": "VALIDATION_ERROR", "field": "companyIds"}
