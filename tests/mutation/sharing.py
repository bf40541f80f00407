"""Mistakes in company invoices: parts and several at once, account credit, receipts, statements, and how far
a permission reaches."""

from tests.mutation.mutant import Mutant

PAYMENTS, ACCOUNTS = "tests/payments", "tests/accounts"
JOINT = (f"{PAYMENTS}/test_joint_payment.py", f"{PAYMENTS}/test_company_paying.py")
CREDITING = (f"{PAYMENTS}/test_operations_crediting.py",)
STATING = (f"{PAYMENTS}/test_statement.py",)
LEVELS = (f"{ACCOUNTS}/test_levels.py", f"{PAYMENTS}/test_company_invoices.py")
LINKS = (f"{PAYMENTS}/test_company_files.py",)
MEMBERS = (f"{ACCOUNTS}/test_members.py", f"{ACCOUNTS}/test_member_pages.py")
INVITING = (f"{ACCOUNTS}/test_invitations.py",)


def joint(name: str, old: str, new: str, killers: tuple[str, ...] = JOINT) -> Mutant:
    return Mutant(f"joint: {name}", "payments/operations/collecting.py", old, new, killers)


def once(name: str, old: str, new: str) -> Mutant:
    return Mutant(f"once: {name}", "payments/operations/completing.py", old, new, JOINT)


def crediting(name: str, old: str, new: str) -> Mutant:
    return Mutant(f"credit: {name}", "payments/operations/crediting.py", old, new, CREDITING)


def stating(name: str, old: str, new: str) -> Mutant:
    return Mutant(f"statement: {name}", "payments/operations/stating.py", old, new, STATING)


def rights(name: str, file: str, old: str, new: str, killers: tuple[str, ...] = LEVELS) -> Mutant:
    return Mutant(f"rights: {name}", file, old, new, killers)


def links(name: str, old: str, new: str) -> Mutant:
    return Mutant(f"links: {name}", "accounts/operations/links.py", old, new, LINKS)


def members(name: str, old: str, new: str) -> Mutant:
    return Mutant(f"members: {name}", "accounts/operations/membering.py", old, new, MEMBERS)


def inviting(name: str, old: str, new: str) -> Mutant:
    return Mutant(f"invite: {name}", "accounts/operations/inviting.py", old, new, INVITING)


MODELS, QUERYSETS = "accounts/models/members.py", "accounts/querysets.py"

MUTANTS = (
    joint("more than is open", "if amount > invoice.open_balance:", "if amount > invoice.total_amount:"),
    joint("nothing", "    if amount <= 0:\n", "    if amount < 0:\n"),
    joint("another company's", "if invoice.account_id != account.pk:", "if False:"),
    joint("another currency", "if invoice.currency != currency:", "if False:"),
    joint(
        "a closed invoice", "    require_payable(invoice)\n    if invoice.currency", "    if invoice.currency"
    ),
    joint(
        "an invoice twice",
        "invoice = current.pop(share.invoice.pk, None)",
        "invoice = current.get(share.invoice.pk)",
    ),
    joint("any number", "if len(shares) > MOST_INVOICES:", "if False:"),
    joint("none", "    if not shares:\n", "    if False:\n"),
    joint("a form makes two", "        if made:\n            return made\n        asked", "        asked"),
    joint(
        "all of each invoice",
        "invoice=invoice, amount=amount)\n        for",
        "invoice=invoice, amount=invoice.total_amount)\n        for",
    ),
    joint(
        "another way for what was paid",
        'if any(session.status in TAKEN for session in collection.attempts):\n        raise Conflict("This',
        'if False:\n        raise Conflict("This',
    ),
    joint(
        "what was paid meanwhile is asked again",
        "min(one.amount, one.invoice.open_balance))\n        for one in sent",
        "one.amount)\n        for one in sent",
    ),
    joint("ways to pay of one region", "if all(one.pk in there for there in elsewhere)]", "]"),
    once("a second time", "if others.filter(status=Status.SUCCEEDED).exists():", "if False:"),
    once("another way meanwhile", "if others.filter(status__in=TAKEN).exists():", "if False:"),
    crediting("while it is paid", "if collection.sessions.filter(status__in=TAKEN).exists():", "if False:"),
    crediting("for a closed invoice", "            require_payable(invoice)\n", "            pass\n"),
    crediting("of another company", "(account=account, currency=collection", "(currency=collection"),
    crediting("of another currency", "account=account, currency=collection.currency)", "account=account)"),
    crediting("without end", "                left[credit.pk] -= share\n", ""),
    crediting("more than is asked", "share = min(left[credit.pk], unpaid)", "share = left[credit.pk]"),
    crediting(
        "the invoice does not know",
        "invoices.set_paid_amount(invoice, paid, account",
        "invoices.set_paid_amount(invoice, invoice.paid_amount, account",
    ),
    crediting("old ways stay", "        close(collection, at=at)\n", ""),
    stating("the last day is left out", "midnight(last + timedelta(days=1), zone)", "midnight(last, zone)"),
    stating(
        "days of somewhere else",
        "zone = ZoneInfo(Organization",
        'zone = ZoneInfo("Asia/Tokyo") or ZoneInfo(Organization',
    ),
    stating(
        "the opening balance is today's",
        "account.balance_due - later - sum(one.movement for one in moved)",
        "account.balance_due",
    ),
    stating("a charge at its own amount", "charge=line.account_amount", "charge=line.amount"),
    stating("an end before the start", "    if last < first:\n", "    if False:\n"),
    stating("any length", "    if last - first > LONGEST:\n", "    if False:\n"),
    rights(
        "a Senior Buyer pays",
        MODELS,
        'return 0 if permission == "pay_invoice" else COMPANY_LEVEL',
        "return COMPANY_LEVEL",
        (f"{PAYMENTS}/test_rights.py",),
    ),
    rights(
        "own rows are the company's",
        MODELS,
        "if place.level(permission) >= COMPANY_LEVEL",
        "if place.level(permission)",
    ),
    rights(
        "the company's rows reach below",
        MODELS,
        "if place.level(permission) == SUBSIDIARY_LEVEL:\n                held",
        "if place.level(permission):\n                held",
    ),
    rights("own rows are everybody's", QUERYSETS, "Q(self.own(customer.user), **", "Q(**"),
    rights("own rows of any company", QUERYSETS, '**{f"{self.account_field}__in": own_ids})', "**{})"),
    rights(
        "one order is enough",
        "invoices/querysets.py",
        "Q(Exists(lines.filter(theirs)), ~Exists(lines.exclude(theirs)))",
        "Q(Exists(lines.filter(theirs)))",
    ),
    links("for ever", "or not 0 <= age <= LASTS.total_seconds()", "or not 0 <= age"),
    links("of who may not sign in", 'filter(pk=claim["by"], is_active=True)', 'filter(pk=claim["by"])'),
    links("of a token that is over", "CustomerToken.objects.usable(at=at)", "CustomerToken.objects.all()"),
    members(
        "anybody changes", "    if by.token is not None or not is_admin:\n", "    if by.token is not None:\n"
    ),
    members("a program changes", "    if by.token is not None or not is_admin:\n", "    if not is_admin:\n"),
    members("the last Admin goes", "    if member.is_last_admin():\n", "    if False:\n"),
    members(
        "tokens stay", "            revoke_token(token=token, at=at, by=by.actor)\n", "            pass\n"
    ),
    inviting("the old link works on", "if _hashed(token) != invitation.token_hash or not", "if not"),
    inviting(
        "anybody takes the place",
        "if user is not None and user.email.lower() != invitation.email:",
        "if False:",
    ),
    inviting("twice", '        invitation.save(update_fields=["accepted_at"])\n', ""),
    inviting("no end of mails", "        _count(current, at)\n", ""),
    Mutant(
        "receipt: of last year",
        "payments/operations/receipting.py",
        "_organization.get().today(at).year",
        "at.year",
        (f"{PAYMENTS}/test_receipts.py",),
    ),
    Mutant(
        "document: another one is given out",
        "invoices/operations/documenting.py",
        "if hashlib.sha256(document.content).hexdigest() != document.sha256:",
        "if False:",
        LINKS,
    ),
    Mutant(
        "csv: formulas",
        "core/spreadsheets.py",
        "if value.startswith(FORMULA_STARTERS) else value",
        "if False else value",
        LINKS,
    ),
)
