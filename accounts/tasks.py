"""What the worker does for accounts."""

from datetime import datetime
from typing import Any

from accounts import operations
from accounts.models import User
from accounts.operations.passwords import RESET_ASKED
from core import outbox


@outbox.consumer(RESET_ASKED)
def password_reset_asked(payload: dict[str, Any], at: datetime) -> None:
    operations.send_password_reset(user=User.objects.get(pk=payload["user"]))
