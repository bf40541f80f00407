"""The logo, and the bank account that two people change."""

from base64 import b64decode
from datetime import date, timedelta
from io import BytesIO
from zlib import crc32

import pytest
from django.contrib.auth.models import Group
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image

from accounts import operations
from accounts.models import BankAccountChange, Logo, Organization, User
from core.audit import AuditEntry
from core.errors import Conflict, Forbidden, Invalid
from invoices import operations as invoices
from invoices.operations.freezing import with_logo
from tests import factories
from tests.back_office import facts, page_of, question, refusal, told
from tests.books import assert_sound, refuses, unchanged
from tests.factories import NOW

pytestmark = pytest.mark.django_db
BACKEND = "django.contrib.auth.backends.ModelBackend"
OTHER = operations.BankAccount("Northwind Supply GmbH", "Other Bank", "DE02120300000000202051", "BYLADEM1001")


@pytest.fixture(autouse=True)
def _clock(time_machine):
    time_machine.move_to(NOW, tick=False)
    factories.an_organization()


def an_owner(email: str) -> User:
    owner = User.objects.create_user(email, "x", name=email.partition("@")[0].title(), is_staff=True)
    owner.groups.add(Group.objects.get(name="Owner"))
    return owner


@pytest.fixture
def olivia():
    return an_owner("olivia@example.com")


@pytest.fixture
def oscar():
    return an_owner("oscar@example.com")


def a_picture(size=(1800, 300), kind="PNG", mode="RGBA") -> bytes:
    made = BytesIO()
    Image.new(mode, size, "navy").save(made, format=kind)
    return made.getvalue()


def asked(staff, account=OTHER):
    return operations.ask_for_bank_account(account=account, reason="New bank", at=NOW, staff=staff)


def decided(change, staff, *, approve=True):
    operations.decide_on_bank_account(change=change, approve=approve, at=NOW, staff=staff)


class TestBankAccount:
    def test_two_people_change_it(self, olivia, oscar):
        change = asked(olivia)
        assert Organization.objects.get().iban == "DE89370400440532013000"
        decided(change, oscar)
        now = Organization.objects.get()
        assert (now.bank_name, now.iban, now.bic, now.bank_changed_date) == (
            "Other Bank",
            "DE02120300000000202051",
            "BYLADEM1001",
            date(2025, 9, 3),
        )
        told = AuditEntry.objects.get(action="organization.bank_changed")
        assert (told.actor_label, told.before["iban"], told.after["iban"]) == (
            "oscar@example.com",
            "DE89370400440532013000",
            "DE02120300000000202051",
        )

    def test_nobody_approves_their_own(self, olivia):
        change = asked(olivia)
        with refuses(Forbidden, "You asked for this yourself: somebody else must approve it"):
            decided(change, olivia)
        decided(change, olivia, approve=False)
        assert BankAccountChange.objects.get().status == "rejected"
        assert Organization.objects.get().bank_changed_date is None

    def test_what_is_refused(self, olivia, oscar, stella):
        with refuses(Invalid, "Enter the holder", field="bank_account_holder"):
            asked(olivia, operations.BankAccount(" ", "", "1", ""))
        with refuses(Invalid, "Enter the IBAN or number", field="iban"):
            asked(olivia, operations.BankAccount("Northwind", "", " ", ""))
        now = Organization.objects.get()
        same = operations.BankAccount(now.bank_account_holder, now.bank_name, now.iban, now.bic)
        with refuses(Invalid, "Customers pay to this account already", field="iban"):
            asked(olivia, same)
        change = asked(olivia)
        with refuses(Conflict, "Another bank account waits for its approval already"):
            asked(oscar)
        decided(change, oscar)
        with refuses(Conflict, "This change is already approved"):
            decided(change, stella)
        clerk = User.objects.create_user("clara@example.com", "x", is_staff=True)
        with refuses(Forbidden, "Insufficient permissions"):
            asked(clerk)

    def test_papers_say_so_for_three_months(self, account, olivia, oscar):
        before = factories.an_open_invoice(account, account.line_items.get())
        assert "bank_changed_date" not in before.snapshot
        decided(asked(olivia), oscar)
        after = factories.an_open_invoice(account)
        assert after.snapshot["bank_changed_date"] == "2025-09-03"
        assert after.snapshot["seller"]["iban"] == "DE02120300000000202051"
        late = factories.an_open_invoice(account, at=NOW + timedelta(days=91))
        assert "bank_changed_date" not in late.snapshot
        assert_sound()

    def test_its_pages(self, client, olivia, oscar):
        client.force_login(olivia, BACKEND)
        page = page_of(Organization.objects.get(), "change_bank_account")
        assert question(client.get(page)) == "Change the bank account that customers pay to?"
        client.post(page, {"bank_account_holder": "Northwind", "iban": "DE02", "reason": "New bank"})
        change = BankAccountChange.objects.get()
        assert refusal(client.get(page)) == "Another bank account waits for its approval already"
        own = client.get(page_of(change, "approve"))
        assert refusal(own) == "You asked for this yourself: somebody else must approve it"
        client.force_login(oscar, BACKEND)
        shown = facts(client.get(page_of(change, "approve")))
        assert shown["IBAN or account number"] == "DE89370400440532013000 → DE02"
        done = client.post(page_of(change, "approve"))
        assert told(done) == ["Customers pay to the new account from now on."]

    def test_a_clerk_is_told_that_they_may_not(self, client):
        clerk = User.objects.create_user("clara@example.com", "x", is_staff=True)
        clerk.groups.add(Group.objects.get(name="Clerk"))
        client.force_login(clerk, BACKEND)
        for action in ("change_bank_account", "logo", "remove_logo"):
            page = client.get(page_of(Organization.objects.get(), action))
            assert refusal(page) == "Your role does not allow this. Ask an administrator of this site."

    def test_the_form_of_the_organization_cannot(self, client, olivia):
        client.force_login(olivia, BACKEND)
        page = client.get(page_of(Organization.objects.get())).content.decode()
        assert 'name="iban"' not in page


class TestLogo:
    def test_it_is_drawn_anew_and_stands_on_new_papers(self, account, olivia):
        before = factories.an_open_invoice(account, account.line_items.get())
        logo = operations.set_logo(content=a_picture(), at=NOW, staff=olivia)
        with Image.open(BytesIO(logo.content)) as drawn:
            assert (drawn.format, drawn.size) == ("PNG", (900, 150))
        after = factories.an_open_invoice(account)
        assert "logo" not in before.snapshot["seller"]
        assert after.snapshot["seller"]["logo"] == logo.sha256
        assert b64decode(with_logo(after.snapshot)["logo"]) == bytes(logo.content)
        operations.remove_logo(at=NOW, staff=olivia)
        assert Logo.objects.count() == 1  # papers name it
        assert with_logo(after.snapshot)["logo"]
        assert "logo" not in factories.an_open_invoice(account).snapshot["seller"]
        assert_sound()

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            (b"", "Choose a PNG or JPEG picture"),
            (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "Choose a PNG or JPEG picture"),
            (a_picture()[:12], "Choose a PNG or JPEG picture"),
            (a_picture((10, 10), "GIF", "RGB"), "Choose a PNG or JPEG picture"),
            (b"x" * (1024 * 1024 + 1), "Choose a file of at most 1 MB"),
            (a_picture((5000, 4001), mode="1"), "Choose a picture of at most 20 million pixels"),
        ],
        ids=["empty", "svg", "cut off", "gif", "large", "pixels"],
    )
    def test_what_is_no_logo(self, olivia, content, message):
        with refuses(Invalid, message, field="file"):
            operations.set_logo(content=content, at=NOW, staff=olivia)

    def test_a_picture_that_is_larger_than_it_looks(self, olivia):
        size = (60_000).to_bytes(4)
        parts = (b"IHDR" + size + size + b"\x08\x02\0\0\0", b"IDAT")
        told = (len(one[4:]).to_bytes(4) + one + crc32(one).to_bytes(4) for one in parts)
        bomb = b"\x89PNG\r\n\x1a\n" + b"".join(told)
        with refuses(Invalid, "Choose a picture of at most 20 million pixels", field="file"):
            operations.set_logo(content=bomb, at=NOW, staff=olivia)

    def test_its_page(self, client, olivia):
        client.force_login(olivia, BACKEND)
        page = page_of(Organization.objects.get(), "logo")
        with unchanged():
            wrong = client.post(page, {"file": SimpleUploadedFile("logo.png", b"no picture")})
        assert wrong.status_code == 422
        done = client.post(page, {"file": SimpleUploadedFile("logo.jpg", a_picture(kind="JPEG", mode="RGB"))})
        assert told(done) == ["New papers show the logo."]
        assert "data:image/png;base64," in client.get(page).content.decode()

    def test_without_one_nothing_is_removed(self, olivia):
        with refuses(Conflict, "There is no logo"):
            operations.remove_logo(at=NOW, staff=olivia)


class TestTexts:
    def test_terms_and_the_reason_for_no_tax_stand_on_invoices(self, account):
        Organization.objects.update(terms="Goods stay ours until paid.", zero_tax_reason="Reverse charge")
        paper = factories.an_open_invoice(account, account.line_items.get()).snapshot
        assert paper["terms"] == "Goods stay ours until paid."
        assert paper["lines"][0]["tax_reason"] == "Reverse charge"
        assert invoices.parties(account, Organization.objects.get())["seller"]["name"] == "Northwind Supply"
