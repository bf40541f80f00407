"""Who belongs to a company, and what they may do there: decided by its Admins, under the account's lock."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from accounts.models import Account, Customer, CustomerToken, Membership, User
from accounts.models.members import checked_permissions
from accounts.operations.locking import locked_account
from accounts.operations.rights import acting
from accounts.operations.tokens import revoke_token
from core.audit import record
from core.errors import Conflict, Forbidden, Invalid, NotFound

CHANGE, REMOVE = "accounts.change_membership", "accounts.delete_membership"


def change_member(
    *, member: Membership, role: str, permissions: Mapping[str, int], at: datetime, by: Customer | User
) -> None:
    """Give a member another role, a custom one with its permissions and their levels.

    Refuses who is neither an Admin nor staff that may, an unknown role or permission, and taking the role
    from the last Admin.
    """
    role, levels = checked_role(role, permissions)
    with locked_account(member.account_id) as account:
        require_may(account, by, CHANGE)
        current = _still_there(member)
        before = _rights(current)
        if role != Membership.Role.ADMIN:
            _require_other_admin(current, account)
        current.role, current.permissions = role, levels
        if _rights(current) != before:
            current.save(update_fields=["role", "permissions"])
            record(current, "membership.changed", at=at, by=by.actor, before=before, after=_rights(current))


def remove_member(*, member: Membership, at: datetime, by: Customer | User) -> None:
    """End a membership, and the member's tokens that open no other company. What they paid stays.

    Refuses who is no Admin, and removing the last one.
    """
    with locked_account(member.account_id) as account:
        require_may(account, by, REMOVE)
        current = _still_there(member)
        _require_other_admin(current, account)
        for token in current.tokens_of_it_alone():
            revoke_token(token=token, at=at, by=by.actor)
        before = {"user": current.user_id, **_rights(current)}
        record(current, "membership.removed", at=at, by=by.actor, before=before)
        current.delete()


def revoke_member_token(*, account: Account, token: CustomerToken, at: datetime, by: Customer) -> None:
    """End a token of a member's own program. Refuses who is no Admin."""
    with locked_account(account.pk) as current:
        require_admin(current, by)
        revoke_token(token=token_of_member(current, token.pk), at=at, by=by.actor)


def token_of_member(account: Account, pk: int) -> CustomerToken:
    """A token that opens this company and no other one: the others are not its matter, and are not found."""
    token = CustomerToken.objects.select_related("user").filter(pk=pk).first()
    member = account.memberships.filter(user=token.user).first() if token else None
    if token is None or member is None or not member.tokens_of_it_alone().filter(pk=pk).exists():
        raise NotFound(_("Token not found"))
    return token


def require_admin(account: Account, by: Customer) -> None:
    """Refuses whoever is no Admin of the company at this moment, also who was one when the page was loaded.
    And programs: a token that was taken must not make its finder a member."""
    is_admin = Membership.objects.admins_of(account.pk).filter(user=by.user).exists()
    if by.token is not None or not is_admin:
        raise Forbidden(_("Only an Admin can manage members"))


def require_may(account: Account, by: Customer | User, permission: str) -> None:
    """An Admin of the company, or a member of staff who has the permission."""
    if isinstance(by, User):
        acting(by, permission)
    else:
        require_admin(account, by)


def removable(*, member: Membership, staff: User) -> Membership:
    """The membership as it is now, if this member of staff can end it."""
    acting(staff, REMOVE)
    current = _still_there(member)
    _require_other_admin(current, current.account)
    return current


def checked_role(role: str, permissions: Mapping[str, int]) -> tuple[str, dict[str, int]]:
    """A role, and the levels by permission of a custom one. Refuses what is unknown, naming it."""
    if role not in Membership.Role.values:
        raise Invalid(_("Choose a role"), field="role")
    try:
        levels = checked_permissions(role, dict(permissions))
    except ValidationError as error:
        raise Invalid(" ".join(error.messages), field="permissions") from None
    if role == Membership.Role.CUSTOM and not levels:
        raise Invalid(_("Choose at least one permission for the custom role"), field="permissions")
    return role, levels


def _require_other_admin(member: Membership, account: Account) -> None:
    if member.is_last_admin():
        text = _("%(company)s needs at least one Admin. Make somebody else Admin first.")
        raise Conflict(text % {"company": account.company_name})


def _still_there(member: Membership) -> Membership:
    """The row as it is now, under the account's lock."""
    current = Membership.objects.select_related("user", "account").filter(pk=member.pk).first()
    if current is None:
        raise NotFound(_("Member not found"))
    return current


def _rights(member: Membership) -> dict[str, Any]:
    return {"role": str(member.role), "permissions": member.permissions}
