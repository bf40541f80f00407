"""Text that is in the books already, in every column that holds words: shown as text by every page, and in
every mail."""

from decimal import Decimal
from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.db.models import CharField, F, Field, TextField, Value
from django.db.models.functions import Cast, Concat

from accounts.models import Account, Organization, Region, User
from core import outbox
from core.audit import SYSTEM
from invoices.models import Invoice, RecurringInvoice
from orders import operations as orders
from payments import operations as payments
from payments.models import Payment
from tests import factories
from tests.back_office import list_of, page_of
from tests.bad_text.texts import FORMULA, HEADER, MARKUP, STORED, WORST, harm, read
from tests.books import OURS
from tests.clients import Storefront
from tests.matrix.asking import browser_of
from tests.matrix.offices import BACK_OFFICE
from tests.matrix.world import World
from tests.past_the_guards import without_triggers

pytestmark = pytest.mark.django_db
PAGES = (
    "",
    "pay/",
    "pay/?choose={region}",
    "pay/{collection}/",
    "invoices/{invoice}/",
    "invoices/{invoice}/pay/",
    "members/",
    "members/{member}/",
    "members/{member}/remove/",
)
PAID = "?paid={payment}"
# What programs read: codes, numbers by which rows are found, what a form or a clock is made of.
STRUCTURED = (
    "number currency currency_code locale time_zone email status code kind method object_kind object_id "
    "actor_kind actor_id token_hash snapshot_hash password base quote invoice_number_format country "
    "billing_country unit_price_currency account_type role action uuid event_id sha256"
).split()


def columns(model: Any) -> list[Field]:
    """The columns of a model that hold words."""
    return [
        one
        for one in model._meta.concrete_fields
        if isinstance(one, CharField | TextField) and not one.choices and one.name not in STRUCTURED
    ]


def spoil(models: list[Any], text: str) -> int:
    """Write a text into all of their words: into how many columns. A unique one has its row's id first."""
    without_triggers()
    count = 0
    for model in models:
        for one in columns(model):
            room = (one.max_length or 2000) - 9
            whole: Any = Value(text[:room])
            if one.unique or any(one.name in getattr(rule, "fields", ()) for rule in model._meta.constraints):
                whole = Concat(Cast(F("pk"), CharField()), whole)
            model._default_manager.update(**{one.name: whole})
            count += 1
    return count


def spoiled(world: World, text: str) -> Invoice:
    """Names first, then an order and an invoice over it, then all that is left. Answers the invoice."""
    spoil([Organization, Account, Region, User], text)
    account = Account.objects.get(pk=world.own("admin", "account"))
    order = orders.place_order(
        account=account,
        region=Region.objects.get(pk=world.own("admin", "region")),
        display_id=text[:40],
        purchase_order_number=text[:60],
        positions=[orders.Position(text[:280], Decimal(1), Decimal("1.00"), sku=text[:60])],
        at=factories.NOW,
        by=SYSTEM,
    )
    invoice = factories.an_open_invoice(account, order.account_line_item)
    RecurringInvoice.objects.update(refusal="Told", refused_at=factories.NOW)  # words that have their time
    count = spoil([model for label in OURS for model in apps.get_app_config(label).get_models()], text)
    assert count > 40
    return invoice


@pytest.mark.parametrize("text", STORED)
def test_every_page_shows_it_as_text(world, text):
    invoice = spoiled(world, text)
    number = world.own("admin", "number")
    ids = {kind: world.own("admin", kind) for kind in ("region", "collection", "payment", "member")}
    browser, found = browser_of(world, "admin"), {}
    for page in (*PAGES, PAID):
        address = f"/account/{number}/{page}".format(**ids, invoice=invoice.pk)
        answer = browser.get(address)
        assert answer.status_code in (200, 303), address
        found[address] = harm(answer)
    for actor, address in (("junior", ""), ("senior", f"invoices/{invoice.pk}/"), ("senior", "pay/")):
        found[f"{actor} {address}"] = harm(browser_of(world, actor).get(f"/account/{number}/{address}"))
    found["tokens"] = harm(browser.get("/account/tokens/"))
    assert {address: alive for address, alive in found.items() if alive} == {}


@pytest.mark.parametrize("text", WORST)
def test_every_page_of_the_back_office_shows_it_as_text(world, text):
    spoiled(world, text)
    browser, found = browser_of(world, "superuser"), {}
    for model in admin.site._registry:
        row = model._default_manager.order_by("-pk").first()
        questions = BACK_OFFICE[model._meta.label_lower].questions
        pages = [page_of(row), *(page_of(row, question) for question in questions)]
        for address in (list_of(model, show="all"), *pages):
            answer = browser.get(address)
            assert answer.status_code == 200, address
            found[address] = harm(answer)
    found["search"] = harm(browser.get("/admin/search/?s=pwned"))
    assert {address: alive for address, alive in found.items() if alive} == {}


@pytest.mark.control
def test_without_escaping_the_pages_would_be_alive(world, monkeypatch):
    """The negative control: a template that believes what it is given."""
    spoiled(world, MARKUP)
    monkeypatch.setattr("django.template.base.conditional_escape", lambda value: value)
    monkeypatch.setattr("django.utils.html.conditional_escape", lambda value: value)
    page = browser_of(world, "admin").get(f"/account/{world.own('admin', 'number')}/")
    assert "<pwned-tag>" in harm(page)


@pytest.mark.parametrize("text", STORED)
def test_the_storefront_tells_it_as_it_is(world, client, text):
    invoice = spoiled(world, text)
    told = Storefront(client, world.tokens["admin"]).post(
        "query($id: ID!) { activeInvoice(invoiceId: $id) { title description lineItems { "
        "accountLineItem { description } } } }",
        {"id": str(invoice.pk)},
    )
    assert told["Content-Type"] == "application/json"
    (line,) = told.json()["data"]["activeInvoice"]["lineItems"]
    assert line["accountLineItem"]["description"] == text[:291]


@pytest.mark.parametrize("text", [*STORED, HEADER])
def test_mails_carry_it_as_text(world, mailoutbox, text):
    promise = Payment.objects.to_verify().get()
    spoil([Organization, Account, User, Invoice], text)
    payments.reject_manual_payment(
        payment=promise, at=factories.NOW, staff=world.users["superuser"], reason=text
    )
    outbox.drain(at=factories.NOW)
    assert len(mailoutbox) > 0
    for one in mailoutbox:
        written = one.message()
        assert written.get_content_type() == "multipart/alternative"
        assert [kind for _, kind in one.alternatives] == ["text/html"]
        assert read(one.alternatives[0][0]).alive == []
        assert "Bcc" not in written
        assert written.get_all("To") == ["alice@example.com"]
        assert len(written.get_all("From")) == len(written.get_all("Subject")) == 1
    assert text.splitlines()[0] in mailoutbox[-1].body


def test_a_formula_keeps_its_sign(world):
    """Pages are no spreadsheets: what a file would have to take the edge off, a page shows as written."""
    invoice = spoiled(world, FORMULA)
    page = browser_of(world, "admin").get(f"/account/{world.own('admin', 'number')}/invoices/{invoice.pk}/")
    assert "=HYPERLINK(&quot;//pwned.example&quot;" in page.content.decode()
