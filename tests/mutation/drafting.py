"""Mistakes in what staff write and send: drafts, credit notes, bills over everything, recurring invoices,
reminders, and who may."""

from tests.mutation.mutant import Mutant

INVOICES, PAYMENTS, ACCOUNTS = "tests/invoices", "tests/payments", "tests/accounts"
DRAFTING = (f"{INVOICES}/test_drafting.py",)
PRESSED = (f"{INVOICES}/test_pressed_twice.py",)
CORRECTING = (f"{PAYMENTS}/test_operations_correcting.py",)
BILLING = (f"{INVOICES}/test_billing.py",)
RECURRING = (f"{INVOICES}/test_recurring.py",)
PAUSING = (f"{INVOICES}/test_pausing.py",)
ROUNDS = (f"{INVOICES}/test_rounds.py",)
REMINDING = (f"{INVOICES}/test_reminding.py",)
LETTERS = (f"{PAYMENTS}/test_reminder_letters.py",)
SENDING = (f"{PAYMENTS}/test_operations_sending.py",)
SUSPENDING = (f"{ACCOUNTS}/test_suspending.py",)
LOCKED = (f"{PAYMENTS}/test_operations_locked.py",)


def drafting(name: str, old: str, new: str, killers: tuple[str, ...] = DRAFTING) -> Mutant:
    return Mutant(f"draft: {name}", "invoices/operations/drafting.py", old, new, killers)


def noting(name: str, old: str, new: str) -> Mutant:
    return Mutant(f"credit note: {name}", "invoices/operations/crediting.py", old, new, CORRECTING)


def billing(name: str, old: str, new: str, killers: tuple[str, ...] = BILLING) -> Mutant:
    return Mutant(f"bill: {name}", "invoices/operations/billing.py", old, new, killers)


def recurring(name: str, old: str, new: str, killers: tuple[str, ...] = RECURRING) -> Mutant:
    return Mutant(f"recur: {name}", "invoices/operations/recurring.py", old, new, killers)


def pausing(name: str, old: str, new: str, killers: tuple[str, ...] = PAUSING) -> Mutant:
    return Mutant(f"pause: {name}", "invoices/operations/pausing.py", old, new, killers)


def reminding(name: str, old: str, new: str, killers: tuple[str, ...] = REMINDING) -> Mutant:
    return Mutant(f"remind: {name}", "invoices/operations/reminding.py", old, new, killers)


def letter(name: str, old: str, new: str) -> Mutant:
    return Mutant(f"remind: {name}", "payments/operations/reminding.py", old, new, LETTERS)


def sending(name: str, old: str, new: str, killers: tuple[str, ...] = SENDING) -> Mutant:
    return Mutant(f"send again: {name}", "payments/operations/sending.py", old, new, killers)


def suspending(name: str, old: str, new: str) -> Mutant:
    return Mutant(f"suspend: {name}", "accounts/operations/suspending.py", old, new, SUSPENDING)


def acting(name: str, new: str) -> Mutant:
    old = "if not staff.is_staff or not staff.has_perm(permission):"
    return Mutant(f"staff: {name}", "accounts/operations/rights.py", old, new, DRAFTING)


MUTANTS = (
    acting("any staff may", "if not staff.is_staff:"),
    acting("anybody with the permission may", "if not staff.has_perm(permission):"),
    drafting(
        "tax is cut off",
        "tax = (Decimal(net) * self.tax_rate / 100).quantize(Decimal(1), rounding=ROUND_HALF_UP)",
        "tax = Decimal(net) * self.tax_rate // 100",
    ),
    drafting(
        "tax on what was not rounded yet",
        "(Decimal(net) * self.tax_rate / 100)",
        "(self.quantity * self.unit_price * self.tax_rate)",
    ),
    drafting(
        "dates are not looked at again",
        "    _require_dates(draft.asked_issue_date, draft.asked_due_date, organization, at=at)\n",
        "",
    ),
    drafting(
        "the day of the clock, not of the organization",
        "issue_date = draft.asked_issue_date or organization.today(at)",
        "issue_date = draft.asked_issue_date or at.date()",
    ),
    drafting(
        "terms count from when it was written",
        "draft.due_date = draft.asked_due_date or account.due_date(issue_date, organization)",
        "draft.due_date = draft.due_date or account.due_date(issue_date, organization)",
    ),
    drafting(
        "a charge of another invoice",
        "    _require_unbilled(account, region, lines)\n    for line",
        "    for line",
    ),
    drafting(
        "a colleague's changes are lost",
        "if known_version is not None and known_version != version_of(current):",
        "if False:",
    ),
    drafting(
        "a change leaves no trace",
        'record(current, "invoice.draft_changed", at=at, by=by, before=before, after=_told(current, lines))',
        "pass",
    ),
    drafting(
        "who may write may issue",
        "    by = accounts.acting(staff, ISSUE)\n",
        "    by = accounts.acting(staff, DRAFT)\n",
    ),
    drafting(
        "pressed twice",
        "made = form_key and Invoice.objects.filter(form_key=form_key).first()",
        "made = None",
        PRESSED,
    ),
    drafting(
        "a form answers another draft",
        "            return _the_same(made, locked, region, draft)\n",
        "            return made\n",
        PRESSED,
    ),
    drafting(
        "issued without the lock",
        "accounts.acting(staff, ISSUE)\n    with accounts.locked_account(invoice.account_id) as account:\n",
        "accounts.acting(staff, ISSUE)\n    account = invoice.account\n    if True:\n",
        LOCKED,
    ),
    noting(
        "earlier ones do not count",
        "if amount < 0 or amount > left:",
        "if amount < 0 or amount > line.amount:",
    ),
    noting(
        "its tax is cut off",
        "(Decimal(credited) * line.tax_amount / line.amount).quantize(Decimal(1), rounding=ROUND_HALF_UP)",
        "Decimal(credited) * line.tax_amount // line.amount",
    ),
    noting(
        "the tax of each is rounded alone",
        "    tax = int(share) - line.credited_tax  # type: ignore[attr-defined]\n",
        "    tax = round(amount * line.tax_amount / line.amount)\n",
    ),
    noting("the day of the clock", "issue_date = organization.today(at)", "issue_date = at.date()"),
    noting("lines of another invoice", "    if amounts.keys() - lines.keys():", "    if False:"),
    billing("the last day is left out", "midnight(last + timedelta(days=1), zone)", "midnight(last, zone)"),
    billing(
        "the first day is left out", "midnight(first, zone)", "midnight(first + timedelta(days=1), zone)"
    ),
    billing(
        "days of another time zone",
        'ZoneInfo(Organization.objects.values_list("time_zone", flat=True).get())',
        'ZoneInfo("UTC")',
    ),
    billing(
        "other charges than were seen",
        'if sorted(rows.values_list("pk", flat=True)) != sorted(unbilled.line_item_ids):',
        "if False:",
    ),
    billing("two regions on one", "(row.account_id, row.region_id)", "row.account_id"),
    billing(
        "who may write may issue",
        "accounts.acting(staff, ISSUE)",
        'accounts.acting(staff, "invoices.draft_invoice")',
    ),
    billing(
        "without the lock",
        "with accounts.locked_account(unbilled.account.pk) as account:",
        "account = unbilled.account\n    if True:",
        LOCKED,
    ),
    recurring(
        "a day too late",
        "day > Organization.objects.get().today(at)",
        "day >= Organization.objects.get().today(at)",
    ),
    recurring("paused it goes on", "if current.is_paused or day is None", "if day is None"),
    recurring("half of it stays charged", "        with transaction.atomic():\n", "        if True:\n"),
    recurring(
        "an error stops the round", "        except Exception:\n", "        except KeyError:\n", ROUNDS
    ),
    recurring("anybody skips", "    accounts.acting(staff, PERMISSION)\n", ""),
    recurring(
        "skipping leaves no trace",
        'record(\n            current,\n            "recurringinvoice.skipped",',
        '(lambda *given, **told: None)(\n            current,\n            "recurringinvoice.skipped",',
    ),
    recurring(
        "skipped without the lock",
        "with accounts.locked_account(recurring.account_id):\n        current = skippable",
        "if True:\n        current = skippable",
        LOCKED,
    ),
    pausing("anybody may", "    accounts.acting(staff, PERMISSION)\n", ""),
    pausing("today was missed already", "day < today", "day <= today"),
    pausing("nobody sees what was left out", "left_out = missed.days if leaves_out else []", "left_out = []"),
    pausing("left out and made up for", "        current.runs_done += len(left_out)\n", "        pass\n"),
    pausing(
        "resumed without the lock",
        "with accounts.locked_account(recurring.account_id):\n        current = may_resume",
        "if True:\n        current = may_resume",
        LOCKED,
    ),
    reminding("the same level again", "last.level.days >= level.days:", "last.level.days > level.days:"),
    reminding(
        "of what was paid meanwhile",
        "            _stop(current, at=at, by=SYSTEM, reason=against)\n            return None\n",
        "            pass\n",
    ),
    reminding(
        "an error stops the round", "        except Exception:\n", "        except KeyError:\n", ROUNDS
    ),
    reminding("the fee twice", "        if not current.is_waiting:\n", "        if False:\n"),
    reminding("no fee over the limit", "            override_reason=description,\n", ""),
    reminding(
        "anybody stops it",
        'if it can still be stopped."""\n    accounts.acting(staff, PERMISSION)\n',
        'if it can still be stopped."""\n',
    ),
    reminding(
        "without the lock",
        "with accounts.locked_account(invoice.account_id):\n        on",
        "if True:\n        on",
        LOCKED,
    ),
    letter("nobody knows whom", "    record(invoice, REMINDER_MAILED, at=at, by=SYSTEM, after=told)\n", ""),
    sending("anybody may", "    accounts.acting(staff, OF[type(paper)][2])\n", ""),
    sending(
        "leaves no trace",
        '        record(paper, f"{OF[type(paper)][0]}.sent_again", at=at, by=staff.actor)\n',
        "",
    ),
    sending("the same mail", ', again=f".{at.timestamp():.0f}"', ""),
    sending("without the lock", "with accounts.locked_account(paper.account_id):", "if True:"),
    suspending("anybody may", "    acting(staff, PERMISSION)\n", ""),
    suspending(
        "a note leaves no trace",
        '        record(note, "accountnote.added", at=at, by=by, after={"text": text})\n',
        "",
    ),
)
