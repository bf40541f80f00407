"""What the worker does for accounts."""

from datetime import datetime
from typing import Any

from django.apps import apps
from django.contrib import admin
from django.utils import timezone

from accounts import operations
from accounts.models import Export, Invitation, User
from accounts.operations.exporting import EXPORT
from accounts.operations.inviting import INVITED
from accounts.operations.passwords import RESET_ASKED
from accounts.operations.zipping import ZIPS, write_zip
from core import outbox


@outbox.consumer(RESET_ASKED)
def password_reset_asked(payload: dict[str, Any], at: datetime) -> None:
    operations.send_password_reset(user=User.objects.get(pk=payload["user"]))


@outbox.consumer(INVITED)
def invitation_sent(payload: dict[str, Any], at: datetime) -> None:
    invitation = Invitation.objects.select_related("account", "invited_by").get(pk=payload["invitation"])
    operations.send_invitation(invitation=invitation, seed=payload["seed"], at=at)


@outbox.consumer(EXPORT)
def export_asked(payload: dict[str, Any], at: datetime) -> None:
    """The list's own page knows its rows and columns; it is found where every page is registered."""
    export = Export.objects.select_related("staff").get(pk=payload["export"])
    if export.kind in ZIPS:
        write_zip(export, at=at)
        return
    page: Any = admin.site.get_model_admin(apps.get_model(export.kind))
    page.write_export(export, at=at)


def remove_old_exports_now() -> str:
    """Every hour."""
    return f"{operations.remove_old_exports(at=timezone.now())} files were removed"
