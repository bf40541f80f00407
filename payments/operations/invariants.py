"""What must be true of the books at every moment. Each check is a question that finds no row.

The numbers are those of docs/invariants.md. `manage.py check_invariants` asks them all.
"""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from django.apps import apps
from django.db.models import (
    BigIntegerField,
    CheckConstraint,
    Count,
    Exists,
    F,
    Manager,
    Max,
    Min,
    Model,
    OuterRef,
    Q,
    Subquery,
    Sum,
    Value,
)
from django.db.models.functions import Cast, Coalesce

from accounts.models import Account, AccountLineItem, NumberSeries
from accounts.operations import skipped_in
from core import triggers
from core.audit import AuditEntry
from core.outbox import OutboxMessage
from invoices.models import CreditNote, Invoice, InvoiceDocument, InvoiceLineItem
from invoices.operations.freezing import snapshot_hash
from invoices.operations.settling import CLOSED
from payments.models import (
    AccountCredit,
    Allocation,
    Payment,
    PaymentCollectionInvoice,
    PaymentSession,
    ProviderEvent,
    Receipt,
    ReconciliationIssue,
    Refund,
    WriteOff,
)
from payments.operations import corrections_hold
from payments.operations.corrections_hold import PAPERS_READ, total
from payments.operations.trail import lost_numbers, misbooked_payments, untold_bookings, untold_moves

UNSETTLED = ("capturing", "pending_verification")


@dataclass(frozen=True)
class Broken:
    """An invariant that does not hold, and the rows that break it."""

    number: int
    rule: str
    rows: tuple[str, ...]

    def __str__(self) -> str:
        return f"invariant {self.number} ({self.rule}): {', '.join(self.rows)}"


def broken_invariants(*, at: datetime) -> list[Broken]:
    """Ask every invariant that is a query; answers those that are broken, with the first 20 rows each."""
    found = []
    for number, rule, question in CHECKS:
        rows = tuple(_name(row) for row, _ in zip(question(at), range(20), strict=False))
        if rows:
            found.append(Broken(number, rule, rows))
    return found


def _name(row: Model | triggers.Trigger) -> str:
    return f"{row._meta.label} {row.pk}" if isinstance(row, Model) else str(row)


def _balances(at: datetime) -> Iterable[Account]:
    lines = AccountLineItem.objects.all()
    return Account.objects.annotate(
        charged=total(lines, "account", "account_amount"),
        settled=total(lines, "account", "settled_account_amount"),
    ).exclude(total_amount=F("charged"), paid_amount=F("settled"))


def _paid_is_allocated(at: datetime) -> Iterable[Invoice]:
    return Invoice.objects.annotate(allocated=total(Allocation.objects.all(), "invoice")).exclude(
        paid_amount=F("allocated")
    )


def _charges_follow_invoices(at: datetime) -> Iterable[AccountLineItem]:
    """A charge on a paid live invoice is settled in full, one on no paid-on invoice not at all."""
    live = InvoiceLineItem.objects.live().filter(account_line_item=OuterRef("pk")).order_by("pk")
    lines = AccountLineItem.objects.annotate(
        invoice_status=Subquery(live.values("invoice__status")[:1]),
        invoice_paid=Coalesce(Subquery(live.values("invoice__paid_amount")[:1]), Value(0)),
    )
    return lines.filter(
        Q(invoice_status="paid", settled_amount__lt=F("amount"))
        | Q(invoice_paid=0, settled_amount__gt=0)
        | Q(settled_amount=F("amount")) & ~Q(settled_account_amount=F("account_amount"))
    )


def _over_limit(at: datetime) -> Iterable[Account]:
    """Over the limit by a plain charge: neither an override, a lowered limit, a refund nor
    a write-off that was undone came after it."""
    causes = AuditEntry.objects.filter(
        action__in=["account.charged", "account.charged_over_limit", "account.limit_changed"],
        object_kind="accounts.account",
        object_id=OuterRef("pk"),
    )
    refunds = Refund.objects.filter(payment__account=OuterRef(OuterRef("pk"))).values("pk")
    given_up = WriteOff.objects.filter(invoice__account=OuterRef(OuterRef("pk"))).values("pk")
    reopened = AuditEntry.objects.filter(
        Q(action="refund.done", object_kind="payments.refund", object_id__in=refunds)
        | Q(action="write_off.undone", object_kind="payments.writeoff", object_id__in=given_up)
    )
    newest, back = causes.order_by("-pk"), reopened.order_by("-pk")
    return (
        Account.objects.over_limit()
        .annotate(
            latest=Subquery(newest.values("action")[:1]),
            caused=Coalesce(Subquery(newest.values("pk")[:1]), Value(0)),
            reopened=Coalesce(Subquery(back.values("pk")[:1]), Value(0)),
        )
        .exclude(latest__in=["account.charged_over_limit", "account.limit_changed"])
        .exclude(reopened__gt=F("caused"))
    )


def _one_currency(at: datetime) -> Iterable:
    yield from InvoiceLineItem.objects.exclude(account_line_item=None).exclude(
        account_line_item__currency=F("invoice__currency")
    )
    yield from PaymentCollectionInvoice.objects.exclude(invoice__currency=F("collection__currency"))
    yield from PaymentSession.objects.exclude(currency=F("collection__currency"))
    yield from (
        Payment.objects.exclude(session=None)
        .exclude(status="unassigned")
        .exclude(currency=F("session__currency"))
    )
    yield from Allocation.objects.exclude(currency=F("invoice__currency"))
    yield from Refund.objects.exclude(currency=F("payment__currency"))


def _one_account(at: datetime) -> Iterable:
    yield from PaymentCollectionInvoice.objects.exclude(invoice__account=F("collection__account"))
    yield from InvoiceLineItem.objects.exclude(account_line_item=None).exclude(
        account_line_item__account=F("invoice__account")
    )


def _out_of_bounds(at: datetime) -> Iterable[Model]:
    """Amounts are whole, which SQLite's columns do not see to; and whatever the tables' check constraints say
    holds, also where a constraint was lost."""
    for label in ("accounts", "orders", "invoices", "payments"):
        for model in apps.get_app_config(label).get_models():
            fine = Q()
            for field in model._meta.concrete_fields:
                if isinstance(field, BigIntegerField) and not field.primary_key:
                    fine &= Q(**{field.name: None}) | Q(**{field.name: Cast(field.name, BigIntegerField())})
            for constraint in model._meta.constraints:
                if isinstance(constraint, CheckConstraint):
                    fine &= Q(constraint.condition)
            if fine:
                yield from model._default_manager.exclude(fine)


def _misbilled(at: datetime) -> Iterable[AccountLineItem]:
    live = Count("invoice_lines", filter=Q(invoice_lines__is_live=True))
    fine = Q(live=0, is_billed=False) | Q(live=1, is_billed=True)
    return AccountLineItem.objects.annotate(live=live).exclude(fine)


def _totals(at: datetime) -> Iterable[Invoice]:
    return Invoice.objects.annotate(lines=total(InvoiceLineItem.objects.all(), "invoice")).exclude(
        total_amount=F("lines")
    )


def _reserved(at: datetime) -> Iterable[Invoice]:
    shares = PaymentCollectionInvoice.objects.filter(collection__sessions__status__in=UNSETTLED)
    return Invoice.objects.annotate(shares=total(shares, "invoice")).exclude(reserved_amount=F("shares"))


def _claims(at: datetime) -> Iterable[PaymentCollectionInvoice]:
    capturing = PaymentSession.objects.filter(status="capturing").values("collection")
    covered = PaymentCollectionInvoice.objects
    yield from covered.filter(is_claimed=True).exclude(collection__in=capturing)
    yield from covered.filter(is_claimed=False, collection__in=capturing)


def _gapless(code: str, papers: Manager, at: datetime) -> Iterable:
    all_series = list(NumberSeries.objects.filter(code=code))
    yield from papers.exclude(number_year=None).exclude(number_year__in=[one.year for one in all_series])
    skipped = skipped_in(all_series)  # after a restore, with a reason
    for series in all_series:
        spans = skipped.get(series.pk, [])
        numbered = papers.filter(number_year=series.year)
        seen = numbered.aggregate(low=Min("number_sequence"), high=Max("number_sequence"), count=Count("pk"))
        explained = sum(last - first + 1 for first, last in spans)
        is_within = not seen["count"] or (seen["low"] >= 1 and seen["high"] <= series.last_number)
        is_complete = seen["count"] + explained == series.last_number
        used_after_all = any(numbered.filter(number_sequence__range=span).exists() for span in spans)
        if not is_within or not is_complete or used_after_all:
            yield series


def _receipts(at: datetime) -> Iterable[Payment | Receipt]:
    """A captured payment of an account has one; money that is nobody's, promised or rejected has none."""
    owned = Payment.objects.captured().exclude(account=None)
    yield from owned.filter(receipt=None)
    yield from Receipt.objects.exclude(payment__in=owned)


def _frozen(at: datetime) -> Iterable[Invoice]:
    for invoice in Invoice.objects.exclude(number=None).iterator():
        paper = invoice.snapshot or {}
        if snapshot_hash(paper) != invoice.snapshot_hash or any(
            str(paper.get(name)) != str(getattr(invoice, name))
            for name in ("number", "issue_date", "due_date", "currency", "total_amount")
        ):
            yield invoice


def _changed_papers(at: datetime) -> Iterable[InvoiceDocument]:
    """Of the last month; older ones are checked when they are served."""
    young = InvoiceDocument.objects.filter(created_at__gt=at - PAPERS_READ)
    for paper in young.order_by("pk").iterator(chunk_size=50):
        if hashlib.sha256(paper.content).hexdigest() != paper.sha256:
            yield paper


def _missing_triggers(number: int, at: datetime) -> list[triggers.Trigger]:
    return [trigger for trigger in triggers.missing() if trigger.invariant == number]


def _year_of_number(at: datetime) -> Iterable[Invoice]:
    return Invoice.objects.exclude(number_year=None).exclude(issue_date__year=F("number_year"))


# What a provider's name for something may stand for once.
ONCE: tuple[tuple[type[Model], str], ...] = (
    (Payment, "reference"),
    (PaymentSession, "reference"),
    (ProviderEvent, "event_id"),
    (Refund, "reference"),
)


def _known_twice(at: datetime) -> Iterable[Model]:
    for model, name in ONCE:
        rows = model._default_manager.exclude(**{name: ""})
        same = rows.filter(provider=OuterRef("provider"), **{name: OuterRef(name)}).exclude(pk=OuterRef("pk"))
        yield from rows.filter(Exists(same))


def _spent(at: datetime) -> Iterable:
    done = Refund.objects.filter(status=Refund.Status.DONE)
    settled = Payment.objects.filter(status__in=["captured", "partially_refunded", "refunded"])
    yield from (
        settled.exclude(account=None)
        .annotate(
            allocated=total(Allocation.objects.all(), "payment"),
            kept=total(AccountCredit.objects.all(), "payment"),
            back=total(done, "payment"),
            from_credit=total(done, "payment", "credit_amount"),
        )
        .exclude(amount=F("allocated") + F("kept") + F("back") - F("from_credit"))
    )
    yield from AccountCredit.objects.annotate(
        used=total(Allocation.objects.all(), "credit"),
        back=Coalesce(
            Subquery(
                done.filter(payment=OuterRef("payment"))
                .order_by()
                .values("payment")
                .annotate(_sum=Sum("credit_amount"))
                .values("_sum"),
                output_field=BigIntegerField(),
            ),
            Value(0),
        ),
    ).filter(amount__lt=F("used") + F("back"))


def _refunded(at: datetime) -> Iterable:
    """No more goes back than came, and a payment says how much of it has. What was asked for fitted in what
    was left; what somebody sent back at the provider meanwhile may not leave room for it."""
    payments = Payment.objects.annotate(
        back=total(Refund.objects.filter(status=Refund.Status.DONE), "payment")
    )
    yield from payments.filter(back__gt=F("amount"))
    earlier = Refund.objects.counting().filter(pk__lt=OuterRef("pk"))
    asked = Refund.objects.unfinished().annotate(before=total(earlier, "payment", to="payment"))
    yield from asked.filter(payment__amount__lt=F("before") + F("amount"))
    yield from payments.filter(status="refunded").exclude(back=F("amount"))
    yield from payments.filter(status="partially_refunded").exclude(back__gt=0, back__lt=F("amount"))
    untold = payments.exclude(status__in=["refunded", "partially_refunded"]).filter(back__gt=0)
    yield from untold.exclude(status="unassigned", back__lt=F("amount"))  # it stays nobody's until all went
    done = Refund.objects.filter(status=Refund.Status.DONE).exclude(payment__account=None)
    from_invoices = total(Allocation.objects.exclude(payment=None), "refund")
    yield from done.annotate(taken=from_invoices).exclude(amount=F("credit_amount") - F("taken"))


def _unaudited(at: datetime) -> Iterable[PaymentSession]:
    """A session beyond `created` was moved there, and the move has its audit row."""
    moved = AuditEntry.objects.filter(object_kind="payments.paymentsession", object_id=OuterRef("pk"))
    rows = PaymentSession.objects.exclude(status="created").annotate(
        told=Subquery(moved.order_by("-pk").values("after__status")[:1])
    )
    return [row for row in rows.iterator() if row.told != row.status]


def _live_on_closed(at: datetime) -> Iterable[PaymentSession]:
    """Sessions of a closed invoice end through the outbox: none is left when its message is delivered."""
    waiting = OutboxMessage.objects.filter(kind=CLOSED, status__in=["waiting", "working"])
    told = [payload["invoice"] for payload in waiting.values_list("payload", flat=True)]
    closed = Invoice.objects.filter(status__in=["paid", "cancelled"]).exclude(pk__in=told)
    covered = PaymentCollectionInvoice.objects.filter(invoice__in=closed)
    return PaymentSession.objects.live().filter(collection__in=covered.values("collection"))


def _undecided(at: datetime) -> Iterable[PaymentSession]:
    stuck = PaymentSession.objects.filter(status="capturing", claimed_at__lt=at - timedelta(minutes=17))
    return stuck.exclude(issues__in=ReconciliationIssue.objects.filter(resolved_at=None))


def _promises(at: datetime) -> Iterable[Payment]:
    allocated = Allocation.objects.filter(payment=OuterRef("pk")).values("pk")[:1]
    payments = Payment.objects.annotate(allocated=Subquery(allocated))
    yield from payments.filter(status__in=["pending", "failed"]).exclude(allocated=None)
    yield from payments.filter(provider__code="pp_system_default", status="captured", verified_by=None)
    yield from payments.filter(verified_at__isnull=False, verified_by=F("payer"))


Question = Callable[[datetime], Iterable]
CHECKS: tuple[tuple[int, str, Question], ...] = (
    (1, "an account's figures are the sums of its charges", _balances),
    (2, "what is paid on an invoice is what is allocated to it", _paid_is_allocated),
    (2, "charges are settled as their invoices are paid", _charges_follow_invoices),
    (3, "nothing was charged over the credit limit without an audited override", _over_limit),
    (4, "everything joined has one currency", _one_currency),
    (4, "everything joined has one account", _one_account),
    (4, "a correction is of its own invoice", corrections_hold.on_their_own_invoice),
    (5, "amounts are whole, and every row is within its bounds", _out_of_bounds),
    (6, "a charge is on at most one live invoice, and says whether it is", _misbilled),
    (7, "an invoice's total is the sum of its lines", _totals),
    (7, "no more is credited than an invoice and its lines have", corrections_hold.credited),
    (8, "what is reserved on an invoice is its share of unsettled sessions", _reserved),
    (9, "invoice numbers have no gap", partial(_gapless, "invoice", Invoice.objects)),
    (9, "credit note numbers have no gap", partial(_gapless, "credit_note", CreditNote.objects)),
    (9, "receipt numbers have no gap", partial(_gapless, "receipt", Receipt.objects)),
    (9, "each captured payment has a receipt", _receipts),
    (10, "an issued invoice is kept with its number, and a draft has none", lost_numbers),
    (10, "the database keeps issued invoices", partial(_missing_triggers, 10)),
    (11, "an issued invoice is as it was frozen", _frozen),
    (11, "the PDF of an invoice is as it was made", _changed_papers),
    (11, "a credit note is as it was frozen", corrections_hold.frozen),
    (11, "the database freezes issued invoices", partial(_missing_triggers, 11)),
    (12, "an invoice's number has the year of its issue date", _year_of_number),
    (13, "a provider's reference stands for one thing", _known_twice),
    (14, "a payment is what its provider reported", misbooked_payments),
    (15, "a captured payment is allocated or kept as credit, to the last unit", _spent),
    (15, "a correction settles its invoice or is kept, to the last unit", corrections_hold.spent),
    (15, "no more is sent back than came, and the payment says so", _refunded),
    (16, "an invoice is claimed exactly while a session captures", _claims),
    (17, "every move of a session has its audit row", _unaudited),
    (18, "no live session on an invoice that is closed", _live_on_closed),
    (19, "no session captures for long without an open issue", _undecided),
    (21, "a promise counts nothing until somebody else verified it", _promises),
    (27, "every booking of money is told once in the audit trail", untold_bookings),
    (27, "the audit trail tells how payments and invoices stand", untold_moves),
    (27, "the database lets the audit trail only grow", partial(_missing_triggers, 27)),
)
