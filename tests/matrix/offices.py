"""Who may what in the back office; see `tests/matrix/table.py`. What is live and not here fails the build."""

from typing import NamedTuple

from tests.matrix.table import CUSTOMERS, SIGNED_OUT

EDITORS = frozenset({"Owner", "every permission", "superuser"})
CLERKS = EDITORS | {"Clerk"}
CASHIERS = EDITORS | {"Cashier"}
VIEWERS = CLERKS | CASHIERS | {"Auditor"}
SUPERUSER = frozenset({"superuser"})
NO_ONE: frozenset[str] = frozenset()


class Question(NamedTuple):
    """A page that asks before something is done: who may do it, what they send, in which status a row is of
    which it is asked, and what comes of doing it here, where no provider can be reached."""

    may: frozenset[str]
    sent: dict[str, str]
    status: str = ""
    comes: str = "done"
    where: dict[str, object] = {}  # what else is true of a row of which it is asked


class Office(NamedTuple):
    """The pages of one model in the back office. Who may view and not do what a page asks, is told so.
    `files` are for whoever may view, `leads` lead them on to another page. `many` are pages that ask about
    rows chosen in the list, whose action has the same name; `own` are pages beside the list that are about no
    row."""

    view: frozenset[str] = VIEWERS
    add: frozenset[str] = NO_ONE
    change: frozenset[str] = NO_ONE
    delete: frozenset[str] = NO_ONE
    questions: dict[str, Question] = {}
    files: frozenset[str] = frozenset()
    leads: frozenset[str] = frozenset()  # pages that lead on to another one, for whoever may view
    many: dict[str, Question] = {}
    own: dict[str, Question] = {}


READ_ONLY = Office()
MASTER_DATA = Office(add=EDITORS, change=EDITORS)
AN_ACCOUNT = "the number of an account"
A_DRAFT = {
    "lines-TOTAL_FORMS": "1",
    "lines-INITIAL_FORMS": "0",
    "lines-0-description": "Desk lamp",
    "lines-0-quantity": "1",
    "lines-0-unit_price": "39.40",
}
REASON = {"reason": "As agreed"}
THESE_DAYS = {"first": "2026-01-01", "last": "2026-03-01", "seen": "2026-01-01 2026-03-01"}
RECORDED = {
    "account": AN_ACCOUNT,
    "method": "check",
    "received_date": "2026-03-01",
    "currency": "USD",
    "amount": "1.00",
    "step": "book",
}
NEW_PASSWORD = {"password1": "long enough 4711", "password2": "long enough 4711"}

BACK_OFFICE = {
    "accounts.account": Office(
        add=CLERKS,
        change=CLERKS,
        questions={
            "change_limit": Question(CLERKS, {"credit_limit": "1.00"} | REASON),
            "add_note": Question(CLERKS, {"text": "Pays on Fridays"}),
            "suspend": Question(CLERKS, REASON),
            "resume": Question(CLERKS, REASON, status="suspended"),
            "close": Question(CLERKS, REASON | {"number": AN_ACCOUNT}, status="suspended"),
            "pause_reminders": Question(CLERKS, {"until": "2026-04-01"} | REASON),
            "promise_to_pay": Question(CLERKS, {"promised_date": "2026-04-01"}),
            "send_statement": Question(CLERKS, THESE_DAYS),
        },
        files=frozenset({"figures"}),
        leads=frozenset({"record_payment"}),
    ),
    "accounts.accountlineitem": READ_ONLY,
    "accounts.customertoken": READ_ONLY._replace(questions={"revoke": Question(EDITORS, {})}),
    "accounts.exchangerate": MASTER_DATA._replace(delete=EDITORS),
    "accounts.bankaccountchange": READ_ONLY._replace(
        questions={"approve": Question(EDITORS, {}), "reject": Question(EDITORS, {})}
    ),
    "accounts.organization": MASTER_DATA._replace(
        add=NO_ONE,  # there is one
        questions={
            "change_bank_account": Question(NO_ONE, {}),  # while a change waits
            "logo": Question(EDITORS, {}, comes="422"),
            "remove_logo": Question(EDITORS, {}, comes="refused"),
        },
    ),
    "accounts.invitation": READ_ONLY._replace(questions={"withdraw": Question(CLERKS, {})}),
    "accounts.membership": Office(
        add=CLERKS,
        questions={
            "change_role": Question(CLERKS, {"role": "custom", "permissions": '{"pay_invoice": 2}'}),
            "remove": Question(EDITORS, {}),
        },
    ),
    "accounts.region": MASTER_DATA,
    "accounts.user": MASTER_DATA._replace(questions={"set_password": Question(EDITORS, NEW_PASSWORD)}),
    "auth.group": Office(add=SUPERUSER, change=SUPERUSER, delete=SUPERUSER),
    "core.auditentry": READ_ONLY,
    "core.outboxmessage": READ_ONLY,
    "invoices.creditnote": READ_ONLY._replace(
        files=frozenset({"download_pdf"}),
        questions={
            "send_again": Question(NO_ONE, {}),  # while its mail is about to leave
            "stop_mail": Question(CLERKS, {}),
        },
    ),
    "invoices.invoice": READ_ONLY._replace(
        files=frozenset({"download_pdf", "figures"}),
        leads=frozenset({"record_payment", "preview"}),  # an issued invoice has its own PDF
        questions={
            "apply_credit": Question(
                CASHIERS,
                {"amount": "0.05"},
                status="sent",
                where={"currency": "USD", "reserved_amount": 0, "account__credits__currency": "USD"},
            ),
            "send_reminder": Question(CLERKS, {"level": "Reminder"}, status="sent"),
            "edit": Question(CLERKS, A_DRAFT, status="draft"),
            "issue": Question(CLERKS, {}, status="draft"),
            "discard": Question(CLERKS, {}, status="draft"),
            "duplicate": Question(CLERKS, {}),
            "send_again": Question(CLERKS, {}),
            "stop_mail": Question(CLERKS, {}, status="sent"),
            "cancel": Question(CLERKS, REASON),
            "credit": Question(CLERKS, {"is_whole": "on"} | REASON, status="sent"),
            "write_off": Question(EDITORS, {"amount": "1.00"} | REASON, status="sent"),
        },
        many={
            "issue_many": Question(CLERKS, {}, status="draft", comes="422"),  # what was shown is not sent
            "remind_many": Question(CLERKS, {}, status="sent"),
            "zip_many": Question(VIEWERS, {}, comes="refused"),  # the first one's PDF is not made yet
        },
        own={
            "remind": Question(CLERKS, {}),
            "draft": Question(CLERKS, {}, comes="shown"),
            "bill_unbilled": Question(CLERKS, {"groups": "nothing"}),
        },
    ),
    "invoices.paymentpromise": READ_ONLY._replace(questions={"withdraw": Question(CLERKS, REASON)}),
    "invoices.recurringinvoice": Office(
        add=CLERKS,
        change=CLERKS,
        questions={
            "skip": Question(CLERKS, REASON),
            "pause": Question(CLERKS, {}, where={"is_paused": False}),
            "resume": Question(
                CLERKS, {}, where={"is_paused": True}, comes="422"
            ),  # what was shown is not sent
        },
    ),
    "invoices.reminder": READ_ONLY._replace(questions={"stop": Question(CLERKS, {})}),
    "invoices.reminderlevel": MASTER_DATA,
    "orders.order": READ_ONLY,
    "payments.accountcredit": READ_ONLY,
    "payments.allocation": READ_ONLY,
    "payments.bankline": READ_ONLY._replace(
        leads=frozenset({"record"}),
        questions={
            # What is sent is no proposal; that one is accepted: tests/payments/test_admin_bank.py.
            "accept": Question(CASHIERS, {"shown": "nothing"}, status="open", comes="refused"),
            "tell_apart": Question(CASHIERS, {}, where={"double_of__isnull": False}),
            "dismiss": Question(CASHIERS, REASON, status="open"),
            "undo": Question(CASHIERS, {}, status="booked"),
        },
        many={
            "accept_many": Question(CASHIERS, {}, status="open", comes="422"),
            "set_aside_many": Question(CASHIERS, {}, where={"double_of__isnull": False}, comes="422"),
        },
    ),
    "payments.bankmapping": Office(add=CASHIERS, change=CASHIERS),
    "payments.bankstatement": READ_ONLY._replace(
        leads=frozenset({"accept_all", "set_all_aside"}), own={"import": Question(CASHIERS, {}, comes="422")}
    ),
    "payments.payment": READ_ONLY._replace(
        questions={
            "verify": Question(CASHIERS, REASON),
            "reject": Question(CASHIERS, REASON),
            "refund": Question(CASHIERS, {"amount": "1.00"} | REASON, status="captured"),
            "assign": Question(CASHIERS, {"account": AN_ACCOUNT} | REASON, status="unassigned"),
            "undo_recording": Question(
                CASHIERS, REASON, status="captured", where={"received_date__isnull": False}
            ),
        },
        own={"record": Question(CASHIERS, RECORDED)},
        many={
            "verify_many": Question(CASHIERS, REASON, status="pending"),
            "reject_many": Question(CASHIERS, REASON, status="pending"),
        },
    ),
    "payments.refund": READ_ONLY,
    "payments.paymentcollection": READ_ONLY,
    "payments.paymentprovider": MASTER_DATA._replace(add=NO_ONE),
    "payments.paymentsession": READ_ONLY._replace(
        questions={"release": Question(EDITORS, REASON, "capturing", "refused")}
    ),
    "payments.writeoff": READ_ONLY._replace(questions={"undo": Question(EDITORS, REASON)}),
    "payments.providercall": READ_ONLY,
    "payments.providerevent": READ_ONLY,
    "payments.reconciliationissue": READ_ONLY._replace(questions={"resolve": Question(CASHIERS, REASON)}),
}


class Site(NamedTuple):
    """A page of the back office that belongs to no model: an example, what it answers to staff's GET, and who
    is answered otherwise. Everybody else is sent to sign in."""

    example: str
    answer: str
    otherwise: dict[str, str] = {}


OUTSIDERS = (*SIGNED_OUT, *CUSTOMERS, "token")
ANSWERS_ALL = dict.fromkeys(OUTSIDERS, "shown")
ACCOUNTS = "?app_label=accounts&model_name=account&field_name=parent&term="

NOBODYS = "00000000-0000-4000-8000-000000000000"
FOR_VIEWERS = {"staff": "forbidden"}

SITE = {
    "index": Site("/admin/", "shown"),
    "export": Site(f"/admin/exports/{NOBODYS}/", "not found"),
    "export_file": Site(f"/admin/exports/{NOBODYS}/file/", "not found"),
    "find": Site("/admin/find/?q=glob", "shown"),
    "report_aging": Site("/admin/reports/aging/", "shown", FOR_VIEWERS),
    "report_accounting": Site("/admin/reports/accounting/", "shown", FOR_VIEWERS),
    "report_revenue": Site("/admin/reports/revenue/", "shown", FOR_VIEWERS),
    "report_taxes": Site("/admin/reports/taxes/", "shown", FOR_VIEWERS),
    "login": Site("/admin/login/", "gone", ANSWERS_ALL),
    "logout": Site("/admin/logout/", "not allowed", dict.fromkeys(OUTSIDERS, "gone")),
    "password_change": Site("/admin/password_change/", "shown"),
    "password_change_done": Site("/admin/password_change/done/", "shown"),
    "autocomplete": Site(f"/admin/autocomplete/{ACCOUNTS}", "shown", {"staff": "forbidden"}),
    "jsi18n": Site("/admin/jsi18n/", "shown"),
    "view_on_site": Site("/admin/r/1/1/", "not found"),
    "search": Site("/admin/search/?s=globex", "shown"),
    "app_list": Site("/admin/payments/", "shown", {"staff": "not found"}),
    "": Site("/admin/nothing/here/", "not found"),
}
