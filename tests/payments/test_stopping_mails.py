"""*Sent in 30 seconds. Stop*: the mails of invoices and credit notes of staff, and sending them again."""

from datetime import timedelta

import pytest
from django.core import mail

from core.audit import AuditEntry
from core.errors import Conflict, Forbidden
from core.outbox import OutboxMessage, drain
from invoices import operations as invoices
from invoices.models import CreditNote
from invoices.operations import Draft
from payments import operations
from tests import factories
from tests.back_office import a_clerk, facts, list_of, page_of, plain, question, refusal, told
from tests.books import assert_sound, refuses, unchanged
from tests.factories import NOW

pytestmark = pytest.mark.django_db
LEAVES = NOW + timedelta(seconds=30)


@pytest.fixture(autouse=True)
def _clock(time_machine):
    time_machine.move_to(NOW, tick=False)


@pytest.fixture(autouse=True)
def _address(account):
    account.email = "ap@globex.example"
    account.save()


@pytest.fixture
def invoice(account, stella):
    line = account.line_items.get()
    draft = invoices.create_draft(
        account=account, region=line.region, draft=Draft(line_item_ids=[line.pk]), at=NOW, staff=stella
    )
    return invoices.issue_draft(invoice=draft, at=NOW, staff=stella)


@pytest.fixture
def note(account, stella):
    invoice = factories.an_open_invoice(account, account.line_items.get())
    line = invoice.line_items.get()
    return operations.credit_invoice(
        invoice=invoice, amounts={line.pk: 1000}, reason="One is broken", at=NOW, staff=stella
    )


@pytest.fixture(params=["invoice", "note"])
def paper(request):
    return request.getfixturevalue(request.param)


def sent(at) -> list[str]:
    mail.outbox.clear()
    drain(at=at)
    return [one.attachments[0][0] for one in mail.outbox]


class TestStopping:
    def test_it_waits_for_half_a_minute(self, paper):
        assert sent(LEAVES - timedelta(seconds=1)) == []
        assert sent(LEAVES) == [f"{paper}.pdf"]
        assert sent(LEAVES) == []

    def test_stopped_it_is_not_sent_and_the_paper_stays(self, paper, stella):
        invoices.stop_mail(paper=paper, at=NOW, staff=stella)
        assert sent(LEAVES) == []
        told = AuditEntry.objects.get(action__endswith=".mail_stopped")
        assert (told.object_id, told.actor_label, told.account_id) == (
            paper.pk,
            "stella@example.com",
            paper.account_id,
        )
        assert OutboxMessage.objects.filter(status="stopped").count() == 1
        before = (paper.number, paper.snapshot_hash)
        paper.refresh_from_db()
        assert (paper.number, paper.snapshot_hash) == before
        assert_sound()

    def test_stopped_twice(self, paper, stella):
        invoices.stop_mail(paper=paper, at=NOW, staff=stella)
        with refuses(Conflict, f"The mail of {paper} is stopped already"):
            invoices.stop_mail(paper=paper, at=NOW, staff=stella)

    def test_too_late(self, paper, stella):
        assert sent(LEAVES) == [f"{paper}.pdf"]
        with refuses(Conflict, f"The mail of {paper} has left already"):
            invoices.stop_mail(paper=paper, at=LEAVES, staff=stella)

    def test_while_the_worker_has_it(self, paper, stella):
        OutboxMessage.objects.update(status="working")
        with refuses(Conflict, f"The mail of {paper} has left already"):
            invoices.stop_mail(paper=paper, at=LEAVES, staff=stella)

    def test_without_the_permission(self, paper):
        clerk = a_clerk()
        with refuses(Forbidden, "Insufficient permissions"):
            invoices.stop_mail(paper=paper, at=NOW, staff=clerk)

    def test_the_pdf_is_made_all_the_same(self, invoice, stella):
        invoices.stop_mail(paper=invoice, at=NOW, staff=stella)
        drain(at=NOW)
        assert invoice.documents.count() == 2

    def test_what_staff_did_not_send_goes_at_once(self, account):
        factories.an_open_invoice(account, account.line_items.get(), is_drawn=True)
        assert sent(NOW) == ["INV-2025-001.pdf"]


class TestSendingAgain:
    def test_after_it_was_stopped(self, paper, stella):
        invoices.stop_mail(paper=paper, at=NOW, staff=stella)
        drain(at=NOW)
        operations.send_again(paper=paper, at=LEAVES, staff=stella)
        assert sent(LEAVES) == []
        with refuses(Conflict, f"The mail of {paper} is about to leave"):
            operations.send_again(paper=paper, at=LEAVES, staff=stella)
        assert sent(LEAVES + timedelta(seconds=30)) == [f"{paper}.pdf"]

    def test_it_can_be_stopped_too(self, paper, stella):
        sent(LEAVES)
        operations.send_again(paper=paper, at=LEAVES, staff=stella)
        invoices.stop_mail(paper=paper, at=LEAVES, staff=stella)
        assert sent(LEAVES + timedelta(minutes=1)) == []


class TestPages:
    def test_stop_and_send_again(self, client, paper):
        rights = ("invoices.view_invoice", "invoices.view_creditnote", "invoices.credit_invoice")
        client.force_login(a_clerk("invoices.issue_invoice", *rights))
        drain(at=NOW)
        page = plain(client.get(page_of(paper)).content.decode())
        assert "Leaves at 05:21:37. Stop" in page
        asked = client.get(page_of(paper, "stop_mail"))
        assert question(asked) == f"Stop the mail of {paper}?"
        assert facts(asked)["To"] == "ap@globex.example"
        done = client.post(page_of(paper, "stop_mail"))
        assert told(done) == [f"The mail of {paper} is stopped. It is not sent."]
        assert refusal(client.get(page_of(paper, "stop_mail"))) == f"The mail of {paper} is stopped already"
        page = plain(client.get(page_of(paper)).content.decode())
        assert "Not sent stopped by ben@example.com" in page
        again = client.post(page_of(paper, "send_again"))
        assert plain(told(again)[0]) == f"{paper} is on its way. Sent in 30 seconds. Stop"
        assert sent(LEAVES) == [f"{paper}.pdf"]
        assert "Sent to ap@globex.example" in plain(client.get(page_of(paper)).content.decode())

    def test_without_the_right(self, client, paper):
        client.force_login(a_clerk("invoices.view_invoice", "invoices.view_creditnote"))
        with unchanged():
            client.post(page_of(paper, "stop_mail"))

    def test_several_that_were_issued_at_once_can_each_be_stopped(self, client, account, stella):
        client.force_login(stella, "django.contrib.auth.backends.ModelBackend")
        line = account.line_items.get()
        draft = invoices.create_draft(
            account=account, region=line.region, draft=Draft(line_item_ids=[line.pk]), at=NOW, staff=stella
        )
        ids, address = str(draft.pk), list_of(type(draft)) + "issue_many/"
        seen = {"ids": ids, "shown": client.post(address, {"ids": ids}).context["form"].now}
        done = client.post(address, seen)
        assert "Issued as INV-2025-001. Sent in 30 seconds. Stop" in plain(done.content.decode())
        assert page_of(draft, "stop_mail") in done.content.decode()
        assert not CreditNote.objects.exists()
