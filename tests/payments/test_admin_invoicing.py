"""Invoices in the back office: drafted, issued, sent again, cancelled, duplicated, billed all at once."""

import re
from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.contrib.auth.models import Group
from django.core import mail
from django.urls import reverse

from accounts.models import Account, Organization, User
from core.outbox import drain
from invoices import operations as invoices
from invoices.models import Invoice
from invoices.operations import Draft, FreeLine
from payments import operations
from payments.models import WriteOff
from tests import factories
from tests.back_office import button, facts, page_of, plain, question, refusal, told
from tests.books import assert_sound, unchanged
from tests.factories import NOW

pytestmark = pytest.mark.django_db
LIST = "/admin/invoices/invoice/"
CHAIRS = FreeLine("Office chairs", Decimal(3), Decimal("33.33"), Decimal(19))
NO_PERMISSION = "Your role does not allow this. Ask an administrator of this site."


@pytest.fixture(autouse=True)
def _clock(time_machine):
    time_machine.move_to(NOW, tick=False)


def a_member_of(role: str, email: str) -> User:
    user = User.objects.create_user(email, "x", name=role, is_staff=True)
    user.groups.add(Group.objects.get(name=role))
    return user


@pytest.fixture
def clerk(db):
    return a_member_of("Clerk", "clara@example.com")


@pytest.fixture
def desk(client, clerk):
    """The browser of Clara Clerk."""
    client.force_login(clerk, "django.contrib.auth.backends.ModelBackend")
    return client


@pytest.fixture
def region(account):
    return account.line_items.get().region


@pytest.fixture
def draft(account, region):
    """A draft over $118.99 of chairs."""
    said = Draft(lines=[CHAIRS])
    return invoices.create_draft(account=account, region=region, draft=said, at=NOW, staff=None)


def of(account, region) -> str:
    return f"{LIST}draft/?account={account.pk}&region={region.pk}"


def written(*lines: tuple, charges=(), **more) -> dict:
    """What the page of a draft sends."""
    sent = {"lines-TOTAL_FORMS": str(len(lines)), "lines-INITIAL_FORMS": "0", "charges": charges, **more}
    for place, line in enumerate(lines):
        for name, value in zip(("description", "quantity", "unit_price", "tax_rate"), line, strict=True):
            sent[f"lines-{place}-{name}"] = value
    return sent


class TestDrafting:
    def test_whom_for_then_what(self, desk, account, region):
        asked = desk.get(f"{LIST}draft/?account={account.pk}")
        assert question(asked) == "Draft an invoice"
        page = desk.get(of(account, region))
        assert question(page) == f"Draft for {account}"
        shown = page.content.decode()
        charge = account.line_items.get()
        assert re.search(rf'value="{charge.pk}" data-amount="3940" checked', shown)
        assert plain(shown).count("Order #1756876866 - 1 items") == 1

    def test_a_draft_is_saved_and_its_page_leads_on(self, desk, account, region):
        charge = account.line_items.get()
        sent = written(("Office chairs", "3", "33.33", "19"), ("", "1", "", "0"), charges=[charge.pk])
        saved = desk.post(of(account, region), sent | {"notes": "Thank you", "due_date": "2025-10-15"})
        invoice = Invoice.objects.get()
        assert saved.headers["Location"] == page_of(invoice)
        assert told(saved) == [f"Draft {invoice.pk} over $158.39 is saved."]
        assert (invoice.total_amount, invoice.asked_due_date, invoice.notes) == (
            15839,
            date(2025, 10, 15),
            "Thank you",
        )
        assert [line.description for line in invoice.line_items.order_by("pk")] == [
            "Order #1756876866 - 1 items",
            "Office chairs",
        ]
        there = plain(desk.get(page_of(invoice)).content.decode())
        for word in ("Edit draft", "Issue and send", "Duplicate", "Discard draft"):
            assert word in there
        assert "Write off" not in there

    def test_a_unit_price_is_shown_whole(self, desk, account, region):
        desk.post(of(account, region), written(("Labels", "100000", "0.0125", "19")))
        there = plain(desk.get(page_of(Invoice.objects.get())).content.decode())
        assert "Labels 100000 0.0125 $1,250.00 19 % $237.50 $1,487.50" in there

    def test_saving_can_go_on_to_issuing(self, desk, account, region):
        sent = written(("Desk lamp", "1", "39.40", "")) | {"and_issue": ""}
        saved = desk.post(of(account, region), sent)
        assert saved.headers["Location"] == page_of(Invoice.objects.get(), "issue")

    def test_another_total_than_the_page_showed_is_told(self, desk, account, region):
        saved = desk.post(
            of(account, region), written(("Desk lamp", "1", "39.40", "")) | {"seen_total": "3900"}
        )
        assert told(saved)[0] == "The total is $39.40. While you wrote, the page showed $39.00."

    def test_a_wrong_line_is_told_beside_it_and_nothing_is_lost(self, desk, account, region):
        sent = written(("Chairs", "1", "10", "0"), ("", "", "", ""), ("Lamp", "-1", "39.40", "0"))
        with unchanged():
            page = desk.post(of(account, region), sent | {"title": "September"})
        assert page.status_code == 422
        shown = page.content.decode()
        assert shown.count("Item quantity must be positive") == 2  # above, and beside its line
        for kept in ('value="Lamp"', 'value="39.40"', 'value="September"'):
            assert kept in shown

    @pytest.mark.parametrize(
        ("more", "message"),
        [
            ({"issue_date": "2025-09-04"}, "Invoice date cannot be in the future"),
            ({"due_date": "2025-09-03"}, "Due date must be after invoice date"),
            ({"due_date": "2027-09-03"}, "Due date cannot be more than 1 year from invoice date"),
        ],
    )
    def test_wrong_dates(self, desk, account, region, more, message):
        with unchanged():
            page = desk.post(of(account, region), written(("Lamp", "1", "39.40", "0")) | more)
        assert page.status_code == 422
        assert message in plain(page.content.decode())

    def test_nothing_to_bill_is_told(self, desk, account, region):
        with unchanged():
            page = desk.post(of(account, region), written())
        assert "Invoice must have at least one item" in plain(page.content.decode())

    def test_new_lines_begin_with_the_usual_tax_rate(self, desk, account, region):
        Organization.objects.update(tax_rate=Decimal("7.5"))
        assert (
            desk.get(of(account, region)).content.decode().count('value="7.5"') == 4
        )  # three, and the blank

    def test_a_draft_is_edited_until_somebody_was_faster(self, desk, draft):
        page = desk.get(page_of(draft, "edit")).content.decode()
        assert 'value="Office chairs"' in page
        version = invoices.version_of(draft)
        sent = written(("Table", "1", "100", "0")) | {"known_version": version}
        assert desk.post(page_of(draft, "edit"), sent).status_code == 302
        assert Invoice.objects.get().total_amount == 10000
        with unchanged():
            stale = desk.post(page_of(draft, "edit"), sent)
        assert "Somebody changed this draft meanwhile. Look again" in plain(stale.content.decode())

    def test_who_may_not_is_told(self, client, account, region, draft):
        client.force_login(
            a_member_of("Cashier", "ben@example.com"), "django.contrib.auth.backends.ModelBackend"
        )
        assert (
            refusal(client.get(f"{LIST}draft/"))
            == "Your role does not allow this. Clerks and Owners write drafts."
        )
        for page in (of(account, region), page_of(draft, "edit"), page_of(draft, "issue")):
            assert refusal(client.get(page)) == NO_PERMISSION
            with unchanged():
                client.post(page, written(("Lamp", "1", "39.40", "0")))

    def test_a_preview_is_a_pdf(self, desk, draft):
        answer = desk.get(page_of(draft, "preview"))
        assert answer["Content-Type"] == "application/pdf"
        assert b'"DRAFT"' in answer.content


class TestIssuing:
    def test_it_says_what_it_does_and_does_it(self, desk, account, draft):
        Account.objects.update(email="books@globex.example")
        page = desk.get(page_of(draft, "issue"))
        assert question(page) == "Issue and send an invoice of $118.99?"
        shown = facts(page)
        assert (shown["To"], shown["Charged now"]) == ("books@globex.example", "$118.99")
        assert shown["Account balance"] == "$39.40 → then $158.39"
        assert button(page) == "Issue $118.99"
        assert "override_reason" not in page.content.decode()
        with unchanged():
            desk.get(page_of(draft, "issue"))
        done = desk.post(page_of(draft, "issue"), {"known_version": invoices.version_of(draft)})
        stop = f'<a href="{page_of(draft, "stop_mail")}">Stop</a>'
        assert told(done) == [f"Invoice INV-2025-001 is issued. Sent in 30 seconds. {stop}"]
        drain(at=NOW + timedelta(seconds=29))
        assert mail.outbox == []
        drain(at=NOW + timedelta(seconds=30))
        assert [one.subject for one in mail.outbox] == ["Invoice INV-2025-001: $118.99 due 3 October 2025"]
        assert_sound()

    def test_a_date_in_an_earlier_month_says_what_it_changes(self, desk, account, region, draft):
        assert facts(desk.get(page_of(draft, "issue")))["Invoice date"] == "3 September 2025"
        said = Draft(lines=[CHAIRS], issue_date=date(2025, 8, 31))
        back = invoices.create_draft(account=account, region=region, draft=said, at=NOW, staff=None)
        told_of = facts(desk.get(page_of(back, "issue")))["Invoice date"]
        assert told_of == "31 August 2025: reports and the accounting export of August 2025 change with it"
        invoices.issue_draft(invoice=back, at=NOW, staff=None)
        desk.force_login(User.objects.get(email="clara@example.com"))
        page = desk.get("/admin/reports/aging/", {"on": "2025-08-31"})
        assert "$118.99" in page.content.decode()
        assert "also one that was written later" in page.content.decode()

    def test_over_the_limit_it_asks_for_a_reason(self, desk, account, draft):
        Account.objects.update(credit_limit=10000)
        page = desk.get(page_of(draft, "issue"))
        assert "Reason to go over the credit limit" in plain(page.content.decode())
        with unchanged():
            refused = desk.post(page_of(draft, "issue"))
        assert told(refused) == ["Charge of $118.99 exceeds the available credit of $60.60"]
        desk.post(page_of(draft, "issue"), {"override_reason": "Agreed"})
        assert Invoice.objects.get().status == "sent"

    def test_several_at_once_each_on_its_own(self, desk, account, region, draft):
        dear = Draft(lines=[FreeLine("Server", Decimal(1), Decimal(5000))])
        other = invoices.create_draft(account=account, region=region, draft=dear, at=NOW, staff=None)
        sent = factories.an_open_invoice(account, account.line_items.get())
        chosen = [draft.pk, other.pk, sent.pk]
        handed_on = desk.post(LIST + "?show=all", {"action": "issue_many", "_selected_action": chosen})
        assert handed_on.headers["Location"] == f"{LIST}issue_many/"
        page = desk.get(f"{LIST}issue_many/")
        assert (question(page), button(page)) == ("Issue and send 2 invoices?", "Issue 2 invoices")
        shown = plain(page.content.decode())
        assert "Together $5,118.99." in shown
        assert f"{sent.number} Invoice {sent.number} is no draft any more" in shown
        sent = {"ids": ",".join(map(str, chosen)), "shown": page.context["form"]["shown"].value()}
        done = plain(desk.post(f"{LIST}issue_many/", sent).content.decode())
        assert f"Draft {draft.pk} Issued as INV-2025-002" in done or "Issued as INV-2025-002" in done
        assert "Charge of $5,000.00 exceeds the available credit" in done
        assert_sound()

    def test_several_of_which_one_was_changed_meanwhile(self, desk, draft):
        page = desk.post(f"{LIST}issue_many/", {"ids": draft.pk})
        assert page.status_code == 422
        seen = {"ids": draft.pk, "shown": page.context["form"].now}
        dear = Draft(lines=[FreeLine("Server", Decimal(1), Decimal(50))])
        invoices.edit_draft(invoice=draft, draft=dear, at=NOW, staff=None)
        with unchanged():
            page = desk.post(f"{LIST}issue_many/", seen)
        assert "Something has changed meanwhile. Choose the rows again" in plain(page.content.decode())

    def test_a_draft_is_discarded(self, desk, draft):
        assert button(desk.get(page_of(draft, "discard"))) == "Discard draft"
        desk.post(page_of(draft, "discard"))
        assert Invoice.objects.get().status == "cancelled"


class TestAfterwards:
    @pytest.fixture
    def invoice(self, account, draft):
        return invoices.issue_draft(invoice=draft, at=NOW, staff=None)

    def test_cancelling_takes_a_reason(self, desk, invoice):
        page = desk.get(page_of(invoice, "cancel"))
        assert (question(page), button(page)) == (
            "Cancel invoice INV-2025-001?",
            "Cancel invoice INV-2025-001",
        )
        assert facts(page)["Open balance"] == "$118.99 → then $0.00"
        with unchanged():
            assert desk.post(page_of(invoice, "cancel"), {"reason": ""}).status_code == 422
        desk.post(page_of(invoice, "cancel"), {"reason": "Wrong customer"})
        assert Invoice.objects.get().status == "cancelled"
        assert_sound()

    def test_not_while_a_payment_is_on_its_way(self, desk, invoice, alice):
        factories.a_promised_payment(invoice, by=alice.user)
        assert (
            refusal(desk.get(page_of(invoice, "cancel"))) == "Invoice INV-2025-001 has a payment in progress"
        )

    def test_a_duplicate_is_a_draft(self, desk, invoice):
        done = desk.post(page_of(invoice, "duplicate"))
        made = Invoice.objects.get(status="draft")
        assert told(done) == [f'The draft is made: <a href="{page_of(made)}">Draft {made.pk}</a>']

    def test_it_is_sent_again(self, desk, invoice):
        Account.objects.update(email="books@globex.example")
        for _ in range(3):
            drain(at=NOW)
        page = desk.get(page_of(invoice, "send_again"))
        assert facts(page)["To"] == "books@globex.example"
        later = NOW + timedelta(hours=1)
        desk.post(page_of(invoice, "send_again"))
        drain(at=later)
        assert [one.to for one in mail.outbox] == [["books@globex.example"]] * 2
        ids = [one.extra_headers["Message-ID"] for one in mail.outbox]
        assert len({*ids}) == 2

    def test_a_line_is_credited(self, desk, invoice):
        line = invoice.line_items.get()
        page = desk.get(page_of(invoice, "credit"))
        assert question(page) == "Credit invoice INV-2025-001?"
        assert facts(page)["Can still be credited"] == "$118.99"
        assert facts(page)["Open balance, if all is credited"] == "$118.99 → then $0.00"
        sent = {f"line_{line.pk}": "50.00", "reason": "One is broken", "known_left": "11899"}
        done = desk.post(page_of(invoice, "credit"), sent)
        said = "Credit note CN-2025-001 over $50.00 is written. Its account has no address to send it to."
        assert told(done) == [said]
        with unchanged():
            again = desk.post(page_of(invoice, "credit"), sent)
        assert told(again)[-1] == "Invoice INV-2025-001 was credited meanwhile. Look again"
        shown = plain(desk.get(page_of(invoice)).content.decode())
        assert "CN-2025-001" in shown
        assert_sound()

    def test_what_is_wrong_with_a_credit_is_told_beside_its_line(self, desk, invoice):
        line = invoice.line_items.get()
        with unchanged():
            page = desk.post(page_of(invoice, "credit"), {f"line_{line.pk}": "0.001", "reason": "x"})
        assert "Office chairs: 0.001 has more decimal places than USD allows" in plain(page.content.decode())

    def test_all_of_it_is_credited_at_once(self, desk, invoice):
        desk.post(page_of(invoice, "credit"), {"is_whole": "on", "reason": "Never delivered"})
        assert Invoice.objects.get().status == "paid"
        assert_sound()

    def test_only_owners_write_off_and_undo_it(self, desk, client, invoice):
        assert refusal(desk.get(page_of(invoice, "write_off"))) == NO_PERMISSION
        client.force_login(
            a_member_of("Owner", "olivia@example.com"), "django.contrib.auth.backends.ModelBackend"
        )
        page = client.get(page_of(invoice, "write_off"))
        assert facts(page)["Account balance, if all of it is written off"] == "$158.39 → then $39.40"
        client.post(page_of(invoice, "write_off"), {"amount": "118.99", "reason": "Bankrupt"})
        row = WriteOff.objects.get()
        assert Invoice.objects.get().status == "paid"
        undo = client.get(page_of(row, "undo"))
        assert facts(undo)["Open balance of INV-2025-001"] == "$0.00 → then $118.99"
        done = client.post(page_of(row, "undo"), {"reason": "They paid"})
        assert told(done) == ["$118.99 of invoice INV-2025-001 is open again."]
        assert refusal(client.get(page_of(row, "undo"))) == "This write-off was undone already"
        assert_sound()

    def test_the_customer_sees_what_was_credited(self, client, alice, account, invoice, stella):
        line = invoice.line_items.get().pk
        operations.credit_invoice(
            invoice=invoice, amounts={line: 5000}, reason="Broken", at=NOW, staff=stella
        )
        for _ in range(2):
            drain(at=NOW)
        client.force_login(alice.user, "django.contrib.auth.backends.ModelBackend")
        shown = client.get(reverse("invoice", args=[account.number, invoice.pk])).content.decode()
        words = plain(shown)
        assert "Credited $50.00" in words
        assert "Credit note CN-2025-001 over $50.00" in words
        (address,) = re.findall(r'href="([^"]*/credit-notes/\d+/pdf/)"', shown)
        assert client.get(address).content.startswith(b"%PDF")


class TestBillingEverything:
    def test_a_preview_and_then_each_on_its_own(self, desk, account, region):
        other = factories.an_account("Initech")
        factories.an_unpaid_order(other, "10.00", display_id="7")
        page = desk.get(f"{LIST}bill_unbilled/")
        shown = plain(page.content.decode())
        assert "2 invoices would be issued" in shown
        assert "Together $49.40." in shown
        keys = re.findall(r'name="groups" id="[^"]*" value="([^"]*)"', page.content.decode())
        factories.an_unpaid_order(other, "5.00", display_id="8")  # meanwhile
        done = plain(desk.post(f"{LIST}bill_unbilled/", {"groups": keys}).content.decode())
        assert f"{account} North America INV-2025-001" in done
        assert "Initech" not in done.partition("Invoice everything unbilled")[2]
        assert Invoice.objects.count() == 1
        assert_sound()

    def test_only_of_the_period(self, desk, account):
        assert "No charge of these days waits for an invoice." in plain(
            desk.get(f"{LIST}bill_unbilled/?first=&last=2025-09-02").content.decode()
        )
        wrong = desk.get(f"{LIST}bill_unbilled/?first=2025-09-03&last=2025-09-02")
        assert "The end date must be after the start date" in plain(wrong.content.decode())
        for days in ("last=9999-12-31", "first=0001-01-01&last=2025-09-02"):
            wrong = desk.get(f"{LIST}bill_unbilled/?{days}")
            assert "Choose days between 1970 and 2999" in plain(wrong.content.decode())
