"""Mistakes in sending money back, in comparing with the provider, and in assigning money of nobody's."""

from tests.mutation.mutant import Mutant

PAYMENTS = "tests/payments"
REFUNDING = (f"{PAYMENTS}/test_operations_refunding.py",)
IN_DOUBT = (f"{PAYMENTS}/test_refunds_in_doubt.py", *REFUNDING)
TAKING_BACK = (f"{PAYMENTS}/test_operations_taking_back.py", *REFUNDING)
COMPARING = (f"{PAYMENTS}/test_operations_comparing.py",)
RELEASING = (f"{PAYMENTS}/test_operations_releasing.py",)
CHARGED_BACK = (f"{PAYMENTS}/test_chargebacks.py",)
DISPUTED = (f"{PAYMENTS}/test_disputes.py",)


def refunding(name: str, old: str, new: str, killers: tuple[str, ...] = REFUNDING) -> Mutant:
    return Mutant(f"refund: {name}", "payments/operations/refunding.py", old, new, killers)


def taking_back(name: str, old: str, new: str) -> Mutant:
    return Mutant(f"take back: {name}", "payments/operations/taking_back.py", old, new, TAKING_BACK)


def comparing(name: str, old: str, new: str) -> Mutant:
    return Mutant(f"compare: {name}", "payments/operations/comparing.py", old, new, COMPARING)


def charging_back(
    name: str, file: str, old: str, new: str, killers: tuple[str, ...] = CHARGED_BACK
) -> Mutant:
    return Mutant(f"chargeback: {name}", f"payments/{file}.py", old, new, killers)


def assigning(name: str, old: str, new: str) -> Mutant:
    return Mutant(f"assign: {name}", "payments/operations/releasing.py", old, new, RELEASING)


def telling(name: str, old: str, new: str) -> Mutant:
    return Mutant(f"refund issue: {name}", "payments/operations/issues.py", old, new, IN_DOUBT)


ASKING = (
    refunding("any staff may do it", "    accounts.acting(staff, PERMISSION)\n", ""),
    refunding("nobody says why", "    reason = accounts.required(reason)\n", ""),
    refunding("not to the last unit", "if not 0 < amount <= left:", "if not 0 < amount < left:"),
    refunding("more than is left", "if not 0 < amount <= left:", "if not 0 < amount:"),
    refunding(
        "unassigned money goes back in parts",
        "if account is None and amount != left:",
        "if False:",
        RELEASING,
    ),
    refunding(
        "what is reserved can be sent back again",
        "taken = payment.refunds.counting()",
        "taken = payment.refunds.filter(status=Status.DONE)",
    ),
    refunding(
        "a failed refund keeps its reservation",
        "taken = payment.refunds.counting()",
        "taken = payment.refunds.all()",
    ),
    refunding(
        "of a promise",
        "REFUNDABLE = (Payment.Status.CAPTURED,",
        "REFUNDABLE = (Payment.Status.PENDING, Payment.Status.CAPTURED,",
    ),
    refunding("only once", "Payment.Status.PARTIALLY_REFUNDED, Payment.Status.UNASSIGNED)", "'unassigned')"),
    refunding(
        "another key than the uuid",
        "PROVIDERS[refund.provider.code], str(refund.uuid)",
        "PROVIDERS[refund.provider.code], str(refund.pk)",
    ),
    refunding(
        "asked for again without a look",
        "    made = _found(refund)\n    if made is not None:\n        return made\n    try:\n",
        "    try:\n",
        IN_DOUBT,
    ),
    refunding(
        "a refusal is believed without a look",
        "        made = _found(refund)  # an earlier question of ours may have arrived meanwhile\n",
        "        made = None\n",
        IN_DOUBT,
    ),
    refunding(
        "a refused look is taken for a refused refund",
        "        raise ProviderUnavailable(str(error)) from error\n",
        "        raise\n",
        IN_DOUBT,
    ),
    refunding("any refund of the payment is ours", "if one.key == str(refund.uuid)), None)", "), None)"),
)

BOOKING = (
    refunding("pending is taken for done", 'if seen.state == "pending":', "if False:", IN_DOUBT),
    refunding(
        "failed is taken for done",
        '    if seen.state == "failed":\n        move(',
        "    if False:\n        move(",
    ),
    refunding("ended twice", "if current.status != Status.REQUESTED:", "if False:", IN_DOUBT),
    refunding("another amount is booked", "elif seen.amount != _amount(current):", "elif False:", IN_DOUBT),
    refunding(
        "what staff heard before hides that it failed",
        "        close_refund_issues(current, at=at)\n",
        "",
        IN_DOUBT,
    ),
    refunding(
        "money is nobody's because it was when it was read",
        ".account_id == owner:",
        ".pk:",
        RELEASING,
    ),
    refunding("a part is taken for all", "if done == payment.amount:", "if done:"),
    refunding(
        "what is not done yet counts as sent back",
        'done = payment.refunds.filter(status=Status.DONE).aggregate(total=Sum("amount"))["total"]\n',
        'done = payment.refunds.counting().aggregate(total=Sum("amount"))["total"]\n',
        IN_DOUBT,
    ),
    refunding("the second part is refused", "elif payment.status == Payment.Status.CAPTURED:", "else:"),
    refunding("the credit is not noted", "credit_amount=credit,", "credit_amount=0,"),
    refunding("nobody tells the payer", 'enqueue(REFUNDED, {"refund": refund.pk}, at=at)', "None"),
    refunding(
        "another amount is looked at every minute",
        "update(look_again_at=_next_look(current, at=at))",
        "update(outcome='')",
        IN_DOUBT,
    ),
    refunding("looked at again at once", "if since + look > at)", "if since + look >= at)", IN_DOUBT),
    refunding(
        "staff hear of silence too late",
        "at - refund.created_at >= PATIENCE",
        "at - refund.created_at > PATIENCE",
    ),
    refunding(
        "ours are not ended before foreign ones",
        "        pursue(refund=refund, at=at, by=by)\n    found",
        "        pass\n    found",
    ),
    refunding("a foreign one is booked before it is done", 'if seen.state == "done" and', "if", IN_DOUBT),
    refunding(
        "a foreign one is booked twice",
        "    if Refund.objects.filter(provider_id=payment.provider_id, reference=seen.reference).exists():\n",
        "    if False:\n",
        IN_DOUBT,
    ),
    refunding(
        "ours is taken for a foreign one",
        "return seen.key not in {",
        "return seen.reference not in {",
        IN_DOUBT,
    ),
    taking_back("credit is not taken first", "credit = min(amount, credit_left(payment))", "credit = 0"),
    taking_back("the oldest invoice first", '-row["invoice_id"])', 'row["invoice_id"])'),
    taking_back(
        "what credit paid first", '(row["payment_id"] is None, -', '(row["payment_id"] is not None, -'
    ),
    taking_back("more than was on an invoice", 'share = min(left, row["net"])', "share = left"),
    taking_back(
        "an invoice stays paid", "invoice.paid_amount - share.amount, account", "invoice.paid_amount, account"
    ),
    taking_back(
        "what credit had paid is no credit", "credit += share.amount if share.credit_id else 0", "credit += 0"
    ),
    taking_back("credit in use goes back", "return kept - used - (back or 0)", "return kept - (back or 0)"),
    taking_back("credit goes back twice", "return kept - used - (back or 0)", "return kept - used"),
    telling(
        "closed while one is undecided", "if not refund.payment.refunds.unfinished().exists():", "if True:"
    ),
    telling(
        "of another kind is closed too",
        "filter(payment=refund.payment, kind=kind, resolved_at=None)",
        "filter(payment=refund.payment, resolved_at=None)",
    ),
    telling("one for all payments", '{"session": None, "payment": payment}', '{"session": None}'),
)

COMPARED = (
    comparing("no overlap", "last.until - OVERLAP if last", "last.until if last"),
    comparing("a payment may not lag", "captured_at__lte=at - LAG", "captured_at__lte=at"),
    comparing("a refund may not lag", "ended_at__lte=at - LAG", "ended_at__lte=at"),
    comparing(
        "payments in one direction",
        "    differing += _missing_payments(row, theirs, since=since, at=at)\n",
        "",
    ),
    comparing(
        "refunds in one direction",
        "    differing += _missing_refunds(row, theirs, since=since, at=at)\n",
        "",
    ),
    comparing(
        "foreign refunds stay unbooked",
        "        find_refunds(payment=payment, at=at)\n",
        "        pass\n",
    ),
    comparing(
        "a refund of no payment of ours is passed over",
        "            _tell_foreign(row, moved, at=at)\n",
        "            pass\n",
    ),
    comparing(
        "refunds before their captures",
        "theirs = sorted(PROVIDERS[row.code].transactions(since=since, until=at), key=lambda one: one.kind)",
        "theirs = list(PROVIDERS[row.code].transactions(since=since, until=at))",
    ),
    comparing(
        "a refund that a report leaves out is missing",
        'return next((one.state for one in listed if one.reference == refund.reference), "")',
        'return ""',
    ),
    comparing(
        "a refund that came back is still done",
        'if state == "done":\n            continue',
        "if state:\n            continue",
    ),
    comparing(
        "a refund that came back is told in other words each time",
        'if state == "failed":',
        'if state == "nothing":',
    ),
    comparing(
        "another capture of the session will do",
        "return seen.state is State.CAPTURED and seen.capture_reference == payment.reference",
        "return seen.state is State.CAPTURED",
    ),
    comparing(
        "another amount agrees",
        "if from_minor(payment.amount, payment.currency) == moved.amount:",
        "if True:",
    ),
    comparing(
        "one silent provider keeps the others from it",
        "except (ProviderUnavailable, ProviderRefused):",
        "except ProviderRefused:",
    ),
)

ASSIGNED = (
    assigning("any staff may do it", "    accounts.acting(staff, ASSIGN)\n", ""),
    assigning("nobody says why", "    reason = accounts.required(reason)\n    with", "    with"),
    assigning("what is going back", "if current.refunds.counting().exists():", "if False:"),
    assigning(
        "a refund that failed forbids it",
        "if current.refunds.counting().exists():",
        "if current.refunds.exists():",
    ),
    assigning("twice", "if current.status != Payment.Status.UNASSIGNED:", "if False:"),
)

TAKEN_BACK = (
    charging_back(
        "the payer is told that we sent it",
        "operations/refunding",
        "    if refund.kind == Kind.REFUND:  # of",
        "    if True:  # of",
    ),
    charging_back(
        "a refund on its way loses its room",
        "operations/refunding",
        "left = left_of(payment) if kind == Kind.CHARGEBACK else payment.amount - done",
        "left = payment.amount - done",
    ),
    charging_back(
        "more than is left is booked",
        "operations/refunding",
        "        if amount <= 0 or amount > left:",
        "        if False:",
    ),
    charging_back(
        "told of again each day",
        "operations/charging_back",
        "    if Refund.objects.filter(provider=row, reference=moved.reference).exists():\n",
        "    if False:\n",
    ),
    charging_back(
        "another currency is booked",
        "operations/charging_back",
        "    if moved.amount.currency.code == payment.currency:\n",
        "    if True:\n",
    ),
    charging_back(
        "one of nothing is of a refund without a reference",
        "operations/charging_back",
        ".filter(about, provider=row).first() if reference else None",
        ".filter(about, provider=row).first()",
    ),
    charging_back(
        "missing since no list of refunds has it",
        "operations/comparing",
        "        kind=Refund.Kind.REFUND,\n",
        "",
    ),
    charging_back(
        "what came back is missing at the provider",
        "operations/comparing",
        'if one.kind in ("capture", "reinstated")}',
        'if one.kind == "capture"}',
    ),
    charging_back(
        "what came back is booked each day",
        "operations/comparing",
        "    if Payment.objects.filter(provider=row, reference=moved.reference).exists():\n",
        "    if False:\n",
    ),
    charging_back(
        "both ways of a dispute have its name",
        "providers/stripe",
        'reference, units = entry["id"], abs(',
        'reference, units = source["id"], abs(',
        DISPUTED,
    ),
    charging_back(
        "whichever way it went",
        "providers/paypal",
        'return "chargeback" if value < 0 else "reinstated"',
        'return "chargeback"',
        DISPUTED,
    ),
    charging_back(
        "a dispute of nobody's money is not told",
        "operations/charging_back",
        "about = Q(reference=reference) | Q(session__reference=reference)",
        "about = Q(session__reference=reference)",
        DISPUTED,
    ),
)

MUTANTS = (*ASKING, *BOOKING, *COMPARED, *ASSIGNED, *TAKEN_BACK)
