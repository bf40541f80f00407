"""The back office of accounts: signing in, master data under audit, limits, people, tokens."""

import pytest
import time_machine
from django.contrib.auth.models import Group
from moneyed import Money

from accounts import operations
from accounts.models import Account, CustomerToken, ExchangeRate, Organization, Region, User
from core.audit import SYSTEM, Actor, AuditEntry
from core.errors import Forbidden, Invalid
from tests import factories
from tests.back_office import a_clerk, button, facts, form_of, list_of, page_of, question, refusal, rows, told
from tests.factories import NOW

LOGIN = "/admin/login/"
NO_PERMISSION = "Your role does not allow this. Ask an administrator of this site."


@pytest.fixture(autouse=True)
def clock():
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture
def staff(client, stella):
    client.force_login(stella)
    return client


class TestSigningIn:
    def test_staff_sign_in_with_their_address(self, client, stella):
        page = client.get(LOGIN).content.decode()
        assert '<input type="hidden" name="next" value="/admin/" form="login-form">' in page
        given = {"username": "Stella@Example.com", "password": "correct horse", "next": "/admin/"}
        answer = client.post(LOGIN, given)
        assert (answer.status_code, answer["Location"]) == (302, "/admin/")
        assert client.session["_auth_user_id"] == str(stella.pk)

    def test_customers_do_not(self, client, alice):
        answer = client.post(LOGIN, {"username": "alice@example.com", "password": "correct horse"})
        assert answer.status_code == 200
        assert "_auth_user_id" not in client.session

    def test_five_failures_lock_out(self, client, stella):
        for _ in range(5):
            last = client.post(LOGIN, {"username": "stella@example.com", "password": "wrong"})
        assert last.status_code == 429
        answer = client.post(LOGIN, {"username": "STELLA@example.com", "password": "correct horse"})
        assert answer.status_code == 429
        assert "_auth_user_id" not in client.session


class TestOrganization:
    def test_there_is_one(self, staff, account):
        organization = Organization.objects.get()
        assert staff.get(list_of(Organization) + "add/").status_code == 403
        assert staff.post(page_of(organization, "delete"), {"post": "yes"}).status_code == 403
        assert Organization.objects.count() == 1

    def test_it_is_added_once(self, staff):
        page = staff.get(list_of(Organization) + "add/")
        given = form_of(page) | {
            "name": "Northwind",
            "legal_name": "Northwind GmbH",
            "email": "a@example.com",
            "address_line_1": "Hafenstr. 1",
            "city": "Berlin",
            "country": "DE",
        }
        assert staff.post(list_of(Organization) + "add/", given).status_code == 302
        assert Organization.objects.get().pk == 1

    def test_what_was_changed_is_in_the_trail(self, staff, account, stella):
        organization = Organization.objects.get()
        given = form_of(staff.get(page_of(organization))) | {"tax_id": "DE987654321"}
        assert staff.post(page_of(organization), given).status_code == 302
        entry = AuditEntry.objects.get(action="organization.changed")
        assert (entry.before, entry.after, entry.actor_label) == (
            {"tax_id": "DE123456789"},
            {"tax_id": "DE987654321"},
            "stella@example.com",
        )

    def test_rate_is_added_under_audit(self, staff, account):
        given = {
            "base": "EUR",
            "quote": "USD",
            "rate": "1.1",
            "valid_from_0": "2025-09-03",
            "valid_from_1": "00:00",
        }
        assert staff.post(list_of(ExchangeRate) + "add/", given).status_code == 302
        assert AuditEntry.objects.get(action="exchangerate.added").after["rate"] == "1.1"
        assert staff.post(list_of(ExchangeRate) + "add/", given | {"base": "ABC"}).status_code == 200
        assert ExchangeRate.objects.count() == 1

    def test_region_s_currency_stays(self, staff, account):
        region = Region.objects.get()
        staff.post(page_of(region), form_of(staff.get(page_of(region))) | {"currency": "EUR", "name": "US"})
        region.refresh_from_db()
        assert (region.name, region.currency) == ("US", "USD")


class TestAccounts:
    def test_list(self, staff, account):
        assert rows(staff.get(list_of(Account, show="all"))) == [
            ["ACC-2025-000001", "Globex", "$39.40", "$1,000.00", "$960.60", "$0.00", "–", "–", "Active"]
        ]
        for tab in ("overdue", "over_limit", "suspended"):
            assert rows(staff.get(list_of(Account, show=tab))) == []
        Account.objects.update(credit_limit=3939)
        over = rows(staff.get(list_of(Account, show="over_limit")))
        assert [[*row[2:6], row[-1]] for row in over] == [
            ["$39.40", "$39.39", "$0.00", "$0.00", "Active Over limit"]
        ]

    def test_opening(self, staff, account):
        add = list_of(Account) + "add/"
        given = form_of(staff.get(add)) | {"company_name": "Acme", "limit": "2500.5", "currency": "USD"}
        answer = staff.post(add, given)
        opened = Account.objects.get(company_name="Acme")
        assert answer.status_code == 302
        assert (opened.number, opened.credit_limit, opened.currency, opened.created_at) == (
            "ACC-2025-000002",
            250050,
            "USD",
            NOW,
        )
        entry = AuditEntry.objects.get(action="account.opened", object_id=opened.pk)
        assert (entry.actor_label, entry.after) == ("stella@example.com", {"credit_limit": 250050})

    def test_opening_refuses_places_that_the_currency_has_not(self, staff, account):
        add = list_of(Account) + "add/"
        given = form_of(staff.get(add)) | {"company_name": "Acme", "limit": "10.5", "currency": "JPY"}
        answer = staff.post(add, given)
        assert answer.status_code == 200
        assert "10.5 has more decimal places than JPY allows" in answer.content.decode()
        assert Account.objects.count() == 1

    def test_master_data_is_edited_figures_are_not(self, staff, account, stella):
        given = form_of(staff.get(page_of(account))) | {
            "phone": "+1 555 0100",
            "credit_limit": "1",
            "number": "X",
            "total_amount": "0",
            "currency": "EUR",
            "status": "closed",
        }
        assert staff.post(page_of(account), given).status_code == 302
        account.refresh_from_db()
        assert (account.phone, account.credit_limit, account.number, account.total_amount) == (
            "+1 555 0100",
            100000,
            "ACC-2025-000001",
            3940,
        )
        assert (account.currency, account.status) == ("USD", "active")
        entry = AuditEntry.objects.get(action="account.changed")
        assert (entry.before, entry.after) == ({"phone": ""}, {"phone": "+1 555 0100"})

    def test_no_account_is_deleted(self, staff, account):
        assert staff.post(page_of(account, "delete"), {"post": "yes"}).status_code == 403
        assert Account.objects.count() == 1


class TestCreditLimit:
    def test_page(self, staff, account):
        page = staff.get(page_of(account, "change_limit"))
        assert (question(page), button(page)) == ("Change the credit limit of Globex?", "Change limit")
        assert facts(page) == {
            "Account": "ACC-2025-000001 Globex",
            "Credit limit now": "$1,000.00",
            "Balance": "$39.40",
            "Available credit now": "$960.60",
        }
        account.refresh_from_db()
        assert account.credit_limit == 100000

    def test_changes(self, staff, account):
        answer = staff.post(
            page_of(account, "change_limit"), {"credit_limit": "2500.5", "reason": "Good payer"}
        )
        assert told(answer) == ["The limit of ACC-2025-000001 Globex was $1,000.00 and is changed."]
        account.refresh_from_db()
        assert account.credit_limit == 250050
        entry = AuditEntry.objects.get(action="account.limit_changed")
        assert (entry.before, entry.after, entry.reason, entry.actor_label, entry.at) == (
            {"credit_limit": 100000},
            {"credit_limit": 250050},
            "Good payer",
            "stella@example.com",
            NOW,
        )

    @pytest.mark.parametrize(
        ("given", "said"),
        [
            ({"credit_limit": "2500", "reason": " "}, "Reason: This field is required."),
            ({"credit_limit": "", "reason": "Why"}, "New limit: This field is required."),
            ({"credit_limit": "-1", "reason": "Why"}, "greater than or equal to 0"),
            (
                {"credit_limit": "1.005", "reason": "Why"},
                "New limit: 1.005 has more decimal places than USD allows",
            ),
        ],
    )
    def test_wrong_input_is_told_and_nothing_is_written(self, staff, account, given, said):
        answer = staff.post(page_of(account, "change_limit"), given)
        assert answer.status_code == 422
        assert said in answer.content.decode()
        account.refresh_from_db()
        assert account.credit_limit == 100000
        assert not AuditEntry.objects.filter(action="account.limit_changed").exists()

    def test_twice(self, staff, account):
        for _ in range(2):
            answer = staff.post(page_of(account, "change_limit"), {"credit_limit": "2500", "reason": "Why"})
        assert told(answer)[-1] == "The limit of account ACC-2025-000001 is $2,500.00 already"
        assert AuditEntry.objects.filter(action="account.limit_changed").count() == 1

    def test_who_may_only_look(self, client, account):
        client.force_login(a_clerk("accounts.view_account"))
        assert refusal(client.get(page_of(account, "change_limit"))) == NO_PERMISSION
        client.post(page_of(account, "change_limit"), {"credit_limit": "2500", "reason": "Why"})
        account.refresh_from_db()
        assert account.credit_limit == 100000

    def test_the_operation_asks_again(self, account):
        def change(**changes):
            given = {"credit_limit": Money(1, "USD"), "by": SYSTEM, "reason": "Why", "at": NOW} | changes
            operations.change_credit_limit(account=account, **given)

        with pytest.raises(Forbidden, match="Only staff can change a credit limit"):
            change(by=Actor(kind="user", id="1"))
        with pytest.raises(Invalid, match="Enter a reason"):
            change(reason="")
        with pytest.raises(Invalid, match="is in USD"):
            change(credit_limit=Money(1, "EUR"))
        with pytest.raises(Invalid, match="cannot be negative"):
            change(credit_limit=Money(-1, "USD"))
        account.refresh_from_db()
        assert account.credit_limit == 100000


class TestPeople:
    def test_adding_sets_no_password(self, staff, account):
        add = list_of(User) + "add/"
        assert staff.post(add, {"email": "New@Example.com", "name": "New"}).status_code == 302
        added = User.objects.get(email="new@example.com")
        assert (added.has_usable_password(), added.is_staff) == (False, False)
        assert AuditEntry.objects.get(action="user.added").after["email"] == "new@example.com"

    def test_set_password(self, staff, alice):
        page = staff.get(page_of(alice.user, "set_password"))
        assert question(page) == "Set a new password for alice@example.com?"
        new = {"password1": "battery staple 9", "password2": "battery staple 9"}
        answer = staff.post(page_of(alice.user, "set_password"), new)
        assert told(answer) == ["alice@example.com has a new password."]
        alice.user.refresh_from_db()
        assert alice.user.check_password("battery staple 9")
        entry = AuditEntry.objects.get(action="user.password_set")
        assert (entry.actor_label, entry.before, entry.after) == ("stella@example.com", {}, {})

    @pytest.mark.parametrize("second", ["other", ""])
    def test_passwords_must_agree(self, staff, alice, second):
        new = {"password1": "battery staple 9", "password2": second}
        assert staff.post(page_of(alice.user, "set_password"), new).status_code == 422
        alice.user.refresh_from_db()
        assert alice.user.check_password("correct horse")

    def test_nobody_raises_themselves_or_takes_over_staff(self, client, stella, alice):
        clerk = a_clerk("accounts.view_user", "accounts.change_user", "accounts.add_user")
        client.force_login(clerk)
        given = {"email": "alice@example.com", "is_staff": "on", "is_superuser": "on", "is_active": "on"}
        assert client.post(page_of(alice.user), given).status_code == 302
        alice.user.refresh_from_db()
        assert (alice.user.is_staff, alice.user.is_superuser) == (False, False)
        assert client.post(page_of(stella), given).status_code == 403
        assert client.post(page_of(clerk), given).status_code == 403
        new = {"password1": "battery staple 9", "password2": "battery staple 9"}
        assert refusal(client.get(page_of(stella, "set_password"))) == (
            "Only a superuser can change the password of staff."
        )
        client.post(page_of(stella, "set_password"), new)
        stella.refresh_from_db()
        assert stella.check_password("correct horse")
        assert client.get(list_of(Group) + "add/").status_code == 403

    def test_nobody_is_deleted(self, staff, alice):
        assert staff.post(page_of(alice.user, "delete"), {"post": "yes"}).status_code == 403
        assert User.objects.filter(pk=alice.user.pk).exists()


class TestTokens:
    @pytest.fixture
    def token(self, alice):
        return CustomerToken.objects.get(user=alice.user)

    def test_list(self, staff, token):
        listed = rows(staff.get(list_of(CustomerToken)))
        assert listed == [["tests", "Alice Example", "3 Sep 2025, 05:21", "–", "2 Dec 2025, 05:21", "Usable"]]

    def test_revoke(self, staff, token):
        page = staff.get(page_of(token, "revoke"))
        assert question(page) == "Revoke the token “tests” of alice@example.com?"
        token.refresh_from_db()
        assert token.revoked_at is None
        answer = staff.post(page_of(token, "revoke"))
        assert told(answer) == ["The token “tests” of alice@example.com is revoked."]
        token.refresh_from_db()
        assert token.revoked_at == NOW
        assert AuditEntry.objects.get(action="token.revoked").actor_label == "stella@example.com"
        assert refusal(staff.get(page_of(token, "revoke"))) == "This token is revoked already."

    def test_who_may_only_look(self, client, token):
        client.force_login(a_clerk("accounts.view_customertoken"))
        assert refusal(client.get(page_of(token, "revoke"))) == NO_PERMISSION
        client.post(page_of(token, "revoke"))
        token.refresh_from_db()
        assert token.revoked_at is None


def test_machinery_of_libraries_has_no_pages(staff):
    factories.an_organization()
    for app in ("django_q", "axes", "account"):
        assert staff.get(f"/admin/{app}/").status_code == 404
