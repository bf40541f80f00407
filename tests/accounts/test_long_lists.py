"""Lists that are longer than anybody counts."""

import pytest
import time_machine

from accounts.admin.paging import Pages
from accounts.models import Account, Export
from core.audit import AuditEntry
from core.models import OutboxMessage
from tests import factories
from tests.back_office import list_of, plain
from tests.factories import NOW


@pytest.fixture(autouse=True)
def clock():
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture
def staff(client, stella, account):
    """The browser of Stella, who sees three accounts."""
    for name in ("Initech", "Umbrella"):
        factories.an_account(name)
    client.force_login(stella)
    return client


def words(answer) -> str:
    return " ".join(plain(answer.content.decode()).split())


@pytest.mark.parametrize(
    ("most", "offered", "told"),
    [(2, "All that match, more than 2:", "more than 2 accounts"), (3, "All 3 that match:", "3 accounts")],
)
def test_a_list_says_when_there_are_more_rows_than_it_counts(staff, monkeypatch, most, offered, told):
    monkeypatch.setattr(Pages, "most", most)
    shown = words(staff.get(list_of(Account, show="all")))
    assert offered in shown
    assert told in shown


def test_its_file_has_all_rows_and_its_page_counts_them(staff, monkeypatch):
    monkeypatch.setattr(Pages, "most", 1)
    address = list_of(Account, show="all").replace("?", "export/?")
    assert "Export 3 accounts?" in words(staff.get(address))
    answer = staff.post(address, {"form": "csv"})
    assert len(b"".join(answer.streaming_content).decode().splitlines()) == 4
    assert Export.objects.get().rows == 3


def test_the_trail_is_filtered_by_kinds_that_are_in_it(staff):
    found = staff.get(list_of(AuditEntry)).context["cl"].filter_specs[0].lookup_choices
    told = set(AuditEntry.objects.values_list("object_kind", flat=True))
    assert [kind for kind, _ in found] == sorted(told)
    OutboxMessage.objects.create(kind="receipt", created_at=NOW, not_before=NOW)
    OutboxMessage.objects.create(kind="reminded", created_at=NOW, not_before=NOW)
    listed = staff.get(list_of(OutboxMessage, show="all", kind="receipt")).context["cl"].result_list
    assert [message.kind for message in listed] == ["receipt"]
