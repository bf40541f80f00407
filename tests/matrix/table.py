"""Who may what. What is live and not here fails the build: add it, and say who may.

Actors: `nobody`; `expired`, whose token or session is over; `junior`, `senior` and `admin` of Globex;
`token`, the Admin's program at the pages, and `cookie`, the Admin's browser at the storefront; `stranger`,
the Admin of Initech; `both`, another Admin of Initech who is a Senior Buyer at Globex; `staff`, who has no
permission; each group of staff that the demo data makes; `every permission`, who is no superuser; and the
`superuser`.
"""

from typing import NamedTuple

from tests.matrix.world import groups

SIGNED_OUT = ("nobody", "expired")
COLLEAGUES = ("junior", "senior", "admin", "both")
CUSTOMERS = (*COLLEAGUES, "stranger")
STAFF = ("staff", *groups(), "every permission", "superuser")

READ = frozenset({"senior", "admin", "cookie", "token", "both", "stranger"})
PAY = frozenset({"admin", "cookie", "token", "stranger", "both"})
MANAGE = PAY - {"token"}
MEMBER = READ | {"junior"}
SIGNED_IN = MEMBER | set(STAFF)


class Operation(NamedTuple):
    """A root field of a GraphQL schema: who may, the arguments that name rows and what kind each names, and
    those that name none, with a value to send."""

    may: frozenset[str]
    rows: dict[str, str] = {}
    plain: dict[str, object] = {}


REFUSED_AS = {"line": "conflict"}  # the published text is one for foreign, unknown and paid line items

PAGE = dict.fromkeys(("last", "before", "after", "offset")) | {"first": 100}
NO_DATES = dict.fromkeys(("dateCreatedBeginAt", "dateCreatedEndAt"))
NO_FILTER = dict.fromkeys(
    "last before after offset search orderBy invoiceNumber type orderNumber purchaseOrderNumber "
    "externalCustomerId externalId storeHash status idIn beginDateAt endDateAt beginDueDateAt "
    "endDueDateAt".split()
)

STOREFRONT = {
    "getCustomerAccounts": Operation(READ, plain={"limit": 10, "offset": 0}),
    "getCustomerAccount": Operation(READ, {"accountId": "account"}),
    "getUnpaidLineItemsByRegion": Operation(READ, {"accountId": "account"}),
    "getCustomerPaidInvoices": Operation(READ, plain={"limit": 10, "offset": 0}),
    "activeInvoice": Operation(READ, {"invoiceId": "invoice"}),
    "getInvoicePaymentSessions": Operation(READ, {"invoiceId": "begun"}),
    "createInvoiceFromLineItems": Operation(
        PAY, {"accountId": "account", "regionId": "region", "lineItemIds": "line"}, {"dueDate": None}
    ),
    "createInvoicePaymentSessions": Operation(PAY, {"invoiceId": "invoice"}),
    "setInvoicePaymentSession": Operation(PAY, {"invoiceId": "invoice", "providerId": "provider"}),
    "initiateInvoicePaymentSession": Operation(PAY, {"invoiceId": "invoice", "paymentProviderId": "code"}),
    "completeInvoicePayment": Operation(PAY, {"paymentSessionId": "session"}),
    "regenerateCustomerToken": Operation(SIGNED_IN, plain={"name": "Another"}),
    "revokeCustomerToken": Operation(SIGNED_IN, {"id": "token"}),
    "invoices": Operation(READ, plain={"first": 100, "companyIds": []} | NO_FILTER),
    "invoice": Operation(READ, {"invoiceId": "invoice"}),
    "invoiceStats": Operation(READ, {"companyIds": "account"}, {"status": 0, "decimalPlaces": 2}),
    "invoiceCustomerInformation": Operation(READ),
    "invoicePaymentModules": Operation(READ),
    "invoiceBcOrderAllowMethods": Operation(READ),
    "invoicePaymentBcCart": Operation(READ, {"paymentId": "payment"}),
    "invoicePayments": Operation(READ, plain=PAGE | NO_DATES | {"invoiceId": None}),
    "invoicePayment": Operation(READ, {"paymentId": "payment"}),
    "receipts": Operation(READ, plain=PAGE | {"paymentStatus": None, "search": None, "orderBy": None}),
    "receipt": Operation(READ, {"id": "receipt"}),
    "allReceiptLines": Operation(READ, plain=PAGE | {"paymentStatus": None, "invoiceId": None}),
    "receiptLines": Operation(READ, {"receiptId": "receipt"}, PAGE),
    "receiptLine": Operation(READ, {"id": "receipt line"}),
    "invoicesExport": Operation(READ, plain={"invoiceFilterData": None, "lang": "en"}),
    "invoicePdf": Operation(READ, {"invoiceId": "invoice"}, {"isPayNow": True}),
    "invoiceCreateBcCart": Operation(PAY, {"bcCartData": "cart"}),
    "invoiceFinishBcPayment": Operation(PAY, {"orderId": "collection"}, {"comment": "For March"}),
}


class Route(NamedTuple):
    """An address of the site: who may, what each kind of row in it is, and what each method answers those who
    may. `fields` are posted, `asked` stand after the question mark; where they name rows, by kind."""

    may: frozenset[str]
    answers: dict[str, str]
    rows: dict[str, str] = {}
    fields: dict[str, str] = {}
    asked: dict[str, str] = {}
    otherwise: dict[str, str] = {}  # who gets another answer than the others who may
    refused: str = "not found"  # what comes of a field that names a row which is not theirs


class Open(NamedTuple):
    """An address for everybody: an example, and what each method (`*`: any other) answers who is signed out
    and who is signed in. `has_csrf`: a browser's POST needs the form's token."""

    example: str
    signed_out: dict[str, str]
    signed_in: dict[str, str]
    has_csrf: bool = True


NUMBER = {"number": "number"}
PAYMENT = {"number": "number", "pk": "collection"}
INVOICE = {"number": "number", "pk": "invoice"}
COLLEAGUE = {"number": "number", "pk": "member"}
INVITED = {"number": "number", "pk": "invitation"}
SHOWN = {"GET": "shown", "HEAD": "shown"}
GOES_ON = {"GET": "goes on", "HEAD": "goes on", "POST": "goes on"}
FORM = SHOWN | {"POST": "refused", "PUT": "refused", "OPTIONS": "shown"}
SENT_ON = {"GET": "goes on", "HEAD": "goes on"}
GONE = {"GET": "not found", "HEAD": "not found"}
JSON_ONLY, SIGNED_ONLY = {"POST": "415"}, {"POST": "400"}
SIGN_IN, SENDING = {"*": "sign in"}, ("POST", "PUT", "OPTIONS")
ASKED_FIRST = {"GET": "shown", "HEAD": "shown", "POST": "goes on"}

ROUTES = {
    "account/": Route(  # who has one company goes on to it
        SIGNED_IN, {"GET": "goes on", "HEAD": "goes on"}, otherwise=dict.fromkeys(("both", *STAFF), "shown")
    ),
    "account/<str:number>/": Route(MEMBER, SHOWN, NUMBER, asked={"paid": "payment", "promised": "payment"}),
    "account/<str:number>/pay/": Route(PAY, ASKED_FIRST, NUMBER, {"region": "region"}, refused="refused"),
    "account/<str:number>/pay/sum/": Route(PAY, {"POST": "shown"}, NUMBER),
    "account/<str:number>/pay/<int:pk>/": Route(PAY, SHOWN, PAYMENT),
    "account/<str:number>/pay/<int:pk>/method/": Route(
        PAY, GOES_ON, PAYMENT, {"provider": "code"}, refused="refused"
    ),
    "account/<str:number>/pay/<int:pk>/credit/": Route(PAY, GOES_ON, PAYMENT),
    "account/<str:number>/pay/<int:pk>/renew/": Route(
        PAY, GOES_ON | {"POST": "shown"}, PAYMENT, fields={"session": "session"}
    ),
    "account/<str:number>/pay/<int:pk>/complete/": Route(
        PAY, GOES_ON, PAYMENT, fields={"session": "session"}
    ),
    "account/<str:number>/pay/<int:pk>/state/": Route(PAY, {"GET": "goes on", "HEAD": "goes on"}, PAYMENT),
    "account/<str:number>/pay/<int:pk>/return/": Route(PAY, {"GET": "goes on", "HEAD": "goes on"}, PAYMENT),
    "account/<str:number>/invoices/": Route(READ, SHOWN, NUMBER, asked={"id": "invoice"}),
    "account/<str:number>/invoices/export/": Route(READ, SHOWN, NUMBER),
    "account/<str:number>/invoices/pay/": Route(
        PAY, SHOWN | {"POST": "refused"}, NUMBER, {"id": "invoice"}, {"id": "invoice"}, refused="refused"
    ),
    "account/<str:number>/invoices/<int:pk>/": Route(READ, SHOWN, INVOICE),
    "account/<str:number>/invoices/<int:pk>/pdf/": Route(READ, SHOWN, INVOICE),
    "account/<str:number>/invoices/<int:pk>/pdf/state/": Route(READ, SHOWN, INVOICE),
    "account/<str:number>/credit-notes/<int:pk>/pdf/": Route(
        READ, SHOWN, {"number": "number", "pk": "credit note"}
    ),
    "account/<str:number>/payments/": Route(READ, SHOWN, NUMBER),
    "account/<str:number>/payments/<int:pk>/": Route(READ, SHOWN, {"number": "number", "pk": "payment"}),
    "account/<str:number>/payments/<int:pk>/pdf/": Route(READ, SHOWN, {"number": "number", "pk": "payment"}),
    "account/<str:number>/statement/": Route(READ, SHOWN, NUMBER),
    "account/<str:number>/statement/csv/": Route(READ, SHOWN, NUMBER),
    "account/<str:number>/statement/pdf/": Route(READ, SHOWN, NUMBER),
    "account/<str:number>/invoices/<int:pk>/pay/": Route(
        PAY, ASKED_FIRST, INVOICE, {"provider": "code"}, refused="refused"
    ),
    "account/<str:number>/members/": Route(MANAGE, ASKED_FIRST | {"POST": "refused"}, NUMBER),
    "account/<str:number>/members/<int:pk>/": Route(MANAGE, ASKED_FIRST | {"POST": "refused"}, COLLEAGUE),
    "account/<str:number>/members/<int:pk>/remove/": Route(MANAGE, ASKED_FIRST, COLLEAGUE),
    "account/<str:number>/members/tokens/<int:pk>/": Route(
        MANAGE, ASKED_FIRST, {"number": "number", "pk": "colleague's token"}
    ),
    "account/<str:number>/members/invitations/<int:pk>/again/": Route(MANAGE, {"POST": "goes on"}, INVITED),
    "account/<str:number>/members/invitations/<int:pk>/withdraw/": Route(
        MANAGE, {"POST": "goes on"}, INVITED
    ),
    "account/tokens/": Route(SIGNED_IN - {"token"}, ASKED_FIRST | {"POST": "refused"}),
    "account/tokens/<str:pk>/revoke/": Route(SIGNED_IN - {"token"}, ASKED_FIRST, {"pk": "token"}),
}

OPEN = {
    "account/login/": Open("/account/login/", FORM, {"*": "goes on"}),
    "account/logout/": Open(
        "/account/logout/",
        {"GET": "sign in", "HEAD": "sign in", "POST": "sign in", "OPTIONS": "shown"},
        SHOWN | {"POST": "sign in", "OPTIONS": "shown"},
    ),
    "account/password/reset/": Open("/account/password/reset/", FORM, FORM),
    "account/password/reset/done/": Open("/account/password/reset/done/", SENT_ON, SENT_ON),
    "^account/password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$": Open(
        "/account/password/reset/key/1-spent-link/", {"*": "shown"}, {"*": "shown"}
    ),
    # The second factor's own pages, for somebody who has none yet.
    "account/confirm/": Open("/account/confirm/", SIGN_IN, SHOWN | dict.fromkeys(SENDING, "shown")),
    "account/second-factor/": Open("/account/second-factor/", SIGN_IN, SHOWN | {"OPTIONS": "shown"}),
    "account/second-factor/recovery-codes/": Open(
        "/account/second-factor/recovery-codes/",
        SIGN_IN,
        {"GET": "not found", "HEAD": "not found", "OPTIONS": "shown"},
    ),
    **{
        f"account/second-factor/{page}/": Open(f"/account/second-factor/{page}/", SIGN_IN, {"*": word})
        for page, word in (
            ("authenticate", "goes on"),
            ("reauthenticate", "goes on"),
            ("recovery-codes/download", "not found"),
            ("recovery-codes/generate", "goes on"),
            ("totp/activate", "goes on"),
            ("totp/deactivate", "not found"),
        )
    },
    # One that is over; who accepts one that works: tests/accounts/test_member_pages.py.
    "account/invitation/<str:token>/": Open(
        "/account/invitation/spent/", GONE | {"POST": "not found"}, GONE | {"POST": "not found"}
    ),
    # A link that is over; whom one opens what for: tests/payments/test_company_files.py.
    "files/<str:link>/<str:name>": Open("/files/over/invoices.csv", GONE, GONE),
    "api/graphql": Open("/api/graphql", JSON_ONLY, JSON_ONLY, has_csrf=False),
    "graphql": Open("/graphql", JSON_ONLY, JSON_ONLY, has_csrf=False),
    "webhooks/stripe": Open("/webhooks/stripe", SIGNED_ONLY, SIGNED_ONLY, has_csrf=False),
    "webhooks/paypal": Open("/webhooks/paypal", SIGNED_ONLY, SIGNED_ONLY, has_csrf=False),
}


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
    "invoices.creditnote": READ_ONLY._replace(files=frozenset({"download_pdf"})),
    "invoices.invoice": READ_ONLY._replace(
        files=frozenset({"download_pdf", "figures"}),
        leads=frozenset({"record_payment"}),
        questions={
            "apply_credit": Question(
                CASHIERS,
                {"amount": "0.05"},
                status="sent",
                where={"currency": "USD", "reserved_amount": 0, "account__credits__currency": "USD"},
            ),
            "send_reminder": Question(CLERKS, {"level": "Reminder"}, status="sent"),
            "edit": Question(CLERKS, A_DRAFT, status="draft"),
            "preview": Question(VIEWERS, {}, status="draft", comes="shown"),
            "issue": Question(CLERKS, {}, status="draft"),
            "discard": Question(CLERKS, {}, status="draft"),
            "duplicate": Question(CLERKS, {}),
            "send_again": Question(CLERKS, {}),
            "cancel": Question(CLERKS, REASON),
            "credit": Question(CLERKS, {"is_whole": "on"} | REASON, status="sent"),
            "write_off": Question(EDITORS, {"amount": "1.00"} | REASON, status="sent"),
        },
        many={
            "issue_many": Question(CLERKS, {}, status="draft"),
            "zip_many": Question(VIEWERS, {}, comes="refused"),  # the first one's PDF is not made yet
            "remind_many": Question(CLERKS, {}, status="sent"),
        },
        own={
            "remind": Question(CLERKS, {}),
            "draft": Question(CLERKS, {}, comes="shown"),
            "bill_unbilled": Question(CLERKS, {"groups": "nothing"}),
        },
    ),
    "invoices.paymentpromise": READ_ONLY._replace(questions={"withdraw": Question(CLERKS, REASON)}),
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
            "dismiss": Question(CASHIERS, REASON, status="open"),
            "undo": Question(CASHIERS, {}, status="booked"),
        },
        many={"accept_many": Question(CASHIERS, {}, status="open", comes="422")},
    ),
    "payments.bankmapping": Office(add=CASHIERS, change=CASHIERS),
    "payments.bankstatement": READ_ONLY._replace(
        leads=frozenset({"accept_all"}), own={"import": Question(CASHIERS, {}, comes="422")}
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
    "report_taxes": Site("/admin/reports/taxes/?format=csv", "shown", FOR_VIEWERS),
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
