"""Mails without a mail server: each becomes a file that mail programs open."""

from collections.abc import Sequence
from pathlib import Path

from django.conf import settings
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend
from django.utils import timezone
from django.utils.text import slugify

LONGEST = 60


class EmailBackend(BaseEmailBackend):
    """`20250903-052107-596000-receipt-3940-paid.eml`, in the folder of `EMAIL_URL`."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        folder = Path(settings.EMAIL_FILE_PATH)
        folder.mkdir(parents=True, exist_ok=True)
        for message in email_messages:
            name = f"{timezone.now():%Y%m%d-%H%M%S-%f}-{slugify(message.subject)[:LONGEST]}".strip("-")
            with (folder / f"{name}.eml").open("xb") as file:
                file.write(message.message().as_bytes())
        return len(email_messages)
