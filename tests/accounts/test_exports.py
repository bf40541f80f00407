"""Lists as files: all rows that match, plain cells, told in the trail, the same statements for any length."""

from datetime import timedelta
from io import BytesIO

import pytest
import time_machine
from django.contrib import admin
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from openpyxl import load_workbook

from accounts import operations
from accounts.models import Account, Export, User
from accounts.tasks import remove_old_exports_now
from core.audit import AuditEntry
from core.errors import Forbidden, Invalid
from core.outbox import drain
from invoices.models import Invoice
from payments.models import Payment
from tests import factories
from tests.back_office import a_clerk, list_of, told
from tests.books import refuses
from tests.factories import NOW
from tests.payments.test_admin_everywhere import one_of_each


@pytest.fixture(autouse=True)
def clock():
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture
def staff(client, stella):
    """The browser of Stella, who may do everything."""
    client.force_login(stella)
    return client


@pytest.fixture
def large(monkeypatch):
    """From two rows on the worker writes the file."""
    monkeypatch.setattr(operations, "AT_ONCE", 1)


def address_of(model, **where) -> str:
    return list_of(model, **where).replace(f"{model._meta.model_name}/", f"{model._meta.model_name}/export/")


def body(answer) -> bytes:
    return b"".join(answer.streaming_content)


def csv_of(answer) -> list[str]:
    return body(answer).decode().splitlines()


HEAD = ("Number", "Account", "Status", "Issue date", "Due date")


class TestFiles:
    def test_csv_of_a_list_with_its_filters(self, staff, account, stella):
        Account.objects.update(company_name="=Globex")
        factories.an_open_invoice(account, account.line_items.get())
        factories.a_paid_invoice(account, stella)
        answer = staff.post(address_of(Invoice, show="open", q="INV", p=3), {"form": "csv"})
        assert answer["Content-Disposition"] == 'attachment; filename="invoices-2025-09-03.csv"'
        assert csv_of(answer) == [
            ",".join((*HEAD, 'Total,"Total, currency",Open balance,"Open balance, currency",Reminder')),
            "INV-2025-001,'=Globex,Open,2025-09-03,2025-10-03,39.40,USD,39.40,USD,",
        ]
        export, entry = Export.objects.get(), AuditEntry.objects.get(action="export.made")
        assert (export.staff, export.status, export.rows, export.expires_at) == (stella, "done", 1, None)
        assert (entry.object_id, entry.actor_label) == (export.pk, "stella@example.com")
        assert entry.after == {
            "list": "invoices.invoice",
            "filters": "show=open&q=INV",
            "form": "csv",
            "rows": 1,
        }

    def test_excel_has_numbers_days_and_no_formulas(self, staff, account):
        Account.objects.update(company_name='=HYPERLINK("x")')
        factories.an_open_invoice(account, account.line_items.get())
        answer = staff.post(address_of(Invoice), {"form": "xlsx"})
        assert answer["Content-Disposition"] == 'attachment; filename="invoices-2025-09-03.xlsx"'
        sheet = load_workbook(BytesIO(body(answer))).active
        head, row = sheet.iter_rows()
        assert [cell.value for cell in head][:3] == ["Number", "Account", "Status"]
        assert (row[1].value, row[1].data_type) == ('=HYPERLINK("x")', "s")
        assert (str(row[3].value), row[3].data_type, row[3].number_format) == (
            "2025-09-03 00:00:00",
            "d",
            "yyyy-mm-dd",
        )
        assert (row[5].value, row[5].data_type, row[5].number_format) == (39.4, "n", "#,##0.00")
        assert row[6].value == "USD"

    def test_instants_are_the_organization_s(self, staff, account, stella):
        factories.an_organization(time_zone="Asia/Tokyo")
        factories.a_paid_invoice(account, stella)
        line = csv_of(staff.post(address_of(Payment, show="all"), {"form": "csv"}))[1]
        assert line.startswith("2025-09-03T14:21:07.596000+09:00,Globex,Bank transfer,")

    def test_every_list_can_be_saved(self, staff):
        one_of_each(1)
        for model in admin.site._registry:
            count = staff.get(list_of(model, show="all")).context["cl"].result_count
            page = staff.get(address_of(model, show="all"))
            assert (page.status_code, f"{count:,}" in page.context["title"]) == (200, True)
            for form in ("csv", "xlsx"):
                answer = staff.post(address_of(model, show="all"), {"form": form})
                assert answer.status_code == 200, model
                content = body(answer)
                if form == "csv":
                    own = model is AuditEntry  # its export is told in it
                    assert len(content.decode().splitlines()) == count + 1 + own, model
                    assert b"<span" not in content, model

    def test_as_many_statements_for_20_rows_as_for_2(self, staff):
        def counted() -> dict[str, int]:
            found = {}
            for model in admin.site._registry:
                with CaptureQueriesContext(connection) as queries:
                    body(staff.post(address_of(model, show="all"), {"form": "csv"}))
                found[model._meta.label] = len(queries)
            return found

        one_of_each(1)
        one_of_each(2)
        counted()
        with_two = counted()
        for number in range(3, 21):
            one_of_each(number)
        assert counted() == with_two

    def test_the_list_offers_it(self, staff, account):
        page = staff.get(list_of(Invoice, show="all", q="x")).content.decode()
        assert 'action="/admin/invoices/invoice/export/?show=all&amp;q=x"' in page

    def test_looking_saves_nothing(self, staff, account):
        assert staff.get(address_of(Account)).status_code == 200
        assert (Export.objects.count(), AuditEntry.objects.filter(action="export.made").count()) == (0, 0)

    def test_a_wrong_form_or_filter(self, staff, account):
        assert told(staff.post(address_of(Account), {"form": "exe"})) == ["Choose CSV or Excel"]
        assert staff.post(address_of(Account, nonsense="1"), {"form": "csv"}).status_code == 302
        assert Export.objects.count() == 0

    def test_only_who_may_view_the_list(self, client, account):
        client.force_login(a_clerk("invoices.view_invoice"))
        assert client.post(address_of(Account), {"form": "csv"}).status_code == 403
        assert client.post(address_of(Invoice), {"form": "csv"}).status_code == 200
        assert Export.objects.get().kind == "invoices.invoice"


class TestLarge:
    @pytest.mark.parametrize("form", ["csv", "xlsx"])
    def test_the_worker_writes_it_and_its_page_says_how_far(self, staff, account, large, clock, form):
        factories.an_account("Initech")
        asked = staff.post(address_of(Account, show="all"), {"form": form})
        export = Export.objects.get()
        page = f"/admin/exports/{export.uuid}/"
        assert asked["Location"] == page
        waiting = staff.get(page).content.decode()
        assert "0 of 2 rows are written." in waiting
        assert '<meta http-equiv="refresh" content="3">' in waiting
        assert staff.get(f"{page}file/").status_code == 302
        drain(at=NOW)
        export.refresh_from_db()
        assert (export.status, export.rows_done, export.expires_at) == ("done", 2, NOW + timedelta(days=1))
        assert (
            "2 rows. The file is kept until 4 September 2025, 05:21 UTC" in staff.get(page).content.decode()
        )
        saved = staff.get(f"{page}file/")
        assert saved["Content-Disposition"] == f'attachment; filename="accounts-2025-09-03.{form}"'
        content = body(saved)
        if form == "csv":
            assert [line.split(",")[1] for line in content.decode().splitlines()[1:]] == ["Globex", "Initech"]
        else:
            assert load_workbook(BytesIO(content)).active.max_row == 3
        assert AuditEntry.objects.filter(object_kind="accounts.export").count() == 2

    def test_it_is_gone_after_a_day(self, staff, stella, account, large, clock):
        factories.an_account("Initech")
        staff.post(address_of(Account, show="all"), {"form": "csv"})
        drain(at=NOW)
        export = Export.objects.get()
        clock.shift(timedelta(days=1))
        staff = Client()
        staff.force_login(stella)
        page = f"/admin/exports/{export.uuid}/"
        assert staff.get(f"{page}file/")["Location"] == page
        assert remove_old_exports_now() == "1 files were removed"
        assert not operations.file_of(export).exists()
        assert "not there any more" in staff.get(page).content.decode()
        assert remove_old_exports_now() == "0 files were removed"

    def test_only_for_the_one_who_asked(self, client, staff, account, large):
        factories.an_account("Initech")
        staff.post(address_of(Account, show="all"), {"form": "csv"})
        drain(at=NOW)
        export = Export.objects.get()
        client.force_login(User.objects.create_superuser("other@example.com", "x"))
        for address in (f"/admin/exports/{export.uuid}/", f"/admin/exports/{export.uuid}/file/"):
            assert client.get(address).status_code == 404

    def test_a_right_that_was_taken_away_meanwhile(self, client, account, large):
        factories.an_account("Initech")
        clerk = a_clerk("accounts.view_account")
        client.force_login(clerk)
        client.post(address_of(Account, show="all"), {"form": "csv"})
        clerk.user_permissions.clear()
        drain(at=NOW)
        export = Export.objects.get()
        assert (export.status, operations.file_of(export).exists()) == ("failed", False)
        assert "does not allow this list" in client.get(f"/admin/exports/{export.uuid}/").content.decode()

    def test_nor_is_the_file_handed_out_after_that(self, client, account, large):
        factories.an_account("Initech")
        clerk = a_clerk("accounts.view_account")
        client.force_login(clerk)
        client.post(address_of(Account, show="all"), {"form": "csv"})
        drain(at=NOW)
        file = f"/admin/exports/{Export.objects.get().uuid}/file/"
        assert list(client.get(file))  # read to its end, which closes it
        clerk.user_permissions.clear()
        assert client.get(file).status_code == 403

    def test_writing_it_twice_changes_nothing(self, staff, account, large):
        factories.an_account("Initech")
        staff.post(address_of(Account, show="all"), {"form": "csv"})
        drain(at=NOW)
        export, before = Export.objects.get(), AuditEntry.objects.count()
        admin.site.get_model_admin(Account).write_export(export, at=NOW)
        assert AuditEntry.objects.count() == before


class TestRefusals:
    GIVEN = {"kind": "accounts.account", "filters": "", "form": "csv", "name": "x.csv", "at": NOW}

    def test_nobody_but_staff(self, account, alice):
        with refuses(Forbidden, "Insufficient permissions"):
            operations.begin_export(rows=1, staff=alice.user, is_sent=True, **self.GIVEN)

    def test_too_many(self, account, stella):
        with refuses(Invalid, "These are more than 300,000 rows. Narrow the list with a filter"):
            operations.begin_export(rows=300_001, staff=stella, is_sent=False, **self.GIVEN)
