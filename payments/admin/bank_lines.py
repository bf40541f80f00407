"""The pages that ask before a line of a bank statement is accepted, dismissed or open again."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from accounts.admin.base import BackOfficeAdmin, staff_of
from accounts.admin.bulk import Effect, Question, SeenForm, ask_many, chosen
from accounts.admin.columns import link_to, link_to_page
from accounts.admin.confirming import Confirmation, ReasonForm, confirm, posted, refusal_of
from accounts.models import Account
from accounts.templatetags.wording import money, plain_money
from invoices.models import Invoice
from payments import operations
from payments.admin.bank_forms import AcceptForm
from payments.admin.wording import before_after, counted, summed
from payments.models import BankLine, Payment
from payments.operations.matching import Proposal


@dataclass(frozen=True)
class Shown:
    """A line on its statement's page."""

    line: BankLine
    proposal: Proposal | None

    @property
    def twin(self) -> SafeString | None:
        """The line that it may be, and what came of that one."""
        return _twin(self.line.double_of) if self.line.double_of else None

    @property
    def what(self) -> SafeString | None:
        """What it is proposed to be, as links."""
        return _what(self.proposal) if self.proposal else None


def _what(proposal: Proposal) -> SafeString:
    if proposal.promise:
        promise = proposal.promise
        return format_html("Promise {}", link_to_page("payments.payment", promise.pk, promise.reference))
    links = [(link_to_page("invoices.invoice", bill.pk, bill.number),) for bill in proposal.bills]
    word = "Invoice" if len(links) == 1 else "Invoices"
    return format_html("{} {}", word, format_html_join(", ", "{}", links))


def _twin(twin: BankLine) -> SafeString:
    """`$39.40 of 1 Sep 2025, booked`, with its text and its file."""
    named = link_to(twin, f"{plain_money(twin.amount, twin.currency)} of {twin.day:%-d %b %Y}")
    said = ", ".join(filter(None, (twin.payer_name, twin.reference))) or "without text"
    state = twin.get_status_display().lower()
    return format_html("{} in {} ({}): {}", named, link_to(twin.statement), state, said)


def _line_facts(line: BankLine) -> list[tuple[str, Any]]:
    return [
        *([("May be a double of", _twin(line.double_of))] if line.double_of else []),
        ("Came in on", f"{line.day.day} {line.day:%b %Y}"),
        ("Amount", money(line.amount, line.currency)),
        ("Payer", " ".join(filter(None, (line.payer_name, line.payer_account))) or "–"),
        ("Text", line.reference or "–"),
    ]


def _effect(line: BankLine, proposal: Proposal) -> Any:
    if proposal.promise:
        promise = Payment.objects.select_related("session").get(pk=proposal.promise.pk)
        return operations.effect_of_verifying(promise)
    invoices = Invoice.objects.in_bulk([bill.pk for bill in proposal.bills])
    parts = [(invoices[bill.pk], bill.amount) for bill in proposal.bills]
    return operations.effect_of_paying(Account.objects.get(pk=proposal.account), parts)


def ask_to_accept(lines: BackOfficeAdmin, request: HttpRequest, line: BankLine) -> HttpResponse:
    """What accepting would do. The button on the statement's page does it at once: it can be undone."""
    staff, total = staff_of(request), plain_money(line.amount, line.currency)
    refusal = refusal_of(lambda: operations.acceptable(line=line, staff=staff))
    facts, shown = _line_facts(line), ""
    if not refusal:
        proposal = operations.acceptable(line=line, staff=staff)
        effect, shown = _effect(line, proposal), proposal.code
        facts += [
            ("Proposal", _what(proposal)),
            ("Because", proposal.evidence),
            ("Account", link_to(effect.account)),
            (
                "Account balance",
                before_after(effect.balance_now, effect.balance_after, effect.account.currency),
            ),
        ]
    page = Confirmation(
        question=f"Accept the proposal for {total}?",
        facts=facts,
        button=f"Accept {total}",
        done=f"{total} is booked.",
        refusal=refusal,
    )

    def act(shown: str) -> str:
        payment = operations.accept_line(line=line, shown=shown, at=timezone.now(), staff=staff)
        return f"{total} is booked as payment {payment.reference} of {payment.account}."

    form = AcceptForm(posted(request), initial={"shown": shown})
    return confirm(lines, request, line.statement, page, form=form, act=act)


def ask_to_accept_many(lines: BackOfficeAdmin, request: HttpRequest) -> HttpResponse:
    """Several proposals at once, each on its own."""
    staff = staff_of(request)
    rows: QuerySet[BankLine] = BankLine.objects.filter(pk__in=chosen(lines, request, "accept_many"))
    asked = list(rows.order_by("pk"))
    beside = BankLine.objects.open().filter(statement__in={row.statement_id for row in asked})
    proposals = operations.proposals_for(list(beside))
    may_not = refusal_of(lambda: operations.may_record(staff))
    effects, sums = [], Counter[str]()
    for row in asked:
        proposal = proposals.get(row.pk)
        refusal = may_not or _why_not(row, proposal)
        if proposal and not refusal:
            sums[row.currency] += row.amount
        cells = (row.day, money(row.amount, row.currency), row.payer_name, *_told(proposal))
        effects.append(Effect(row, () if refusal else cells, refusal))
    possible = [row for row in asked if row.pk in proposals and not may_not]
    together = [f"Together {summed(sums.items())}. Each payer's receipt goes out."] if possible else []
    page = Question(
        question=f"Accept {counted(len(possible), 'proposal')}?",
        columns=("Day", "Amount", "Payer", "Proposal", "Because"),
        numbers=("Amount",),
        effects=effects,
        button=f"Accept {counted(len(possible), 'proposal')}",
        together=together,
        consequence="Each can be undone on its statement.",
    )

    def accept(row: BankLine, shown: str) -> str:
        payment = operations.accept_line(
            line=row, shown=proposals[row.pk].code, at=timezone.now(), staff=staff
        )
        return f"{plain_money(row.amount, row.currency)} is booked as payment {payment.reference}"

    shown = [(row.pk, proposals[row.pk].code) for row in possible]
    form = SeenForm(posted(request) if possible else None, rows=shown)
    return ask_many(lines, request, page, form=form, act=accept)


def _told(proposal: Proposal | None) -> tuple[Any, ...]:
    return (_what(proposal), proposal.evidence) if proposal else ("", "")


def _why_not(line: BankLine, proposal: Proposal | None) -> str:
    if line.status != BankLine.Status.OPEN:
        return f"This line is {line.get_status_display().lower()}"
    if line.double_of_id is not None:
        return "This line may be a double of another one: say first that it is none"
    return "" if proposal else "There is no proposal for this line: record it by hand"


def ask_to_dismiss(lines: BackOfficeAdmin, request: HttpRequest, line: BankLine) -> HttpResponse:
    """Not a customer's money, such as interest."""
    staff, total = staff_of(request), plain_money(line.amount, line.currency)
    twin = line.double_of
    page = Confirmation(
        question=f"Set {total} aside as a double?" if twin else f"Is {total} not ours?",
        facts=_line_facts(line),
        button=f"Leave {total} out",
        done=f"{total} is left out. Nothing was booked.",
        consequence="Nothing is booked. The line can be opened again.",
        refusal=refusal_of(lambda: operations.dismissible(line=line, staff=staff)),
    )

    def act(reason: str) -> None:
        operations.dismiss_line(line=line, reason=reason, at=timezone.now(), staff=staff, double_of=twin)

    form = ReasonForm(posted(request), initial={"reason": _why_double(twin)} if twin else {})
    return confirm(lines, request, line.statement, page, form=form, act=act)


def ask_to_set_aside_many(lines: BackOfficeAdmin, request: HttpRequest) -> HttpResponse:
    """Several doubles at once, each for the reason that it is one. They are no customer's money: a file that
    was imported in two formats is set aside whole."""
    staff = staff_of(request)
    rows = BankLine.objects.filter(pk__in=chosen(lines, request, "set_aside_many")).order_by("pk")
    may_not = refusal_of(lambda: operations.may_record(staff))
    effects, shown = [], []
    for row in rows.select_related("double_of__statement"):
        refusal = may_not or ("" if row.is_doubtful else "This line is not marked as a double")
        if not refusal and row.double_of:
            shown.append((row.pk, row.double_of_id))
            cells = (row.day, money(row.amount, row.currency), row.payer_name, _twin(row.double_of))
        effects.append(Effect(row, () if refusal else cells, refusal))
    doubles = counted(len(shown), "double")
    page = Question(
        question=f"Set {doubles} aside?",
        columns=("Day", "Amount", "Payer", "May be a double of"),
        numbers=("Amount",),
        effects=effects,
        button=f"Set {doubles} aside",
        consequence="Nothing is booked. Each can be undone on its statement.",
    )

    def act(row: BankLine, shown: str) -> str:
        twin = row.double_of
        reason = _why_double(twin) if twin else ""
        operations.dismiss_line(line=row, reason=reason, at=timezone.now(), staff=staff, double_of=twin)
        return f"{plain_money(row.amount, row.currency)} is set aside"

    form = SeenForm(posted(request) if shown else None, rows=shown)
    return ask_many(lines, request, page, form=form, act=act)


def _why_double(twin: BankLine) -> str:
    return f"A double of {twin} in {twin.statement}"


def ask_to_tell_apart(lines: BackOfficeAdmin, request: HttpRequest, line: BankLine) -> HttpResponse:
    """Both lines beside each other; then the line gets a proposal as any other."""
    staff, total = staff_of(request), plain_money(line.amount, line.currency)
    page = Confirmation(
        question=f"Is {total} a payment of its own?",
        facts=_line_facts(line),
        button=f"Take {total}",
        done=f"{total} is no double. It waits for you to say what it is.",
        consequence="Nothing is booked yet.",
        refusal=refusal_of(lambda: operations.doubtful(line=line, staff=staff)),
    )

    def act() -> None:
        operations.tell_apart(line=line, at=timezone.now(), staff=staff)

    return confirm(lines, request, line.statement, page, form=Form(posted(request)), act=act)


def ask_to_undo_line(lines: BackOfficeAdmin, request: HttpRequest, line: BankLine) -> HttpResponse:
    """What was booked is taken out by a counter-entry; the line is open again."""
    staff, total = staff_of(request), plain_money(line.amount, line.currency)

    def question() -> None:
        current = operations.undecided(line=line, staff=staff)
        if current.payment is not None:
            operations.reversible(payment=current.payment, staff=staff)

    page = Confirmation(
        question=f"Undo what was decided on {total}?",
        facts=[*_line_facts(line), ("Payment", link_to(line.payment) or "–")],
        button=f"Undo {total}",
        done=f"{total} is open again, and every balance is as it was before.",
        refusal=refusal_of(question),
    )

    def act() -> None:
        operations.undo_line(line=line, at=timezone.now(), staff=staff)

    return confirm(lines, request, line.statement, page, form=Form(posted(request)), act=act)
