"""demo_data: two companies to try everything with, made once, and nowhere near real customers."""

import hashlib
import hmac
import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts import operations as accounts
from accounts.models import Account, AccountLineItem, Membership, Region, User
from core.outbox import OutboxMessage, drain
from payments.models import Payment, Receipt
from tests.books import assert_sound, everything, unchanged

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _loopback(settings):
    settings.ALLOWED_HOSTS = ["localhost", "127.0.0.1"]


def run(**options):
    out = StringIO()
    call_command("demo_data", stdout=out, **options)
    return out.getvalue()


def token_of(email, settings):
    secret = hmac.new(settings.SECRET_KEY.encode(), f"demo:{email}".encode(), hashlib.sha256)
    return f"ctok_{secret.hexdigest()}"


def test_a_second_run_changes_nothing():
    run()
    before = everything()
    assert before["invoices.Invoice"]
    with unchanged():
        run()
        run(json=True)


def test_what_is_told_as_json(settings):
    told = json.loads(run(json=True))
    people = [
        ("alice@example.com", "Admin", "Globex Ltd"),
        ("sam@example.com", "Senior Buyer", "Globex Ltd"),
        ("bob@example.com", "Junior Buyer", "Globex Ltd"),
        ("olga@example.com", "Custom", "Globex Ltd"),
        ("grace@example.com", "Custom", "Globex Ltd"),
        ("nils@example.com", "Admin", "Globex Nordic AB"),
        ("carol@example.com", "Admin", "Initech Inc"),
    ]
    assert told == {
        "customers": [
            {
                "email": email,
                "password": "demo-password-1",
                "token": token_of(email, settings),
                "role": role,
                "accounts": [Account.objects.get(company_name=company).number],
            }
            for email, role, company in people
        ],
        "staff": [
            {"email": "stella@example.com", "password": "demo-password-1", "role": "Superuser"},
            {"email": "olivia@example.com", "password": "demo-password-1", "role": "Owner"},
            {"email": "clara@example.com", "password": "demo-password-1", "role": "Clerk"},
            {"email": "ben@example.com", "password": "demo-password-1", "role": "Cashier"},
            {"email": "artur@example.com", "password": "demo-password-1", "role": "Auditor"},
        ],
    }
    assert json.loads(run(json=True)) == told


def test_what_is_told_works(client):
    told = json.loads(run(json=True))
    for person in told["customers"]:
        customer = accounts.customer_for_token(person["token"], at=timezone.now())
        assert customer.user.email == person["email"]
        assert [place.account.number for place in customer.memberships] == person["accounts"]
        assert customer.user.check_password(person["password"])
    for person in told["staff"]:
        assert User.objects.get(email=person["email"]).check_password(person["password"])
    ben = User.objects.get(email="ben@example.com")
    assert (ben.is_staff, ben.is_superuser) == (True, False)
    assert ben.has_perm("payments.verify_payment")
    assert not ben.has_perm("payments.change_payment")


def test_the_first_customer_can_pay_in_every_region():
    (first, *_) = json.loads(run(json=True))["customers"]
    assert first["role"] == "Admin"
    place = Membership.objects.get(user__email=first["email"])
    assert place.level("pay_invoice") == 2
    unpaid = AccountLineItem.objects.unbilled().filter(account=place.account)
    assert {row["region__name"] for row in unpaid.by_region()} == set(
        Region.objects.values_list("name", flat=True)
    )
    assert [region.payment_providers.count() for region in Region.objects.all()] == [3, 3, 3]


def test_what_can_be_looked_at():
    run()
    globex = Account.objects.get(company_name="Globex Ltd")
    rows = globex.invoices.order_by("number_sequence")
    assert "".join("p" if invoice.status == "paid" else "-" for invoice in rows) == "pp---p--"
    assert [invoice.has_pending_payment for invoice in rows].count(True) == 1
    olga = User.objects.get(email="olga@example.com")
    assert [invoice.line_items.first().account_line_item.order.placed_by for invoice in rows].count(olga) == 1
    statuses = sorted(Payment.objects.values_list("status", flat=True))
    assert statuses == [*["captured"] * 4, "partially_refunded", "pending"]
    (joint,) = Receipt.objects.filter(payment__allocations__invoice=rows[6])
    assert [one.invoice for one in joint.payment.allocations.order_by("pk")] == [rows[5], rows[6]]
    assert 0 < rows[6].open_balance < rows[6].total_amount
    nordic = Account.objects.get(company_name="Globex Nordic AB")
    assert (nordic.parent, nordic.invoices.get().status) == (globex, "sent")
    line = Account.objects.get(company_name="Initech Inc").line_items.get()
    assert (line.amount, line.order_display_id, line.account.credit_limit) == (3940, "1756876866", 100_000)


def test_the_books_are_sound_once_the_outbox_is_delivered():
    run(line_items=20)
    assert_sound(timezone.now())
    for _ in range(2):  # an invoice is sent once its paper is made
        drain(at=timezone.now())
    assert not OutboxMessage.objects.exclude(status="done").exists()
    assert_sound(timezone.now())


def test_an_account_with_many_unpaid_orders():
    told = json.loads(run(json=True, line_items=7))
    dora = told["customers"][-1]
    assert (dora["email"], dora["role"]) == ("dora@example.com", "Admin")
    umbrella = Account.objects.get(company_name="Umbrella Corp")
    assert umbrella.line_items.count() == 7
    assert AccountLineItem.objects.unbilled().filter(account=umbrella).count() == 7
    assert umbrella.line_items.values("region").distinct().count() == 3
    with unchanged():
        run(line_items=7)
        run(line_items=3)
    run(line_items=9)
    assert umbrella.line_items.count() == 9
    assert_sound(timezone.now())


def test_people_are_listed_to_read():
    listed = run().splitlines()
    assert listed[0].split() == ["Admin", "alice@example.com", "demo-password-1"]
    assert len(listed) == 12


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("STRIPE_SECRET_KEY", "sk_live_1"),
        ("STRIPE_SECRET_KEY", "rk_live_1"),
        ("PAYMENTS", "live"),
        ("ALLOWED_HOSTS", ["shop.example.com"]),
        ("ALLOWED_HOSTS", ["localhost", "shop.example.com"]),
        ("ALLOWED_HOSTS", ["*"]),
    ],
)
def test_it_refuses_where_customers_could_be(settings, name, value):
    setattr(settings, name, value)
    with unchanged(), pytest.raises(CommandError, match="Demo data is for trying out"):
        run()
