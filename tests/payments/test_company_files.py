"""PDF and CSV by signed links: short-lived, in the name of who asked, with the rights they still have."""

import csv
import io
import re
from datetime import timedelta

import pytest
from django.core import signing
from django.test import Client

from accounts import operations as accounts
from accounts.models import Account, CustomerToken, Membership
from core.errors import NotFound
from core.outbox import drain
from invoices import operations as invoices
from invoices.models import InvoiceDocument
from payments.tasks import invoice_issued
from tests import cast, factories
from tests.books import unchanged
from tests.factories import NOW
from tests.past_the_guards import without_triggers
from tests.payments.company_documents import EXPORT, PDF

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def the_clock(time_machine):
    time_machine.move_to(NOW, tick=False)


@pytest.fixture
def shop(graphql, alice):
    return graphql(alice)


@pytest.fixture
def invoice(account):
    made = factories.an_open_invoice(account, account.line_items.get(), is_drawn=True)
    drain(at=NOW)
    return made


def path_of(url):
    return re.sub(r"^https?://[^/]+", "", url)


def opened(url, client=None):
    return (client or Client()).get(path_of(url))


def rows_of(answer):
    return list(csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode())))


def exported(shop, lang=None, **data):
    return opened(shop(EXPORT, data=data, lang=lang)["invoicesExport"]["url"])


# PDF


def test_a_cancelled_invoice_has_none_here(shop, invoice, stella):
    invoices.cancel_invoice(invoice=invoice, at=NOW, staff=stella, reason="Wrong")
    assert shop.error(PDF, id=invoice.pk) == ("Invoice not found", "NOT_FOUND")


def test_a_pdf_is_what_the_worker_made(shop, invoice):
    for pay, kind in ((None, "plain"), (True, "pay_now")):
        answer = opened(shop(PDF, id=invoice.pk, pay=pay)["invoicePdf"]["url"])
        assert answer.content == bytes(InvoiceDocument.objects.get(kind=kind).content)
        assert (answer.status_code, answer["Content-Type"]) == (200, "application/pdf")
        assert answer["Content-Disposition"] == 'attachment; filename="INV-2025-001.pdf"'
        assert answer["Cache-Control"] == "no-store"
    assert f"/account/{invoice.account.number}/invoices/{invoice.pk}/pay/".encode() in answer.content


def test_it_is_made_once(invoice):
    made = list(InvoiceDocument.objects.values_list())
    with unchanged():
        invoice_issued({"invoice": invoice.pk}, NOW)
    assert list(InvoiceDocument.objects.values_list()) == made


def test_before_it_is_made_there_is_no_link(shop, account):
    young = factories.an_open_invoice(account)
    assert shop(PDF, id=young.pk) == {"invoicePdf": {"url": None}}


def test_one_that_was_changed_is_not_given_out(shop, invoice):
    url = shop(PDF, id=invoice.pk)["invoicePdf"]["url"]
    without_triggers()
    InvoiceDocument.objects.update(content=b"%PDF-forged")
    with pytest.raises(RuntimeError, match="is not as it was made"):
        opened(url)


# Links


def test_a_link_lasts_ten_minutes(shop, invoice, time_machine):
    url = shop(PDF, id=invoice.pk)["invoicePdf"]["url"]
    time_machine.move_to(NOW + timedelta(minutes=10), tick=False)
    assert opened(url).status_code == 200
    time_machine.move_to(NOW + timedelta(minutes=10, seconds=1), tick=False)
    assert opened(url).status_code == 404


@pytest.mark.parametrize(
    "change",
    [
        lambda user: Membership.objects.filter(user=user).update(role="junior_buyer"),
        lambda user: Membership.objects.filter(user=user).delete(),
        lambda user: CustomerToken.objects.filter(user=user).update(revoked_at=NOW),
        lambda user: CustomerToken.objects.filter(user=user).delete(),
        lambda user: type(user).objects.filter(pk=user.pk).update(is_active=False),
    ],
)
def test_a_link_is_worth_what_its_maker_still_may(shop, alice, invoice, change):
    pdf = shop(PDF, id=invoice.pk)["invoicePdf"]["url"]
    sheet = shop(EXPORT)["invoicesExport"]["url"]
    change(alice.user)
    assert opened(pdf).status_code in (403, 404)
    answer = opened(sheet)
    assert answer.status_code in (403, 404) or rows_of(answer) == []


def test_a_link_of_a_browser_ends_when_its_user_may_not_sign_in(alice):
    """It has no token that would end."""
    link = accounts.sign_link(customer=alice.customer, what={"file": "pdf"}, at=NOW)
    assert accounts.open_link(link, at=NOW)[0].user == alice.user
    type(alice.user).objects.filter(pk=alice.user.pk).update(is_active=False)
    with pytest.raises(NotFound, match="This link is over"):
        accounts.open_link(link, at=NOW)


def test_somebody_else_who_is_signed_in_opens_nothing(shop, account, alice, mallory, bob, invoice):
    url = shop(PDF, id=invoice.pk)["invoicePdf"]["url"]
    for member, status in ((mallory, 404), (bob, 404), (alice, 200)):
        client = Client()
        client.force_login(member.user)
        assert opened(url, client).status_code == status


@pytest.mark.parametrize("part", [0, 5, -1])
def test_a_link_that_was_changed_opens_nothing(shop, invoice, part):
    path = path_of(shop(PDF, id=invoice.pk)["invoicePdf"]["url"])
    signed = path.split("/")[2]
    swapped = "A" if signed[part] != "A" else "B"
    forged = signed[:part] + swapped + (signed[part + 1 :] if part != -1 else "")
    assert Client().get(path.replace(signed, forged)).status_code == 404


def test_a_link_of_another_kind_of_signature_opens_nothing(alice, invoice):
    claim = {
        "by": alice.user.pk,
        "at": int(NOW.timestamp()),
        "what": {"file": "csv", "filter": {}, "order": ["pk"]},
    }
    assert Client().get(f"/files/{signing.dumps(claim)}/x.csv").status_code == 404
    right = accounts.sign_link(customer=alice.customer, what=claim["what"], at=NOW)
    assert Client().get(f"/files/{right}/x.csv").status_code == 200


# CSV


def test_a_list_as_csv(shop, account, invoice):
    answer = exported(shop)
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert rows_of(answer) == [
        {
            "invoice_number": "INV-2025-001",
            "company_number": account.number,
            "company_name": "Globex",
            "status": "open",
            "issue_date": "2025-09-03",
            "due_date": "2025-10-03",
            "order_numbers": "1756876866",
            "purchase_order_numbers": "",
            "currency": "USD",
            "original_balance": "39.40",
            "open_balance": "39.40",
        }
    ]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({"search": "1756876866"}, 1),
        ({"search": "nothing"}, 0),
        ({"invoiceNumber": "INV-2025-001"}, 1),
        ({"invoiceNumber": "INV-2025-009"}, 0),
        ({"orderNumber": "1756876866"}, 1),
        ({"orderNumber": "17"}, 0),
        ({"beginDateAt": int(NOW.timestamp())}, 1),
        ({"beginDateAt": int(NOW.timestamp()) + 1}, 0),
        ({"endDateAt": int(NOW.timestamp())}, 1),
        ({"endDateAt": int(NOW.timestamp()) - 1}, 0),
        ({"status": [0]}, 1),
        ({"status": [1, 2]}, 0),
        ({"idIn": "0"}, 0),
        ({"orderBy": "-invoice_number"}, 1),
        ({"orderBy": "original_balance_amount"}, 1),
        ({"companyIds": []}, 1),
        ({"companyIds": [987654]}, 0),
    ],
)
def test_each_filter_of_an_export_includes_and_excludes(shop, invoice, data, expected):
    assert len(rows_of(exported(shop, **data))) == expected


def test_an_order_is_kept(shop, account, invoice):
    factories.an_open_invoice(account, factories.an_unpaid_order(account, "10", display_id="2"))
    told = [row["invoice_number"][-3:] for row in rows_of(exported(shop, orderBy="original_balance_amount"))]
    assert told == ["002", "001"]
    refused = shop.post(EXPORT, {"data": {"orderBy": "colour"}}).json()["errors"][0]
    assert refused["extensions"] == {"code": "VALIDATION_ERROR", "field": "orderBy"}


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "＝", "＠"])
def test_nothing_is_run_by_a_spreadsheet(shop, account, invoice, start):
    Account.objects.filter(pk=account.pk).update(company_name=f"{start}cmd|' /C calc'!A0")
    (row,) = rows_of(exported(shop))
    assert row["company_name"] == f"'{start}cmd|' /C calc'!A0"


def test_names_of_any_script_stay(shop, account, invoice):
    Account.objects.filter(pk=account.pk).update(company_name='Ünïcødé, "株式会社"\nشركة')
    (row,) = rows_of(exported(shop))
    assert row["company_name"] == 'Ünïcødé, "株式会社"\nشركة'


def test_amounts_have_the_decimals_of_their_currency(shop, account):
    for currency, price in (("JPY", "1182"), ("KWD", "3.940")):
        factories.a_rate(currency, "USD", "0.01")
        line = factories.an_unpaid_order(
            account, price, region=factories.a_region(currency, currency), display_id=currency
        )
        factories.an_open_invoice(account, line)
    told = {row["currency"]: row["open_balance"] for row in rows_of(exported(shop))}
    assert told == {"JPY": "1182", "KWD": "3.940"}


def test_who_may_not_export_gets_no_link(graphql, account, invoice, bob):
    refused = ("Insufficient permissions", "FORBIDDEN")
    assert graphql(bob).error(EXPORT) == refused
    assert graphql(bob).error(PDF, id=invoice.pk) == refused
    reader = graphql(cast.member("Ann Example", account, "custom", get_invoices=2))
    assert reader.error(EXPORT) == refused
    assert reader.error(PDF, id=invoice.pk) == refused


def test_a_foreign_and_a_random_pdf_are_refused_alike(graphql, invoice, mallory):
    for pk in (invoice.pk, 987654321):
        assert graphql(mallory).error(PDF, id=pk) == ("Invoice not found", "NOT_FOUND")


def test_a_company_exports_its_own(graphql, account, invoice, mallory):
    assert rows_of(exported(graphql(mallory))) == []
    assert rows_of(exported(graphql(mallory), idIn=str(invoice.pk))) == []
