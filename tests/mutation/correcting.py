"""Mistakes in what staff book: credit notes, write-offs, recorded payments, bank statements."""

from tests.mutation.mutant import Mutant

PAYMENTS = "tests/payments"
CORRECTING = (f"{PAYMENTS}/test_operations_correcting.py",)
RECORDING = (f"{PAYMENTS}/test_operations_recording.py",)
ACCEPTING = (f"{PAYMENTS}/test_operations_accepting.py",)
MATCHING = (f"{PAYMENTS}/test_matching.py",)
DOUBLES = (f"{PAYMENTS}/test_doubles.py",)
HOLDING = (f"{PAYMENTS}/test_invariants.py",)
ANY_ORDER = (f"{PAYMENTS}/test_back_office_in_any_order.py",)
LOCKED = (f"{PAYMENTS}/test_operations_locked.py",)


def correcting(name: str, old: str, new: str, killers: tuple[str, ...] = CORRECTING) -> Mutant:
    return Mutant(f"correct: {name}", "payments/operations/correcting.py", old, new, killers)


def holding(name: str, old: str, new: str = "") -> Mutant:
    return Mutant(f"corrections hold: {name}", "payments/operations/corrections_hold.py", old, new, HOLDING)


def recording(name: str, old: str, new: str, killers: tuple[str, ...] = RECORDING) -> Mutant:
    return Mutant(f"record: {name}", "payments/operations/recording.py", old, new, killers)


def accepting(name: str, old: str, new: str, killers: tuple[str, ...] = ACCEPTING) -> Mutant:
    return Mutant(f"bank line: {name}", "payments/operations/accepting.py", old, new, killers)


def matching(name: str, old: str, new: str) -> Mutant:
    return Mutant(f"match: {name}", "payments/operations/matching.py", old, new, MATCHING)


def importing(name: str, old: str, new: str, killers: tuple[str, ...] = ACCEPTING) -> Mutant:
    return Mutant(f"import: {name}", "payments/operations/importing.py", old, new, killers)


def doubling(name: str, old: str, new: str) -> Mutant:
    return Mutant(f"double: {name}", "payments/operations/doubles.py", old, new, DOUBLES)


# The first two leave books that are sound, with other numbers in them.
MUTANTS = (
    correcting("all of it is kept", "put = min(total, invoice.open_balance)", "put = 0", ANY_ORDER),
    Mutant(
        "correct: sent back from invoices before credit",
        "payments/operations/taking_back.py",
        "credit = min(amount, credit_left(payment))",
        "credit = 0",
        ANY_ORDER,
    ),
    correcting("any staff credit", "by = accounts.acting(staff, CREDIT)\n", "by = staff.actor\n"),
    correcting(
        "who credits may write off",
        "by, reason = accounts.acting(staff, WRITE_OFF)",
        "by, reason = accounts.acting(staff, CREDIT)",
    ),
    correcting(
        "who credits may undo a write-off",
        '    """The write-off as it is now, if this member of staff may undo it."""\n'
        "    accounts.acting(staff, WRITE_OFF)\n",
        "    accounts.acting(staff, CREDIT)\n",
    ),
    correcting(
        "credited without the lock",
        "with accounts.locked_account(invoice.account_id) as account:\n        current = _issued",
        "account = invoice.account\n    if True:\n        current = _issued",
        LOCKED,
    ),
    correcting(
        "written off without the lock",
        "with accounts.locked_account(invoice.account_id) as account:\n        current = _open_for",
        "account = invoice.account\n    if True:\n        current = _open_for",
        LOCKED,
    ),
    correcting(
        "undone without the lock",
        "with accounts.locked_account(row.invoice.account_id) as account:",
        "account = row.invoice.account\n    if True:",
        LOCKED,
    ),
    correcting("written off and credited besides", "return credited + given_up", "return credited"),
    correcting(
        "an undone write-off counts",
        "invoice.write_offs.filter(undone_at=None)",
        "invoice.write_offs.all()",
    ),
    correcting(
        "credit used elsewhere is not owed",
        "invoice.total_amount - _corrected(invoice) + used)",
        "invoice.total_amount - _corrected(invoice))",
    ),
    correcting(
        "credit used on its own invoice is owed again",
        "credit__credit_note__invoice=invoice).exclude(invoice=invoice)",
        "credit__credit_note__invoice=invoice)",
    ),
    correcting("credited twice", "if known_left is not None and known_left != left:", "if False:"),
    correcting("written off twice", "        require_known(current, known_open)\n", ""),
    correcting(
        "what was paid is written off",
        "if not 0 < amount <= left_to_write_off(current):",
        "if not 0 < amount <= current.total_amount:",
    ),
    correcting(
        "beside a payment nothing of what is open",
        "if invoice.reserved_amount and total > invoice.open_balance:",
        "if invoice.reserved_amount:",
    ),
    correcting(
        "what a payment keeps is credited",
        "if invoice.reserved_amount and total > invoice.open_balance:",
        "if False:",
    ),
    correcting("what is left over is lost", "return put, total - put", "return put, 0"),
    correcting("undone with the sign of making", "amount=-current.amount)", "amount=current.amount)"),
    correcting("attempts go on", "    end_larger_attempts(invoice, at=at)\n", ""),
    correcting("credit leaves no trace", '    record(credit, "credit.kept", at=at, by=by, after=told)\n', ""),
    correcting(
        "foreseen with the wrong sign", "account.balance_due - settled,", "account.balance_due + settled,"
    ),
    holding("any tax is right", ' | Q(tax_off__gt=F("tax_amount"))'),
    holding("a write-off counts beside nothing", ' + total(given_up, "invoice")'),
    recording("anybody may", "    accounts.acting(staff, PERMISSION)\n", "    pass\n"),
    recording(
        "pressed twice",
        "made = form_key and Payment.objects.filter(form_key=form_key).first()",
        "made = None",
    ),
    recording(
        "without the lock",
        "with accounts.locked_account(account.pk) as locked:",
        "locked = account\n    if True:",
        LOCKED,
    ),
    recording(
        "tomorrow's, by the clock",
        "if received.received_date > Organization.objects.get().today(at):",
        "if received.received_date > at.date():",
    ),
    recording("nothing", "    if received.amount <= 0:\n", "    if received.amount < 0:\n"),
    recording(
        "what was paid before is forgotten", "paid = invoice.paid_amount + part.amount", "paid = part.amount"
    ),
    recording("a customer's payment is undone", "    if not current.is_recorded:\n", "    if False:\n"),
    recording("credit that was used is taken", "    if used:\n", "    if False:\n"),
    recording(
        "the line of the bank stays booked",
        "        move(line, BankLine.Status.OPEN, at=at, by=staff.actor, reason=reason, **free)\n",
        "        pass\n",
        ACCEPTING,
    ),
    accepting("another proposal than was seen", "    if proposal.code != shown:\n", "    if False:\n"),
    accepting(
        "in any currency",
        "if (received.amount, received.currency) != (line.amount, line.currency):",
        "if received.amount != line.amount:",
    ),
    accepting(
        "pressed twice",
        "made = form_key and Payment.objects.filter(form_key=form_key).first()",
        "made = None",
    ),
    accepting(
        "booked twice",
        "        current = _held(line, Status.OPEN)\n        require_no_double",
        "        current = line\n        require_no_double",
    ),
    accepting("anybody dismisses", '    may_record(staff)\n    reason = " "', '    reason = " "'),
    accepting("its day is today's", "received_date=current.day,", "received_date=at.date(),"),
    accepting(
        "a payment on its way is proposed again",
        "return invoice.open_balance if",
        "return invoice.total_amount - invoice.paid_amount if",
    ),
    accepting(
        "without the lock",
        "with accounts.locked_account(proposal.account) as account:",
        "account = Account.objects.get(pk=proposal.account)\n    if True:",
        LOCKED,
    ),
    matching(
        "a promise in any currency",
        "if (one.amount, one.currency) == (line.amount, line.currency)",
        "if one.amount == line.amount",
    ),
    matching("invoices of two companies", " and len({bill.account for bill in fitting}) == 1:", ":"),
    importing("any staff may", "    may_record(staff)\n    sha256", "    sha256"),
    importing("the same file again", "BankStatement.objects.filter(sha256=sha256).exists()", "False"),
    importing(
        "in another format it is not known", "            mark_doubles(lines, known=known)\n", "", DOUBLES
    ),
    doubling("anybody tells apart", "    may_record(staff)\n", ""),
    doubling("what this file names itself is a double", "row.key not in known and ", ""),
    doubling("of any bank account", " and is_same_account(row.bank_account, lines[0].bank_account)", ""),
    doubling("one twin for all", " and twin.pk not in taken", ""),
    doubling(
        "a line that was set aside is real",
        ".exclude(double_of__isnull=False, status=BankLine.Status.DISMISSED)",
        "",
    ),
    doubling(
        "of two that differ the wrong one is new", " and words[id(line)] != words[id(other)]", " and False"
    ),
    doubling(
        "a double is booked",
        "    if line.double_of_id is not None:\n        raise",
        "    if False:\n        raise",
    ),
    doubling(
        "told apart without a trace",
        '        record(current, "bankline.told_apart", at=at, by=staff.actor, before=before, after=after)\n',
        "",
    ),
    importing("any amount", "if abs(entry.amount) > LARGEST:", "if False:"),
)
