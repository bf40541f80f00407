"""What the site is measured against: the least that Django and SQL need for the same job.

Nobody is asked who they are here, nothing is checked, audited, formatted or protected from a second click.
"""

import csv
import json
import time
from collections.abc import Callable
from io import StringIO
from uuid import uuid4

from django.db import connection, transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template import Context, Engine
from django.urls import resolve
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt

from accounts.models import AccountLineItem
from bench import BARE
from invoices.models import Invoice

GetResponse = Callable[[HttpRequest], HttpResponse]

INVOICE = """
    INSERT INTO invoices_invoice (uuid, account_id, status, title, description, notes, order_numbers,
        purchase_order_numbers, external_id, currency, total_amount, paid_amount, reserved_amount, due_date,
        created_at, snapshot_hash)
    VALUES (%s, %s, 'draft', 'Invoice', '', '', '', '', '', 'USD', %s, 0, 0, %s, %s, '') RETURNING id"""
LINE = """
    INSERT INTO invoices_invoicelineitem (invoice_id, description, quantity, unit_price, unit_price_currency,
        tax_rate, net_amount, tax_amount, amount, is_live)
    VALUES (%s, 'Order', 1, 0, 'USD', 0, %s, 0, %s, true)"""
PAYMENT = """
    INSERT INTO payments_payment (account_id, provider_id, reference, currency, amount, status, method,
        method_details, created_at, reason, payer_reference)
    VALUES (%s, %s, %s, 'USD', %s, 'pending', 'bank_transfer', '{}', %s, '', '') RETURNING id"""
ACCOUNT = "UPDATE accounts_account SET total_amount = total_amount + %s WHERE id = %s"


def without_middleware(get_response: GetResponse) -> GetResponse:
    """The first of all: below BARE it answers itself, so that nothing of the site's runs around the view."""

    def middleware(request: HttpRequest) -> HttpResponse:
        if not request.path_info.startswith(BARE):
            return get_response(request)
        found = resolve(request.path_info)
        return found.func(request, *found.args, **found.kwargs)

    return middleware


def cpu(request: HttpRequest) -> HttpResponse:
    """Seconds of CPU that this process has used so far, in all its threads."""
    return HttpResponse(str(time.process_time()))


def unpaid(request: HttpRequest, account_id: int) -> HttpResponse:
    """The rows that `getCustomerAccounts` tells as unpaid, as they come from the database."""
    rows = AccountLineItem.objects.unbilled().filter(account=account_id).as_rows()
    return JsonResponse({"rows": list(rows)})


COLUMNS = (
    "id created_at sent_at paid_at account_id external_id account__external_id number due_date order_numbers "
    "purchase_order_numbers currency total_amount paid_amount reserved_amount region_id region__name "
    "account__company_name account__billing_address_line_1 account__billing_country account__billing_city"
).split()


def invoices(request: HttpRequest, account_id: int) -> HttpResponse:
    """The rows that `invoices(first: 100)` tells, newest number first, as they come from the database."""
    rows = (
        Invoice.objects.filter(account=account_id)
        .exclude(number=None)
        .order_by("-number_year", "-number_sequence")
    )
    return JsonResponse({"rows": list(rows.values(*COLUMNS)[:100])})


def exported(request: HttpRequest, account_id: int) -> HttpResponse:
    """The columns of the list as CSV, in its order, by `csv.writer` over a cursor."""
    rows = (
        Invoice.objects.filter(account=account_id)
        .not_cancelled()
        .with_standing()
        .order_by("-year", "-sequence", "-number", "-pk")
        .values_list(*EXPORTED)
    )
    told = StringIO()
    with connection.cursor() as cursor:
        cursor.execute(*rows.query.sql_with_params())
        csv.writer(told).writerows(cursor)
    return HttpResponse(told.getvalue(), content_type="text/csv")


EXPORTED = (
    "number account__number account__company_name standing issue_date due_date order_numbers "
    "purchase_order_numbers currency total_amount open_amount"
).split()
PAGE = Engine().from_string(
    "<table>{% for row in rows %}<tr><td>{{ row.number }}</td><td>{{ row.status }}</td>"
    "<td>{{ row.issue_date }}</td><td>{{ row.due_date }}</td><td>{{ row.order_numbers }}</td>"
    "<td>{{ row.total_amount }} {{ row.currency }}</td><td>{{ row.open_balance }}</td></tr>"
    "{% endfor %}</table>"
)


def listed(request: HttpRequest, account_id: int) -> HttpResponse:
    """The rows of the list of invoices, in a template that writes them plainly."""
    rows = (
        Invoice.objects.filter(account=account_id)
        .exclude(number=None)
        .order_by("-number_year", "-number_sequence")
    )
    return HttpResponse(PAGE.render(Context({"rows": rows[:25]})))


@csrf_exempt
def book(request: HttpRequest) -> HttpResponse:
    """The smallest transaction that books an invoice and a payment: three rows and the account's figure."""
    asked = json.loads(request.body)
    account, amount, at = asked["account"], asked["amount"], timezone.now()
    uuid, today = uuid4().hex, at.date()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(INVOICE, [uuid, account, amount, today, at])
        (invoice,) = cursor.fetchone()
        cursor.execute(LINE, [invoice, amount, amount])
        cursor.execute(PAYMENT, [account, asked["provider"], uuid, amount, at])
        (payment,) = cursor.fetchone()
        cursor.execute(ACCOUNT, [amount, account])
    return JsonResponse({"invoice": invoice, "payment": payment})
