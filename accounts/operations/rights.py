"""What staff may do, and that they say why: asked by the operations themselves, whichever door they came
through."""

from accounts.models import User
from core.audit import SYSTEM, Actor
from core.errors import Forbidden, Invalid


def acting(staff: User | None, permission: str) -> Actor:
    """Who acts: this member of staff, or without one the site itself, as for a recurring invoice. Refuses
    staff without the permission."""
    if staff is None:
        return SYSTEM
    if not staff.is_staff or not staff.has_perm(permission):
        raise Forbidden
    return staff.actor


def required(reason: str) -> str:
    """A reason without the space around it; refuses none."""
    if not reason.strip():
        raise Invalid("Enter a reason", field="reason")
    return reason.strip()
