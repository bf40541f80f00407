"""Questions to the audit trail: whether every move of money is told in it, once, and whether the rows still
say what was told. Each compares in one statement, so that what is booked meanwhile is never half seen."""

from collections.abc import Iterable
from datetime import datetime

from django.db.models import BigIntegerField, Count, F, Model, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast, Coalesce

from accounts.models import Account, AccountLineItem
from core.audit import AuditEntry
from invoices.models import CreditNote, Invoice
from payments.models import AccountCredit, Payment, ProviderCall, WriteOff

SOME = 20
CHARGED = ("account.charged", "account.charged_over_limit")


def _entries(model: type[Model], key: str) -> QuerySet:
    """What the trail says about one field of this model's rows: with its text as `told`."""
    about = AuditEntry.objects.filter(object_kind=model._meta.label_lower, after__has_key=key)
    return about.annotate(told=KeyTextTransform(key, "after"))


def _last_word(model: type[Model], key: str) -> Subquery:
    """What the trail said last about a field of the outer row."""
    return Subquery(_entries(model, key).filter(object_id=OuterRef("pk")).order_by("-pk").values("told")[:1])


def _not_told_once(rows: QuerySet, entries: QuerySet, by: str) -> Iterable[Model]:
    """Some of the rows of which these entries, whose `by` is the row's id, do not tell exactly once."""
    untold = rows.order_by().values_list("pk").difference(entries.order_by().values_list(by))
    yield from rows.filter(
        pk__in=[pk for (pk,) in untold[:SOME]]
    )  # EXCEPT, since NOT IN compares each with all
    twice = entries.order_by().values(by).annotate(times=Count("pk")).filter(times__gt=1)
    yield from rows.filter(pk__in=twice.values(by))


def untold_bookings(at: datetime) -> Iterable[Model]:
    """Charges, payments, credits, credit notes and write-offs whose booking is not told exactly once."""
    charged = _entries(Account, "line_item").filter(action__in=CHARGED)
    charged = charged.annotate(line=Cast("told", BigIntegerField()))
    yield from _not_told_once(AccountLineItem.objects.all(), charged, "line")
    for model in (Payment, AccountCredit, CreditNote, WriteOff):
        booked = _entries(model, "amount").filter(before={})
        yield from _not_told_once(model._default_manager.all(), booked, "object_id")


def untold_moves(at: datetime) -> Iterable[Model]:
    """Payments and invoices whose state, or whose paid amount, is not the one that the trail told last."""
    issued = Invoice.objects.exclude(status="draft")
    for rows in (Payment.objects.all(), issued):
        said = rows.annotate(said=_last_word(rows.model, "status"))
        yield from said.filter(Q(said=None) | ~Q(said=F("status")))
    paid = Coalesce(Cast(_last_word(Invoice, "paid_amount"), BigIntegerField()), Value(0))
    yield from issued.annotate(said=paid).exclude(paid_amount=F("said"))


def misbooked_payments(at: datetime) -> Iterable[Model]:
    """Payments that are not as they were booked, or not their session's to the last unit, unless they came as
    unassigned; and captures that asked for something else."""
    first = AuditEntry.objects.filter(object_kind="payments.payment", object_id=OuterRef("pk")).order_by("pk")
    booked = first.annotate(
        amount=Cast(KeyTextTransform("amount", "after"), BigIntegerField()),
        currency=KeyTextTransform("currency", "after"),
    )
    payments = Payment.objects.annotate(
        booked_as=Subquery(first.values("action")[:1]),
        booked_amount=Subquery(booked.values("amount")[:1]),
        booked_currency=Subquery(booked.values("currency")[:1]),
    )
    yield from payments.filter(~Q(amount=F("booked_amount")) | ~Q(currency=F("booked_currency")))
    yield from (
        payments.exclude(session=None)
        .exclude(booked_as="payment.unassigned")
        .filter(
            ~Q(amount=F("session__amount"))
            | ~Q(currency=F("session__currency"))
            | ~Q(provider=F("session__provider"))
            | ~Q(account=F("session__account"))
        )
    )
    asked = ProviderCall.objects.filter(kind=ProviderCall.Kind.CAPTURE).annotate(
        amount=Cast(KeyTextTransform("amount", "parameters"), BigIntegerField()),
        currency=KeyTextTransform("currency", "parameters"),
    )
    yield from asked.filter(~Q(amount=F("session__amount")) | ~Q(currency=F("session__currency")))


def lost_numbers(at: datetime) -> Iterable[Model]:
    """Invoices that the trail knows as issued, and that are gone or have another number now; and rows whose
    number does not fit their state."""
    now = Invoice.objects.filter(pk=OuterRef("object_id")).values("number")[:1]
    issued = _entries(Invoice, "number").filter(action="invoice.sent").annotate(now=Subquery(now))
    yield from issued.filter(Q(now=None) | ~Q(now=F("told")))
    yield from Invoice.objects.filter(Q(status="draft") & ~Q(number=None))
    yield from Invoice.objects.filter(status__in=["sent", "paid"], number=None)
