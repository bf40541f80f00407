"""The merchant's logo, and the bank account that customers pay to."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO

from django.db import transaction
from PIL import Image, UnidentifiedImageError

from accounts.models import BankAccountChange, Logo, Organization, User
from accounts.operations.rights import acting, required
from core.audit import record
from core.errors import Conflict, Forbidden, Invalid
from core.transitions import move

PERMISSION = "accounts.change_organization"
LARGEST_FILE = 1024 * 1024
LARGEST_PIXELS = 20_000_000
BOX = (900, 300)  # pixels: three times what papers show it in
BANK = ("bank_account_holder", "bank_name", "iban", "bic")


@dataclass(frozen=True)
class BankAccount:
    """Where customers pay to."""

    bank_account_holder: str
    bank_name: str
    iban: str
    bic: str


def set_logo(*, content: bytes, at: datetime, staff: User) -> Logo:
    """Put a picture (PNG or JPEG, at most 1 MB) on the papers that are made from now on. It is drawn anew, at
    most 900 × 300 pixels, so that nothing but the picture is kept."""
    by = acting(staff, PERMISSION)
    drawn = _drawn(content)
    sha256 = hashlib.sha256(drawn).hexdigest()
    with transaction.atomic():
        logo, _ = Logo.objects.get_or_create(sha256=sha256, defaults={"content": drawn, "created_at": at})
        organization = Organization.objects.select_for_update().get()
        before = organization.logo.sha256 if organization.logo else ""
        organization.logo = logo
        organization.save(update_fields=["logo"])
        told = {"logo": sha256}
        record(organization, "organization.logo_set", at=at, by=by, before={"logo": before}, after=told)
    return logo


def remove_logo(*, at: datetime, staff: User) -> None:
    """Papers that are made from now on show the name instead."""
    by = acting(staff, PERMISSION)
    with transaction.atomic():
        organization = Organization.objects.select_for_update().get()
        if organization.logo is None:
            raise Conflict("There is no logo")
        before = {"logo": organization.logo.sha256}
        organization.logo = None
        organization.save(update_fields=["logo"])
        record(organization, "organization.logo_removed", at=at, by=by, before=before, after={"logo": ""})


def _drawn(content: bytes) -> bytes:
    if len(content) > LARGEST_FILE:
        raise Invalid("Choose a file of at most 1 MB", field="file")
    try:
        with Image.open(BytesIO(content), formats=("PNG", "JPEG")) as picture:
            if picture.width * picture.height > LARGEST_PIXELS:
                raise Invalid("Choose a picture of at most 20 million pixels", field="file")
            plain = picture.convert("RGBA" if picture.mode in ("RGBA", "LA", "P") else "RGB")
    except Image.DecompressionBombError as error:
        raise Invalid("Choose a picture of at most 20 million pixels", field="file") from error
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError) as error:
        raise Invalid("Choose a PNG or JPEG picture", field="file") from error
    plain.thumbnail(BOX)
    made = BytesIO()
    plain.save(made, format="PNG", optimize=True)
    return made.getvalue()


def ask_for_bank_account(
    *, account: BankAccount, reason: str, at: datetime, staff: User
) -> BankAccountChange:
    """Ask that customers pay to another bank account. Nothing changes until somebody else approves it.
    Refuses a second wish while one waits, what is there already, and a missing holder, number or reason."""
    by = may_ask(staff=staff)
    for name, words in (("bank_account_holder", "Enter the holder"), ("iban", "Enter the IBAN or number")):
        if not getattr(account, name).strip():
            raise Invalid(words, field=name)
    reason = required(reason)
    given = {name: getattr(account, name).strip() for name in BANK}
    organization = Organization.objects.get()
    if all(getattr(organization, name) == value for name, value in given.items()):
        raise Invalid("Customers pay to this account already", field="iban")
    with transaction.atomic():
        row = BankAccountChange.objects.create(**given, reason=reason, asked_by=staff, asked_at=at)
        record(row, "bankaccountchange.asked", at=at, by=by.actor, after=given, reason=reason)
    return row


def decide_on_bank_account(*, change: BankAccountChange, approve: bool, at: datetime, staff: User) -> None:
    """Approve another bank account, which is printed on papers from now on with the day it changed, or reject
    it. Refuses whoever asked for it to approve, and a wish that is decided."""
    decidable_bank_account(change=change, staff=staff, approve=approve)
    Status = BankAccountChange.Status
    with transaction.atomic():
        organization = Organization.objects.select_for_update().get()
        current = BankAccountChange.objects.get(pk=change.pk)
        to = Status.APPROVED if approve else Status.REJECTED
        move(current, to, at=at, by=staff.actor, decided_by=staff, decided_at=at)
        if not approve:
            return
        before = {name: getattr(organization, name) for name in BANK}
        after = {name: getattr(current, name) for name in BANK}
        for name, value in after.items():
            setattr(organization, name, value)
        if before["iban"]:  # the first one is no change
            organization.bank_changed_date = organization.today(at)
        organization.save(update_fields=[*BANK, "bank_changed_date"])
        record(organization, "organization.bank_changed", at=at, by=staff.actor, before=before, after=after)


def may_ask(*, staff: User) -> User:
    """Refuses staff who may not ask for another bank account, and everybody while a wish waits."""
    acting(staff, PERMISSION)
    if BankAccountChange.objects.filter(status=BankAccountChange.Status.ASKED).exists():
        raise Conflict("Another bank account waits for its approval already")
    return staff


def decidable_bank_account(*, change: BankAccountChange, staff: User, approve: bool = True) -> None:
    """Refuses staff who may not decide on a wish; the page that asks before shows it."""
    acting(staff, PERMISSION)
    current = BankAccountChange.objects.get(pk=change.pk)
    if current.status != BankAccountChange.Status.ASKED:
        raise Conflict(f"This change is already {current.get_status_display().lower()}")
    if approve and current.asked_by_id == staff.pk:
        raise Forbidden("You asked for this yourself: somebody else must approve it")
