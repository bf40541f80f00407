"""The roles of staff: groups that every installation has, and what each may do."""

from django.contrib.auth.models import Group, Permission
from django.db.models import Q

BUSINESS = ("accounts", "orders", "invoices", "payments")
READS = Q(codename__startswith="view_")


def _named(*names: str) -> Q:
    """Permissions by app and codename, `payments.verify_payment`."""
    found = Q(pk__in=())
    for name in names:
        app, codename = name.split(".")
        found |= Q(content_type__app_label=app, codename=codename)
    return found


CLERK = _named(
    "accounts.add_account",
    "accounts.add_accountnote",
    "accounts.change_account",
    "accounts.add_membership",
    "accounts.change_invitation",
    "accounts.change_membership",
    "invoices.cancel_invoice",
    "invoices.credit_invoice",
    "invoices.draft_invoice",
    "invoices.issue_invoice",
    "invoices.remind_invoice",
    "invoices.add_recurringinvoice",
    "invoices.change_recurringinvoice",
    "invoices.add_recurringline",
    "invoices.change_recurringline",
    "invoices.delete_recurringline",
)
CASHIER = _named(
    "payments.add_bankmapping",
    "payments.apply_accountcredit",
    "payments.assign_payment",
    "payments.change_bankmapping",
    "payments.change_reconciliationissue",
    "payments.record_payment",
    "payments.refund_payment",
    "payments.verify_payment",
)
ROLES: dict[str, Q] = {
    "Auditor": READS,
    "Cashier": READS | CASHIER,
    "Clerk": READS | CLERK,
    "Owner": READS | Q(content_type__app_label__in=BUSINESS),
}


def install_roles(*, using: str, **migrated: object) -> None:
    """After every migration: the groups are there, with at least what is listed. What a superuser gives
    besides stays; who should do less gets another group."""
    for name, may in ROLES.items():
        group, _ = Group.objects.using(using).get_or_create(name=name)
        wanted = set(Permission.objects.using(using).filter(may).values_list("pk", flat=True))
        there = set(group.permissions.values_list("pk", flat=True))
        if wanted - there:
            group.permissions.add(*wanted - there)
