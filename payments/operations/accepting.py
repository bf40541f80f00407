"""What staff decide on the lines of a bank statement: that one is what is proposed, or something else, or not
ours; and taking that back."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models.functions import Lower

from accounts import operations as accounts
from accounts.models import Account, User
from core.errors import Conflict, Invalid
from core.money import format_minor
from core.transitions import move
from invoices.models import Invoice
from payments.models import BankLine, Payment, RecordedMethod
from payments.operations.collecting import Share
from payments.operations.doubles import require_no_double
from payments.operations.matching import Bill, Known, Line, Promise, Proposal, names_in, payer_key, propose
from payments.operations.recording import MANUAL, Received, book_received, may_record, undo_recording
from payments.operations.verifying import verify_held

Status = BankLine.Status
UNDONE = "Undone on the bank statement"
AT_ONCE = 500


def proposals_for(lines: Sequence[BankLine]) -> dict[int, Proposal]:
    """By line, what it is, of those that are open and no doubles. A few queries, however many lines."""
    asked = [
        Line(row.pk, row.amount, row.currency, row.reference, row.payer_name, row.payer_account)
        for row in lines
        if row.status == Status.OPEN and row.double_of_id is None
    ]
    return propose(asked, _known(asked)) if asked else {}


def proposal_of(line: BankLine) -> Proposal | None:
    """What a line is, beside the other open lines of its statement."""
    beside = BankLine.objects.open().filter(statement=line.statement_id)
    return proposals_for(list(beside)).get(line.pk)


def _known(lines: Sequence[Line]) -> Known:
    payers = _payers(lines)
    theirs = {account for found in payers.values() for account in found}
    names = sorted({name for line in lines for name in names_in(line.reference)})
    promises, bills = {}, {}
    pending = Payment.objects.to_verify().exclude(account=None)
    still_open = Invoice.objects.open().defer("snapshot")
    for some in _chunks(names):  # decided and paid ones too: a text that names them is about nothing else
        manual = Payment.objects.filter(provider__code=MANUAL, reference__in=some).exclude(account=None)
        promises.update({row.pk: row for row in manual})
        bills.update({row.pk: row for row in Invoice.objects.defer("snapshot").filter(number__in=some)})
    for few in _chunks(sorted(theirs)):
        promises.update({row.pk: row for row in pending.filter(account__in=few)})
        bills.update({row.pk: row for row in still_open.filter(account__in=few)})
    return Known(
        promises=[
            Promise(row.pk, row.account_id, row.reference, _promised(row), row.currency)
            for row in promises.values()
            if row.account_id is not None
        ],
        bills=[
            Bill(row.pk, row.account_id, str(row.number), _payable(row), row.currency)
            for row in bills.values()
        ],
        payers=payers,
    )


def _promised(payment: Payment) -> int:
    return payment.amount if payment.status == Payment.Status.PENDING else 0


def _payable(invoice: Invoice) -> int:
    return invoice.open_balance if invoice.status == Invoice.Status.SENT else 0


def _payers(lines: Sequence[Line]) -> dict[str, dict[int, str]]:
    """By what the bank calls them, the accounts of payers: those of lines that were accepted before, and
    those whose company has the name."""
    found: dict[str, dict[int, str]] = defaultdict(dict)
    before = BankLine.objects.booked().order_by("-pk")
    for some in _chunks(sorted({line.payer_account for line in lines if line.payer_account})):
        for row in before.filter(payer_account__in=some):
            account = _paid_for(row)
            said = f"The bank account paid for {account.company_name} on {row.day:%-d %b %Y}"
            found[payer_key("account", row.payer_account)].setdefault(account.pk, said)
    for some in _chunks(sorted({line.payer_name for line in lines if line.payer_name})):
        for row in before.filter(payer_name__in=some):
            account = _paid_for(row)
            said = f"{row.payer_name} paid for {account.company_name} on {row.day:%-d %b %Y}"
            found[payer_key("name", row.payer_name)].setdefault(account.pk, said)
        named = Account.objects.annotate(lower=Lower("company_name"))
        for account in named.filter(lower__in=[one.lower() for one in some]):
            said = f"The payer has the name of {account.company_name}"
            found[payer_key("name", account.company_name)].setdefault(account.pk, said)
    return found


def _paid_for(line: BankLine) -> Account:
    """Whose a booked line is: a payment that is recorded or verified always has an account."""
    if line.payment is None or line.payment.account is None:
        raise RuntimeError(f"Line {line.pk} is booked for nobody")
    return line.payment.account


def _chunks(values: Sequence) -> Iterable[Sequence]:
    return (values[start : start + AT_ONCE] for start in range(0, len(values), AT_ONCE))


def accept_line(*, line: BankLine, shown: str, at: datetime, staff: User) -> Payment:
    """The line is what is proposed: a promise is verified, or a bank transfer on its invoices is recorded.
    `shown` is the code of the proposal that staff saw; when it is another one by now, it is refused, as are
    staff without the permission, and for a promise whoever may not verify it."""
    proposal = acceptable(line=line, staff=staff)
    if proposal.code != shown:
        raise Conflict("The proposal has changed meanwhile. Look again")
    with accounts.locked_account(proposal.account) as account:
        current = _held(line, Status.OPEN)
        if proposal.promise:
            promise = Payment.objects.select_related("session").get(pk=proposal.promise.pk)
            payment = verify_held(
                account,
                promise,
                at=at,
                staff=staff,
                received_date=current.day,
                payer_reference=_said(current),
            )
        else:
            parts = [Share(Invoice.objects.get(pk=bill.pk), bill.amount) for bill in proposal.bills]
            payment = book_received(account, received_of(current, parts), at=at, staff=staff)
        _book(current, payment, at=at, staff=staff)
        return payment


def acceptable(*, line: BankLine, staff: User) -> Proposal:
    """What the line is, if this member of staff may accept it now."""
    may_record(staff)
    current = BankLine.objects.get(pk=line.pk)
    _require(current, Status.OPEN)
    require_no_double(current)
    proposal = proposal_of(line)
    if proposal is None:
        raise Conflict("There is no proposal for this line: record it by hand")
    return proposal


def received_of(line: BankLine, parts: Sequence[Share] = ()) -> Received:
    """A line as the bank transfer that it is."""
    method = RecordedMethod.WIRE_TRANSFER
    return Received(method, line.day, line.currency, line.amount, parts, reference=_said(line))


def record_line(
    *,
    line: BankLine,
    account: Account,
    received: Received,
    at: datetime,
    staff: User,
    form_key: UUID | None = None,
) -> Payment:
    """The line is what staff say it is, of this account. Refuses another amount or currency than the line's,
    a line that may be a double, and what `record_payment` refuses."""
    may_record(staff)
    if (received.amount, received.currency) != (line.amount, line.currency):
        total = format_minor(line.amount, line.currency)
        raise Invalid(f"The line of the bank statement is over {total}", field="amount")
    with accounts.locked_account(account.pk) as locked:
        made = form_key and Payment.objects.filter(form_key=form_key).first()
        if made:
            return made
        current = _held(line, Status.OPEN)
        require_no_double(current)
        payment = book_received(locked, received, at=at, staff=staff, form_key=form_key)
        _book(current, payment, at=at, staff=staff)
        return payment


def dismiss_line(
    *, line: BankLine, reason: str, at: datetime, staff: User, double_of: BankLine | None = None
) -> None:
    """What came in is nothing of the customers', such as interest, or a double of another line. Refuses a
    missing reason, and a line that is not that one's double any more."""
    may_record(staff)
    reason = " ".join(accounts.required(reason).split())[:500]
    with transaction.atomic():
        current = _held(line, Status.OPEN)
        if double_of and current.double_of_id != double_of.pk:
            raise Conflict("This line is not marked as a double of that one any more")
        move(
            current,
            Status.DISMISSED,
            at=at,
            by=staff.actor,
            reason=reason,
            decided_by=staff,
            decided_at=at,
        )
        BankLine.objects.filter(pk=current.pk).update(reason=reason)


def undo_line(*, line: BankLine, at: datetime, staff: User) -> None:
    """Take back what was decided: a booking by its counter-entry, and the line is open again."""
    current = undecided(line=line, staff=staff)
    if current.payment is not None:
        undo_recording(payment=current.payment, reason=UNDONE, at=at, staff=staff)
        return
    with transaction.atomic():
        current = _held(line, Status.DISMISSED)
        BankLine.objects.filter(pk=current.pk).update(reason="")
        move(current, Status.OPEN, at=at, by=staff.actor, decided_by=None, decided_at=None)


def undecided(*, line: BankLine, staff: User) -> BankLine:
    """The line as it is now, if something was decided that this member of staff may take back."""
    may_record(staff)
    current = BankLine.objects.select_related("payment").get(pk=line.pk)
    _require(current, Status.BOOKED, Status.DISMISSED)
    return current


def dismissible(*, line: BankLine, staff: User) -> BankLine:
    """The line as it is now, if this member of staff may say that it is nobody's."""
    may_record(staff)
    current = BankLine.objects.get(pk=line.pk)
    _require(current, Status.OPEN)
    return current


def _held(line: BankLine, *statuses: Status) -> BankLine:
    """The row, held until the transaction ends. Call after the account's lock was taken."""
    current = BankLine.objects.select_for_update().get(pk=line.pk)
    _require(current, *statuses)
    return current


def _require(line: BankLine, *statuses: Status) -> None:
    if line.status not in statuses:
        raise Conflict(f"This line is {line.get_status_display().lower()}")


def _book(line: BankLine, payment: Payment, *, at: datetime, staff: User) -> None:
    move(line, Status.BOOKED, at=at, by=staff.actor, payment=payment, decided_by=staff, decided_at=at)


def _said(line: BankLine) -> str:
    """What the payer wrote, or who it was."""
    return (line.reference or line.payer_name)[:200]
