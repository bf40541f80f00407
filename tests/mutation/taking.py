"""Mistakes in taking money: claiming, completing, settling and booking."""

from tests.mutation.mutant import Mutant

PAYMENTS = "tests/payments"
SETTLING = (f"{PAYMENTS}/test_operations_settling.py", f"{PAYMENTS}/test_undecided.py")
COMPLETING = (f"{PAYMENTS}/test_operations_completing.py", f"{PAYMENTS}/test_reconcile.py")
CLAIMING = (f"{PAYMENTS}/test_operations_claiming.py", *COMPLETING)
MISFITS = (f"{PAYMENTS}/test_money_that_does_not_fit.py", f"{PAYMENTS}/test_operations_settling.py")
VERIFYING = (f"{PAYMENTS}/test_operations_verifying.py",)
REFUSED = (f"{PAYMENTS}/test_refusals_at_the_provider.py", f"{PAYMENTS}/test_provider_faults.py")
ENDING = (f"{PAYMENTS}/test_ending_sessions.py",)


def settling(name: str, old: str, new: str, killers: tuple[str, ...] = SETTLING) -> Mutant:
    return Mutant(f"settle: {name}", "payments/operations/settling.py", old, new, killers)


def booking(name: str, old: str, new: str, killers: tuple[str, ...] = SETTLING) -> Mutant:
    return Mutant(f"book: {name}", "payments/operations/booking.py", old, new, killers)


def claiming(name: str, old: str, new: str, killers: tuple[str, ...] = CLAIMING) -> Mutant:
    return Mutant(f"claim: {name}", "payments/operations/claiming.py", old, new, killers)


def completing(name: str, old: str, new: str, killers: tuple[str, ...] = COMPLETING) -> Mutant:
    return Mutant(f"complete: {name}", "payments/operations/completing.py", old, new, killers)


MUTANTS = (
    settling(
        "a capture is booked only for a session that is capturing",
        "if seen.state is State.CAPTURED:",
        "if seen.state is State.CAPTURED and was_capturing:",
    ),
    settling(
        "what was seen before a claim undoes it",
        "elif is_stale:",
        "elif False:",
        (*COMPLETING, *SETTLING, *REFUSED),
    ),
    settling(
        "nobody knows is taken for a decline",
        "elif seen.state is State.AWAITING_PAYER and was_capturing:",
        "elif seen.state in (State.AWAITING_PAYER, State.UNKNOWN) and was_capturing:",
        (f"{PAYMENTS}/test_provider_faults.py", *COMPLETING),
    ),
    settling(
        "a decline keeps the invoice",
        "            free(session, covered)\n            move(\n",
        "            move(\n",
        COMPLETING,
    ),
    settling(
        "nobody knows is taken for failed",
        "elif seen.state is State.FAILED and session.status in",
        "elif seen.state in (State.FAILED, State.UNKNOWN) and session.status in",
        (f"{PAYMENTS}/test_provider_faults.py", *COMPLETING),
    ),
    settling(
        "a failed session keeps its invoice",
        "            if was_capturing:\n                free(session, covered)\n",
        "",
        (*SETTLING, *COMPLETING),
    ),
    settling(
        "what a provider has not decided keeps no invoice",
        "elif seen.state is State.PENDING and session.status == Status.INITIATED and",
        "elif False and",
        (*SETTLING, *COMPLETING),
    ),
    settling(
        "issues stay open when the session ends",
        "        if session.has_ended:\n            close_issues",
        "        if False:\n            close_issues",
        (f"{PAYMENTS}/test_reconcile.py", *MISFITS),
    ),
    settling("staff hear of silence too late", "if at - since >= PATIENCE:", "if at - since > PATIENCE:"),
    settling(
        "staff do not hear of a hold that does not fit",
        "elif seen.state is State.CAPTURABLE and (wrong := differences(session, seen)):",
        "elif False and (wrong := differences(session, seen)):",
        MISFITS,
    ),
    settling(
        "a silent provider is never asked again",
        "looked_at=at, look_again_at=later, **told",
        "looked_at=at, look_again_at=None, **told",
        (*SETTLING, f"{PAYMENTS}/test_reconcile.py"),
    ),
    booking(
        "seen twice is booked twice",
        "if known is not None and known.status != Payment.Status.PENDING:",
        "if False:",
        (*SETTLING, *COMPLETING),
    ),
    booking("what differs is booked all the same", "    if wrong:\n", "    if False:\n", MISFITS),
    booking(
        "more than was asked for fits",
        "if seen.amount != expected:",
        "if seen.amount is None or seen.amount < expected:",
        MISFITS,
    ),
    booking("another session's money fits", "if seen.session != str(session.uuid):", "if False:", MISFITS),
    booking("test money fits live books", "if seen.is_live != provider.is_live():", "if False:", MISFITS),
    booking(
        "a verified promise stays reserved",
        "if session.status in (Status.CAPTURING, Status.PENDING_VERIFICATION):",
        "if session.status == Status.CAPTURING:",
        VERIFYING,
    ),
    booking(
        "the order's id in place of the capture's",
        "        reference=seen.capture_reference,\n        currency=session.currency,",
        "        reference=seen.reference,\n        currency=session.currency,",
        (*SETTLING, f"{PAYMENTS}/test_operations_completing.py"),
    ),
    booking("a surplus is lost", "    if left:\n", "    if False:\n", (*SETTLING, *COMPLETING)),
    booking("nobody gets a receipt", 'enqueue(RECEIPT, {"payment": payment.pk}, at=at)', "None", COMPLETING),
    booking(
        "a closed invoice takes money",
        "invoice.open_balance if invoice.status == Invoice.Status.SENT else 0",
        "invoice.open_balance",
    ),
    booking(
        "an invoice takes more than the payment covers of it",
        "share = min(item.amount, open_balance, left)",
        "share = min(open_balance, left)",
    ),
    booking(
        "an invoice takes more than is open",
        "share = min(item.amount, open_balance, left)",
        "share = min(item.amount, left)",
    ),
    booking("all invoices share the whole payment", "        left -= share\n", ""),
    booking(
        "a second payment replaces the first",
        "invoice.paid_amount + share, account",
        "share, account",
        (*SETTLING, *COMPLETING),
    ),
    booking(
        "nothing of a collection's later invoices is paid",
        "        if share <= 0:\n            continue",
        "        if share <= 0:\n            break",
    ),
    booking("an amount of nothing is booked", "and minor > 0:", "and minor >= 0:", MISFITS),
    booking(
        "money that does not fit keeps no invoice",
        "        if session.status == Status.INITIATED:\n            _keep_invoices",
        "        if False:\n            _keep_invoices",
        MISFITS,
    ),
    booking(
        "money that does not fit claims what cannot be claimed",
        "    if is_claimable(covered):",
        "    if True:",
        MISFITS,
    ),
    booking(
        "staff do not hear of a surplus",
        "    open_issue(\n        ReconciliationIssue.Kind.SURPLUS,",
        "    dict(\n        kind=ReconciliationIssue.Kind.SURPLUS, known=",
    ),
    booking(
        "the trail does not tell of a payment",
        '    record(payment, f"payment.{payment.status}", at=at, by=by, after=after)\n',
        "",
        (*SETTLING, *COMPLETING, *MISFITS),
    ),
    booking(
        "the trail does not tell of a credit",
        'record(credit, "credit.kept", at=at, by=by,',
        "dict(",
    ),
    claiming(
        "two sessions pay one invoice",
        '        raise Conflict(f"Invoice {number} is being paid right now")',
        "        pass",
    ),
    claiming(
        "a balance that has changed is paid",
        "if item.amount > item.invoice.open_balance:",
        "if False:",
    ),
    claiming("a closed invoice is paid", "        require_payable(item.invoice)\n", ""),
    claiming(
        "a claim reserves nothing",
        "        invoices.reserve(item.invoice, item.amount)",
        "        pass",
    ),
    claiming("a claim is not written down", ".update(is_claimed=True)", ".update(is_claimed=False)"),
    claiming(
        "what was reserved is never released",
        "        invoices.release(item.invoice, item.amount)",
        "        pass",
    ),
    claiming("a claim is never given up", "        is_claimed=False\n", "        is_claimed=True\n"),
    claiming(
        "the payer is forgotten",
        "payer_id=by.user_id or session.payer_id",
        "payer_id=by.user_id",
    ),
    completing(
        "a second click captures again",
        "else (Status.INITIATED,)):",
        "else (Status.INITIATED, Status.CAPTURING)):",
    ),
    completing(
        "a promise for what cannot be paid",
        "        require_claimable(covered)\n        _require_first(session)",
        "        _require_first(session)",
    ),
    completing(
        "a hold that does not fit is captured",
        "if seen.state is not State.CAPTURABLE or differences(session, seen):",
        "if seen.state is not State.CAPTURABLE:",
        MISFITS,
    ),
    completing(
        "each try has a key of its own",
        "amount=amount, key=str(call.uuid))",
        "amount=amount, key=str(uuid4()))",
    ),
    completing(
        "what is refused again and again stays open",
        "        if seen.state is State.CAPTURABLE:\n            seen = provider.cancel",
        "        if False:\n            seen = provider.cancel",
        REFUSED,
    ),
    completing(
        "a lost answer is taken for failed",
        "        seen = Observation(state=State.UNKNOWN, reference=session.reference, status=type",
        "        seen = Observation(state=State.FAILED, reference=session.reference, status=type",
    ),
    completing(
        "a promise reserves nothing",
        "        invoices.reserve(item.invoice, item.amount)",
        "        pass",
        VERIFYING,
    ),
    completing(
        "a promise is no payment",
        "    book_promise(session, at=at, by=by)\n",
        "",
        VERIFYING,
    ),
    completing(
        "after a crash another key is used",
        "return last if last is not None and last.answered_at is None else _capture_call(current, at=at)",
        "return _capture_call(current, at=at)",
        (f"{PAYMENTS}/test_reconcile.py", *COMPLETING),
    ),
    completing(
        "a declined instrument is charged again behind the payer's back",
        "if session.provider_status == INSTRUMENT_DECLINED:",
        "if False:",
        (*REFUSED, *COMPLETING),
    ),
    completing(
        "a payment that is forgotten amid its capture has failed",
        "        if session.status == Status.CAPTURING:\n            raise\n",
        "",
        (*COMPLETING, *ENDING, *REFUSED),
    ),
)
