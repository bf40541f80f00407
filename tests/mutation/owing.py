"""Mistakes below payments: charges, numbers, invoices, what is paid on them, amounts and moves."""

from tests.mutation.mutant import Mutant

ACCOUNTS = ("tests/accounts/test_operations.py",)
INVOICES = ("tests/invoices/test_operations.py",)
RESTORING = ("tests/accounts/test_restoring.py",)
AMOUNTS = ("tests/core/test_money.py",)
SETTLED = (
    "tests/invoices/test_reserving.py",
    *INVOICES,
    "tests/payments/test_operations_settling.py",
    "tests/accounts/test_operations.py",
)


def charging(name: str, old: str, new: str, killers: tuple[str, ...] = ACCOUNTS) -> Mutant:
    return Mutant(f"charge: {name}", "accounts/operations/charging.py", old, new, killers)


def numbering(name: str, old: str, new: str) -> Mutant:
    return Mutant(f"number: {name}", "accounts/operations/numbering.py", old, new, (*ACCOUNTS, *INVOICES))


def restoring(name: str, old: str, new: str) -> Mutant:
    return Mutant(f"restore: {name}", "accounts/operations/restoring.py", old, new, RESTORING)


def paying(name: str, old: str, new: str, killers: tuple[str, ...] = SETTLED) -> Mutant:
    return Mutant(f"invoice: {name}", "invoices/operations/settling.py", old, new, killers)


def issuing(name: str, old: str, new: str) -> Mutant:
    return Mutant(f"issue: {name}", "invoices/operations/issuing.py", old, new, INVOICES)


def freezing(name: str, old: str, new: str) -> Mutant:
    return Mutant(f"issue: {name}", "invoices/operations/freezing.py", old, new, INVOICES)


def money(name: str, old: str, new: str) -> Mutant:
    return Mutant(f"money: {name}", "core/money.py", old, new, AMOUNTS)


MUTANTS = (
    charging(
        "one cent over the limit",
        "account.balance_due + worth <= account.credit_limit:",
        "account.balance_due + worth <= account.credit_limit + 1:",
    ),
    charging(
        "up to the limit but not the last cent",
        "account.balance_due + worth <= account.credit_limit:",
        "account.balance_due + worth < account.credit_limit:",
    ),
    charging(
        "what was paid makes no room",
        "account.balance_due + worth <= account.credit_limit:",
        "account.total_amount + worth <= account.credit_limit:",
    ),
    charging("anybody overrides", 'if by.kind not in ("staff", "system"):', "if False:"),
    charging("a charge of nothing", "    if minor <= 0:", "    if minor < 0:"),
    charging("another currency", "if amount.currency.code != region.currency:", "if False:"),
    charging(
        "a closed account",
        "if account.status != Account.Status.ACTIVE:",
        "if account.status == Account.Status.SUSPENDED:",
    ),
    charging("an overdue account", "        if overdue.exists():", "        if False:"),
    charging(
        "at one to one",
        '        raise Invalid(f"There is no exchange rate from {base} to {quote}", field="amount")',
        "        return Decimal(1)",
    ),
    charging(
        "worth is the amount",
        "worth = convert(minor, region.currency, account.currency, rate)",
        "worth = minor",
    ),
    charging("a blank reason overrides", "override_reason = override_reason.strip()", "pass"),
    charging(
        "the total grows by the foreign amount",
        "account.total_amount += line.account_amount",
        "account.total_amount += line.amount",
    ),
    charging(
        "an override looks like any charge",
        '"account.charged_over_limit" if over else "account.charged"',
        '"account.charged"',
    ),
    charging(
        "the account is paid twice over",
        "moved += worth - line.settled_account_amount",
        "moved += worth",
        SETTLED,
    ),
    charging("settled at one to one", "worth = line.worth_of(amount)", "worth = amount", SETTLED),
    charging(
        "the account's paid amount stands still",
        '        account.save(update_fields=["paid_amount"])\n',
        "",
        SETTLED,
    ),
    Mutant(
        "charge: part settlements round up",
        "accounts/models/account.py",
        "return self.account_amount * settled // self.amount",
        "return -(-self.account_amount * settled // self.amount)",
        SETTLED,
    ),
    Mutant(
        "charge: credit goes below zero",
        "accounts/models/account.py",
        "return max(0, self.credit_limit - self.balance_due)",
        "return self.credit_limit - self.balance_due",
        ("tests/accounts/test_operations.py", "tests/payments/test_schema.py"),
    ),
    numbering(
        "every second number",
        'if not series.update(last_number=F("last_number") + 1):',
        'if not series.update(last_number=F("last_number") + 2):',
    ),
    numbering(
        "a year goes on where the last one ended", "(code=code, year=year)\n    if", "(code=code)\n    if"
    ),
    numbering("one series for everything", "(code=code, year=year)\n    if", "(year=year)\n    if"),
    numbering("a series begins at none", '        series.update(last_number=F("last_number") + 1)\n', ""),
    freezing(
        "the year of the clock, not of the organization",
        'accounts.allot_number("invoice", year=issue_date.year)',
        'accounts.allot_number("invoice", year=at.year)',
    ),
    issuing(
        "a charge named twice is billed twice", "if len(lines) != len(ids):", "if len(lines) < len(set(ids)):"
    ),
    issuing("due before it was issued", "    if asked < today:", "    if False:"),
    issuing("due in the far future", "    if asked > today + LONGEST_TERM:", "    if False:"),
    freezing("the hash is not the snapshot's", "sort_keys=True, separators", "separators"),
    restoring("series stand still", "series.last_number + skip if last", "series.last_number if last"),
    restoring("ids stand still", "        _skip_ids(skip)\n", ""),
    restoring("a year too late", "since = min(", "since = max("),
    restoring("only the series that are there", "codes = {*SERIES, *", "codes = {*"),
    restoring("back to a lower number", "    if after < before:", "    if False:"),
    restoring("twice in a row", "if newest.action == SKIPPED:", "if False:"),
    restoring(
        "the gap begins one too early",
        '(entry.before["last_number"] + 1,',
        '(entry.before["last_number"],',
    ),
    paying("more is reserved than is open", "if amount > invoice.open_balance:", "if False:"),
    paying(
        "a second reservation replaces the first", "reserved_amount += amount", "reserved_amount = amount"
    ),
    paying("one release frees all", "reserved_amount -= amount", "reserved_amount = 0"),
    paying(
        "paid in full stays sent",
        "if paid_amount == invoice.total_amount and",
        "if paid_amount > invoice.total_amount and",
    ),
    paying(
        "money taken back leaves it paid",
        "elif paid_amount < invoice.total_amount and invoice.status == Invoice.Status.PAID:",
        "elif False:",
    ),
    paying("the last charge is settled first", "        left -= share\n", "        left -= 1\n"),
    paying("each charge takes its whole amount", "share = min(left, line.amount)", "share = line.amount"),
    paying(
        "charges are not settled", "    accounts.settle_line_items(account=account, settled=settled)\n", ""
    ),
    paying(
        "sessions of a paid invoice stay open",
        '        enqueue(CLOSED, {"invoice": invoice.pk}, at=at)\n',
        "",
    ),
    paying(
        "the trail does not tell of a part payment",
        'invoice, "invoice.partly_paid", at=at, by=by, before=before, after={"paid_amount": paid_amount}',
        'account, "account.touched", at=at, by=by',
    ),
    paying("cancelled while it is being paid", "if current.reserved_amount:", "if False:"),
    paying("cancelled though partly paid", "if current.paid_amount:", "if False:"),
    paying("its charges cannot be billed again", "        current.line_items.update(is_live=False)\n", ""),
    paying(
        "sessions of a cancelled invoice stay open",
        '        enqueue(CLOSED, {"invoice": current.pk}, at=at)\n',
        "",
    ),
    money(
        "worth is rounded down",
        "return int(value.quantize(Decimal(1), rounding=ROUND_HALF_UP))",
        "return int(value)",
    ),
    money(
        "worth is rounded half even",
        "return int(value.quantize(Decimal(1), rounding=ROUND_HALF_UP))",
        "return int(value.quantize(Decimal(1)))",
    ),
    money(
        "money that moved is rounded down",
        "return int(scaled.quantize(Decimal(1), rounding=ROUND_HALF_UP))",
        "return int(scaled)",
    ),
    money("odd places are cut", "if scaled != scaled.to_integral_value():", "if False:"),
    money("every currency has cents", "return len(str(sub_unit)) - 1", "return 2"),
    money("every amount has cents", ".scaleb(-places(currency)), currency)", ".scaleb(-2), currency)"),
    money("currencies have the same minor units", "places(into) - places(currency)", "0"),
    Mutant(
        "move: whatever it has become meanwhile",
        "core/transitions.py",
        "filter(pk=obj.pk, status=old)",
        "filter(pk=obj.pk)",
        ("tests/core/test_transitions.py",),
    ),
    Mutant(
        "move: a lost race is not told",
        "core/transitions.py",
        "    if not moved:\n",
        "    if False:\n",
        ("tests/core/test_transitions.py",),
    ),
    Mutant(
        "move: not along the table",
        "core/transitions.py",
        "    if to not in type(obj).TRANSITIONS[old]:\n",
        "    if False:\n",
        ("tests/core/test_transitions.py",),
    ),
    Mutant(
        "lock: inside another transaction",
        "accounts/operations/locking.py",
        "transaction.atomic(durable=True)",
        "transaction.atomic()",
        ("tests/accounts/test_operations.py",),
    ),
)
