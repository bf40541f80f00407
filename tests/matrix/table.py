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
