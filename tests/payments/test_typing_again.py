"""An amount above the organization's limit is typed again: at the operations, whichever door asks, and on the
pages."""

from decimal import Decimal

import pytest

from accounts.models import ConfirmationLimit, Organization
from core.audit import AuditEntry
from core.errors import Invalid
from payments import operations
from payments.models import Refund, WriteOff
from tests import factories
from tests.back_office import a_clerk, form_of, page_of, plain, told
from tests.books import assert_sound, refuses, unchanged
from tests.factories import NOW

pytestmark = pytest.mark.django_db
WHY = "This is $39.40. Above $30.00, type the amount again"
WRONG = "This is $39.40, and you typed $39.04 again"


@pytest.fixture(autouse=True)
def _clock(time_machine):
    time_machine.move_to(NOW, tick=False)


@pytest.fixture
def organization(account):
    return Organization.objects.get()


@pytest.fixture(autouse=True)
def limit(organization):
    return ConfirmationLimit.objects.create(organization=organization, currency="USD", amount=Decimal(30))


@pytest.fixture
def invoice(account):
    return factories.an_open_invoice(account, account.line_items.get())


@pytest.fixture
def write_off(invoice, stella):
    def call(**more):
        return operations.write_off(
            **{"invoice": invoice, "amount": 3940, "reason": "Lost", "at": NOW, "staff": stella, **more}
        )

    return call


@pytest.fixture
def credit(invoice, stella):
    def call(**more):
        amounts = {invoice.line_items.get().pk: 3940}
        return operations.credit_invoice(
            **{"invoice": invoice, "amounts": amounts, "reason": "Lost", "at": NOW, "staff": stella, **more}
        )

    return call


@pytest.fixture
def refund(account, stella):
    payment = operations.record_payment(
        account=account,
        received=operations.Received("check", NOW.date(), "USD", 3940),
        at=NOW,
        staff=stella,
    )

    def call(**more):
        return operations.refund_payment(
            **{"payment": payment, "amount": 3940, "reason": "Back", "at": NOW, "staff": stella, **more}
        )

    return call


@pytest.mark.parametrize("name", ["write_off", "credit", "refund"])
class TestOperations:
    def test_not_typed_again(self, request, name):
        call = request.getfixturevalue(name)
        with refuses(Invalid, WHY, field="confirmed_amount"):
            call()

    def test_typed_as_another(self, request, name):
        call = request.getfixturevalue(name)
        with refuses(Invalid, WRONG, field="confirmed_amount"):
            call(confirmed_amount=3904)

    def test_typed_again(self, request, name):
        assert request.getfixturevalue(name)(confirmed_amount=3940).pk
        assert_sound()

    def test_up_to_the_limit_nobody_asks(self, request, name, limit):
        ConfirmationLimit.objects.update(amount=Decimal("39.40"))
        assert request.getfixturevalue(name)().pk

    def test_another_currency_has_no_limit(self, request, name, limit):
        ConfirmationLimit.objects.update(currency="EUR")
        assert request.getfixturevalue(name)().pk


class TestPages:
    def test_write_off(self, client, invoice, stella):
        client.force_login(stella, "django.contrib.auth.backends.ModelBackend")
        there = page_of(invoice, "write_off")
        page = plain(client.get(there).content.decode())
        assert "Amount again" in page
        assert "Above $30.00, type the whole amount a second time." in page
        given = {"amount": "39.40", "reason": "Lost", "known_open": "3940"}
        for again, says in (("", WHY), ("39.04", WRONG), ("39.401", "39.401 has more decimal places")):
            with unchanged():
                answer = client.post(there, given | {"confirmed_amount": again})
            assert answer.status_code == 422
            assert says in plain(answer.content.decode())
        client.post(there, given | {"confirmed_amount": "39.4"})
        assert WriteOff.objects.get().amount == 3940

    def test_a_small_amount_of_a_large_invoice(self, client, invoice, stella):
        client.force_login(stella, "django.contrib.auth.backends.ModelBackend")
        client.post(page_of(invoice, "write_off"), {"amount": "1", "reason": "Lost"})
        assert WriteOff.objects.get().amount == 100

    def test_credit_note(self, client, invoice, stella):
        client.force_login(stella, "django.contrib.auth.backends.ModelBackend")
        given = {"is_whole": "on", "reason": "Lost"}
        with unchanged():
            answer = client.post(page_of(invoice, "credit"), given)
        assert WHY in plain(answer.content.decode())
        client.post(page_of(invoice, "credit"), given | {"confirmed_amount": "39.40"})
        assert invoice.credit_notes.get().total_amount == 3940

    def test_refund(self, client, account, stella):
        payment = factories.a_paid_invoice(account, stella).allocations.get().payment
        client.force_login(stella, "django.contrib.auth.backends.ModelBackend")
        given = {"amount": "39.40", "reason": "Back"}
        with unchanged():
            answer = client.post(page_of(payment, "refund"), given)
        assert WHY in plain(answer.content.decode())
        client.post(page_of(payment, "refund"), given | {"confirmed_amount": "39.40"})
        assert Refund.objects.get().amount == 3940

    def test_it_stands_directly_below_the_amount(self, client, account, invoice, stella):
        paid = operations.record_payment(
            account=account,
            received=operations.Received("check", NOW.date(), "USD", 3940),
            at=NOW,
            staff=stella,
        )
        client.force_login(stella, "django.contrib.auth.backends.ModelBackend")
        for there in (page_of(invoice, "write_off"), page_of(paid, "refund")):
            names = [one.name for one in client.get(there).context_data["form"].visible_fields()]
            assert names == ["amount", "confirmed_amount", "reason"]
        names = [one.name for one in client.get(page_of(invoice, "credit")).context_data["form"]]
        assert names[1:] == ["is_whole", "confirmed_amount", "is_kept", "reason", "known_left"]

    def test_where_nothing_can_be_above_it_nobody_asks(self, client, invoice, stella):
        ConfirmationLimit.objects.update(amount=Decimal(1000))
        client.force_login(stella, "django.contrib.auth.backends.ModelBackend")
        assert "Amount again" not in client.get(page_of(invoice, "write_off")).content.decode()


class TestSetting:
    def test_set_and_removed_under_audit(self, client, organization, limit, stella):
        client.force_login(stella, "django.contrib.auth.backends.ModelBackend")
        there = page_of(organization)
        given = form_of(client.get(there)) | {
            "confirmation_limits-TOTAL_FORMS": "2",
            "confirmation_limits-0-DELETE": "on",
            "confirmation_limits-1-organization": str(organization.pk),
            "confirmation_limits-1-currency": "EUR",
            "confirmation_limits-1-amount": "2500",
        }
        assert told(client.post(there, given)) != []
        assert str(ConfirmationLimit.objects.get()) == "2500 EUR"
        changes = AuditEntry.objects.filter(object_kind="accounts.confirmationlimit").order_by("pk")
        assert [(one.action, one.actor_label) for one in changes] == [
            ("confirmationlimit.removed", "stella@example.com"),
            ("confirmationlimit.added", "stella@example.com"),
        ]

    def test_by_whoever_may_change_the_organization(self, client, organization):
        client.force_login(a_clerk("accounts.view_organization", "accounts.change_confirmationlimit"))
        page = client.get(page_of(organization)).content.decode()
        assert "30" in page
        assert "confirmation_limits-0-amount" not in page
        with unchanged():
            assert client.post(page_of(organization), {}).status_code == 403

    def test_not_with_more_decimals_than_the_currency_has(self, client, organization, stella):
        client.force_login(stella, "django.contrib.auth.backends.ModelBackend")
        there = page_of(organization)
        given = form_of(client.get(there)) | {"confirmation_limits-0-amount": "1.005"}
        with unchanged():
            answer = client.post(there, given)
        assert "1.005 has more decimal places than USD allows" in answer.content.decode()

    def test_the_currency_is_one_of_those_there_are(self, client, organization, limit, stella):
        client.force_login(stella, "django.contrib.auth.backends.ModelBackend")
        there = page_of(organization)
        given = form_of(client.get(there)) | {"confirmation_limits-0-currency": "ZZZ"}
        with unchanged():
            answer = client.post(there, given)
        assert "ZZZ is not one of the available choices" in answer.content.decode()

    @pytest.mark.parametrize(
        ("currency", "typed", "wrong"),
        [("JPY", "500000", "500000.5"), ("USD", "5000.00", "5000.0005"), ("KWD", "5000.000", "5000.0005")],
    )
    def test_shown_and_taken_with_the_decimals_of_the_currency(
        self, client, organization, currency, typed, wrong, stella
    ):
        amount = Decimal(typed)
        ConfirmationLimit.objects.update(currency=currency, amount=amount)
        client.force_login(stella, "django.contrib.auth.backends.ModelBackend")
        there = page_of(organization)
        given = form_of(client.get(there))
        assert str(given["confirmation_limits-0-amount"]) == typed
        with unchanged():
            answer = client.post(there, given | {"confirmation_limits-0-amount": wrong})
        errors = answer.context_data["inline_admin_formsets"][0].formset.errors
        assert errors == [{"amount": [f"{wrong} has more decimal places than {currency} allows"]}]

    def test_read_as_an_amount(self, client, organization):
        ConfirmationLimit.objects.update(currency="JPY", amount=500_000)
        client.force_login(a_clerk("accounts.view_organization"))
        assert "¥500,000" in client.get(page_of(organization)).content.decode()
