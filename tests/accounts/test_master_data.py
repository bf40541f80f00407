"""What staff may write into master data: nothing that breaks a page, an invoice or a mail later."""

import pytest
import time_machine
from django.core import mail
from django.core.mail import EmailMessage

from accounts import operations
from accounts.models import Account, ExchangeRate, Membership, Organization, Region
from core.audit import AuditEntry
from invoices.models import Invoice
from tests import factories
from tests.back_office import form_of, list_of, page_of, plain
from tests.factories import NOW

NOT_JSON = "Enter a valid JSON."
DEEP = "[" * 2000 + "]" * 2000
ODD_JSON = [
    "NaN",
    "[Infinity]",
    "[1e400]",
    "[-1e400]",
    DEEP,
    '["\\u0000"]',
    '["\\ud800"]',
    "9" * 5000,
    "{",
    "[,]",
]


@pytest.fixture(autouse=True)
def clock():
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture
def saving(client, stella, account):
    """Post a row's page as it stands but for these changes; what is said against it, "" when it was saved."""
    client.force_login(stella)

    def save(row, **changes):
        answer = client.post(page_of(row), form_of(client.get(page_of(row))) | changes)
        assert answer.status_code in (200, 302)
        return "" if answer.status_code == 302 else _errors(answer)

    return save


@pytest.fixture
def adding(client, stella, account):
    client.force_login(stella)

    def add(model, **given):
        page = f"{list_of(model)}add/"
        answer = client.post(page, form_of(client.get(page)) | given)
        assert answer.status_code in (200, 302)
        return "" if answer.status_code == 302 else _errors(answer)

    return add


def _errors(answer) -> str:
    formsets = [one.formset for one in answer.context["inline_admin_formsets"]]
    said = [str(answer.context["adminform"].form.errors)]
    said += [str(form.errors) for formset in formsets for form in formset.forms]
    assert "".join(said)
    return plain(" ".join(said))


class TestLocale:
    @pytest.mark.parametrize(
        "locale", ["en-US", "xx_YY", "english", "en_us", "EN", "en_US.UTF-8", "en_US@x", "_", "1"]
    )
    def test_one_that_nobody_speaks_is_refused(self, saving, account, alice, locale):
        for row in (Organization.objects.get(), account, alice.user):
            assert "Write the locale like en_US or de" in saving(row, locale=locale)
        assert not AuditEntry.objects.filter(action__endswith=".changed").exists()

    @pytest.mark.parametrize("locale", ["en", "de_AT", "pt_BR", "zh_Hant_TW", "es_419", "de_CH"])
    def test_one_that_is_spoken_is_taken(self, saving, account, alice, graphql, locale):
        for row in (Organization.objects.get(), account, alice.user):
            assert saving(row, locale=locale) == ""
        assert graphql(alice)("{ getCustomerAccounts }")["getCustomerAccounts"]

    def test_a_user_needs_none(self, saving, alice):
        assert saving(alice.user, locale="", name="Alice") == ""


class TestPermissions:
    @pytest.fixture
    def custom(self, alice):
        Membership.objects.update(role="custom")
        return Membership.objects.get()

    @pytest.fixture
    def saving(self, client, stella):
        """Post the page that changes a role; what is said against it, "" when it was done."""
        client.force_login(stella)

        def save(member, **changes):
            answer = client.post(page_of(member, "change_role"), {"role": "custom"} | changes)
            assert answer.status_code in (422, 302)
            return "" if answer.status_code == 302 else plain(str(answer.context["form"].errors))

        return save

    @pytest.mark.parametrize(
        ("given", "said"),
        [
            ("[1]", "Write it like"),
            ("1", "Write it like"),
            ('"pay_invoice"', "Write it like"),
            ('{"pay": 2}', "There is no permission “pay”. There are get_invoices, "),
            ('{"pay_invoice": 4}', "The level of pay_invoice is 1, 2 or 3"),
            ('{"pay_invoice": 0}', "The level of pay_invoice is 1, 2 or 3"),
            ('{"pay_invoice": "2"}', "The level of pay_invoice is 1, 2 or 3"),
            ('{"pay_invoice": true}', "The level of pay_invoice is 1, 2 or 3"),
            ('{"pay_invoice": 2.0}', "The level of pay_invoice is 1, 2 or 3"),
            ('{"pay_invoice": {"a": 1}}', "The level of pay_invoice is 1, 2 or 3"),
            ('{"pay_invoice": ' + "[" * 40 + "]" * 40 + "}", "The level of pay_invoice is 1, 2 or 3"),
            *[(odd, NOT_JSON) for odd in ODD_JSON],
        ],
    )
    def test_refused(self, saving, custom, given, said):
        assert said in saving(custom, permissions=given)
        custom.refresh_from_db()
        assert custom.permissions == {}

    @pytest.mark.parametrize("role", ["admin", "senior_buyer", "junior_buyer"])
    def test_are_a_custom_role_s_only(self, saving, custom, role):
        said = saving(custom, role=role, permissions='{"pay_invoice": 2}')
        assert "Only a custom role has permissions of its own" in said

    def test_taken(self, saving, custom):
        given = {"get_invoices": 3, "pay_invoice": 1}
        assert saving(custom, permissions='{"get_invoices": 3, "pay_invoice": 1}') == ""
        custom.refresh_from_db()
        assert custom.permissions == given

    @pytest.mark.parametrize("nothing", ["", "null", "{}", "[]", '""'])
    def test_none_at_all(self, saving, custom, nothing):
        Membership.objects.update(permissions={"pay_invoice": 1})
        said = "Choose at least one permission for the custom role"
        assert said in saving(custom, permissions=nothing)
        assert saving(custom, role="admin", permissions=nothing) == ""
        custom.refresh_from_db()
        assert (custom.role, custom.permissions) == ("admin", {})


class TestRegions:
    @pytest.mark.parametrize(
        ("given", "said"),
        [
            *[
                (wrong, "Write them like")
                for wrong in ('{"a": 1}', '"US"', "1", '["USA"]', '["us"]', "[1]", '[["US"]]')
            ],
            *[(odd, NOT_JSON) for odd in ODD_JSON],
        ],
    )
    def test_refused(self, saving, given, said):
        assert said in saving(Region.objects.get(), countries=given)
        assert Region.objects.get().countries == []

    def test_taken(self, saving):
        assert saving(Region.objects.get(), countries='["US", "CA"]') == ""
        assert Region.objects.get().countries == ["US", "CA"]

    @pytest.mark.parametrize("nothing", ["", "null", "{}", "[]", '""'])
    def test_none_at_all(self, saving, nothing):
        Region.objects.update(countries=["US"])
        assert saving(Region.objects.get(), countries=nothing) == ""
        assert Region.objects.get().countries == []


class TestInvoicing:
    def test_payment_terms_end(self, saving, account):
        for row in (Organization.objects.get(), account):
            assert "less than or equal to 3650" in saving(row, payment_terms_days="3651")
            assert saving(row, payment_terms_days="3650") == ""
        line = factories.an_unpaid_order(Account.objects.get(), display_id="2")
        assert factories.an_open_invoice(account, line).due_date.year == 2035

    @pytest.mark.parametrize(
        "number_format",
        [
            "{year}-{sequence:>2000000000}",
            "{year}-{sequence:0999999999d}",
            "{year}-{sequence:013d}",
            "{year}-{sequence:00d}",
            "{year}-{sequence:d}",
            "{year}-{sequence!r}",
            "{year}-{sequence.real}",
            "{year:05d}-{sequence}",
            "{year}{{}}{sequence}",
            "{year}-{sequence} {other}",
            "{year}-{sequence} {",
            "{year}",
            "{sequence}",
            "INV",
            "x" * 40 + "{year}-{sequence:012d}",
            "{sequence:012d}" * 4 + "{year}",
            "{year}" * 10,
        ],
    )
    def test_a_number_format_that_fails_later_is_refused(self, saving, number_format):
        said = saving(Organization.objects.get(), invoice_number_format=number_format)
        assert "{year} and {sequence}" in said or "at most 60 characters" in said
        assert Organization.objects.get().invoice_number_format == "INV-{year}-{sequence:03d}"

    @pytest.mark.parametrize(
        ("number_format", "made"),
        [
            ("{year}{sequence}", "20251"),
            ("RE {sequence:06d}/{year} – Köln", "RE 000001/2025 – Köln"),
            ("x" * 38 + "{year}-{sequence:012d}", "x" * 38 + "2025-000000000001"),
        ],
    )
    def test_a_number_format_that_works(self, saving, account, number_format, made):
        assert saving(Organization.objects.get(), invoice_number_format=number_format) == ""
        assert factories.an_open_invoice(account, account.line_items.get()).number == made
        assert Invoice.objects.count() == 1


class TestExchangeRates:
    GIVEN = {
        "base": "EUR",
        "quote": "USD",
        "rate": "1.1",
        "valid_from_0": "2025-09-03",
        "valid_from_1": "00:00",
    }

    @pytest.mark.parametrize(
        ("changes", "said"),
        [
            ({"valid_from_0": "1969-12-31"}, "between 1970 and 2999"),
            ({"valid_from_0": "0001-01-01"}, "between 1970 and 2999"),
            ({"valid_from_0": "9999-12-31", "valid_from_1": "23:59"}, "between 1970 and 2999"),
            ({"quote": "EUR"}, "Choose two currencies"),
        ],
    )
    @pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo", "America/New_York"])
    def test_refused(self, adding, changes, said, zone):
        Organization.objects.update(time_zone=zone)
        assert said in adding(ExchangeRate, **self.GIVEN | changes)
        assert not ExchangeRate.objects.exists()

    def test_taken(self, adding):
        assert adding(ExchangeRate, **self.GIVEN | {"valid_from_0": "1970-01-01"}) == ""
        assert ExchangeRate.objects.get().rate


class TestTheMerchantsName:
    @pytest.mark.parametrize(
        "name",
        [
            "Smith, Jones & Co",
            'The "Best" <Shop>',
            "Müller: Söhne; GmbH",
            "a\\b",
            "x" * 200,
            "株式会社" * 20,
            "B.V. (NL)",
        ],
    )
    def test_whatever_it_is_it_sends_mails(self, saving, account, alice, stella, name):
        assert saving(Organization.objects.get(), name=name) == ""
        operations.send_password_reset(user=alice.user)
        organization = Organization.objects.get()
        EmailMessage("Receipt", "Paid", organization.mail_sender, ["alice@example.com"]).send()
        for sent in mail.outbox:
            written = sent.message()["From"]
            assert written.count("@") == 1
            assert "<billing@northwind.example>" in written.replace("\n ", " ")
        assert len(mail.outbox) == 2

    def test_it_is_told_as_it_is(self, account):
        assert factories.an_organization(name="Smith, Jones & Co").mail_sender == (
            '"Smith, Jones & Co" <billing@northwind.example>'
        )
        plain_name = factories.an_organization(name="Northwind", email="a@müller.example")
        assert plain_name.mail_sender == "Northwind <a@xn--mller-kva.example>"

    def test_a_line_break_is_refused(self, saving):
        said = saving(Organization.objects.get(), name="Northwind\nBcc: mallory@example.com")
        assert "Write the name in one line" in said


def test_opening_an_account_asks_the_same(adding):
    given = {"company_name": "Acme", "limit": "1", "currency": "USD"}
    said = adding(Account, **given, locale="en-US", payment_terms_days="4000")
    assert "Write the locale like en_US" in said
    assert "less than or equal to 3650" in said
    assert adding(Account, **given) == ""
    assert Account.objects.get(company_name="Acme").credit_limit == 100
