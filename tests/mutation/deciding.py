"""Mistakes in what decides without taking: staff's word on promises, webhooks, and what providers say."""

from tests.mutation.mutant import Mutant

PAYMENTS = "tests/payments"
VERIFYING = (f"{PAYMENTS}/test_operations_verifying.py",)
SIGNED = (f"{PAYMENTS}/test_provider_webhooks.py", f"{PAYMENTS}/test_webhooks.py")
INBOX = (f"{PAYMENTS}/test_webhooks.py",)
PROVIDERS = (f"{PAYMENTS}/test_providers.py", f"{PAYMENTS}/test_refusals_at_the_provider.py")


def verifying(name: str, old: str, new: str) -> Mutant:
    return Mutant(f"verify: {name}", "payments/operations/verifying.py", old, new, VERIFYING)


def stripe(name: str, old: str, new: str, killers: tuple[str, ...] = SIGNED) -> Mutant:
    return Mutant(f"stripe: {name}", "payments/providers/stripe.py", old, new, killers)


def paypal(name: str, old: str, new: str, killers: tuple[str, ...] = SIGNED) -> Mutant:
    return Mutant(f"paypal: {name}", "payments/providers/paypal.py", old, new, killers)


def inbox(name: str, old: str, new: str) -> Mutant:
    return Mutant(f"inbox: {name}", "payments/operations/events.py", old, new, INBOX)


MUTANTS = (
    verifying("any staff may", "    accounts.acting(staff, PERMISSION)\n", ""),
    Mutant(
        "verify: anybody with the permission may",
        "accounts/operations/rights.py",
        "if not staff.is_staff or not staff.has_perm(permission):",
        "if not staff.has_perm(permission):",
        VERIFYING,
    ),
    verifying("a second time", "if payment.status != Payment.Status.PENDING:", "if False:"),
    verifying("one's own promise", "if payment.payer_id == staff.pk:", "if False:"),
    verifying("a rejected promise stays reserved", "        free(session, covered)\n", ""),
    verifying(
        "nobody knows who verified",
        "        verified_by=staff,\n        verified_at=at,",
        "        verified_at=at,",
    ),
    verifying("rejected without a reason", "    reason = accounts.required(reason)\n", ""),
    verifying("the customer hears of no rejection", 'enqueue(REJECTED, {"payment": current.pk}, at=at)', ""),
    verifying(
        "a rejected session goes on",
        "        move(session, PaymentSession.Status.REJECTED, at=at, by=staff.actor, ended_at=at)\n",
        "",
    ),
    stripe("an old signature is good", "stripe.Webhook.DEFAULT_TOLERANCE", "None"),
    stripe("any signature is good", "stripe.WebhookSignature.verify_header(", "(lambda *given: True)("),
    stripe(
        "the signature is over something else",
        "body.decode(), signature",
        "body.decode().strip(), signature",
    ),
    stripe(
        "what was asked is told as what was taken",
        'seen["amount_received"] if state is State.CAPTURED else seen["amount"]',
        'seen["amount"]',
        (f"{PAYMENTS}/test_money_that_does_not_fit.py", *PROVIDERS),
    ),
    stripe(
        "a capture without a key",
        'options={"idempotency_key": key},\n                )',
        "options={},\n                )",
        (f"{PAYMENTS}/test_operations_completing.py", f"{PAYMENTS}/test_reconcile.py"),
    ),
    stripe(
        "a card is charged at once",
        '{"capture_method": "manual"}',
        '{"capture_method": "automatic"}',
        PROVIDERS,
    ),
    stripe(
        "three decimals are sent as they are",
        "(amount.currency.code in THREE_DECIMAL and scaled % 10)",
        "False",
        PROVIDERS,
    ),
    stripe("yen have cents", "return 0 if currency in ZERO_DECIMAL else 3", "return 3", PROVIDERS),
    stripe(
        "processing is paid",
        '"processing": State.PENDING',
        '"processing": State.CAPTURED',
        (*PROVIDERS, f"{PAYMENTS}/test_undecided.py"),
    ),
    paypal(
        "any answer verifies",
        'if answer.get("verification_status") != "SUCCESS":',
        "if not answer:",
    ),
    paypal("no webhook id is needed", " or not settings.PAYPAL_WEBHOOK_ID:", ":"),
    paypal("part of a signature is enough", "if not all(given.values())", "if not any(given.values())"),
    paypal("approved is paid", '"APPROVED": State.CAPTURABLE', '"APPROVED": State.CAPTURED', PROVIDERS),
    paypal(
        "pending is paid",
        '"PENDING": State.PENDING',
        '"PENDING": State.CAPTURED',
        (*PROVIDERS, f"{PAYMENTS}/test_undecided.py"),
    ),
    Mutant(
        "paypal: a call without its key",
        "payments/providers/paypal_http.py",
        'asked = {"PayPal-Request-Id": key, "Prefer": "return=representation"} if key else {}',
        'asked = {"Prefer": "return=representation"} if key else {}',
        PROVIDERS,
    ),
    paypal(
        "an amount is cut to PayPal's decimals",
        " or amount.amount != Money(text, code).amount:",
        ":",
        PROVIDERS,
    ),
    Mutant(
        "providers: called inside a transaction",
        "payments/providers/base.py",
        "    if blocks:\n",
        "    if False:\n",
        PROVIDERS,
    ),
    inbox("a repeated event is delivered again", "        if is_new:\n", "        if True:\n"),
    inbox("a processed event is looked at again", "if event.processed_at is not None:", "if False:"),
    inbox("an early event is given up", "at - event.received_at < PATIENCE:", "False:"),
    inbox("an event of nobody's is kept for ever", "at - event.received_at < PATIENCE:", "True:"),
    inbox(
        "a refusal blocks the inbox", "except Conflict as refusal:", "except ZeroDivisionError as refusal:"
    ),
    Mutant(
        "inbox: a forged event is answered like a good one",
        "payments/webhooks.py",
        '{"error": "signature"}, status=400',
        '{"error": "signature"}, status=200',
        INBOX,
    ),
    Mutant(
        "inbox: any size is read",
        "payments/webhooks.py",
        "if announced_size(request) > LARGEST_BODY:",
        "if False:",
        INBOX,
    ),
)
