"""Mails without a mail server are files that a mail program opens."""

import email
from email.policy import default

import pytest
from django.core.mail import EmailMultiAlternatives, get_connection

from accounts.operations import send_password_reset
from tests.factories import NOW

BACKEND = "invoicing_site.mail_files.EmailBackend"


@pytest.fixture(autouse=True)
def folder(settings, tmp_path, time_machine):
    time_machine.move_to(NOW, tick=False)
    settings.EMAIL_BACKEND = BACKEND
    settings.EMAIL_FILE_PATH = str(tmp_path / "mail")
    return tmp_path / "mail"


def test_a_letter_is_read_as_it_was_sent(folder, alice):
    send_password_reset(user=alice.user)
    (file,) = folder.iterdir()
    assert file.name == "20250903-052107-596000-set-a-new-password.eml"
    read = email.message_from_bytes(file.read_bytes(), policy=default)
    assert (read["Subject"], read["To"]) == ("Set a new password", "alice@example.com")
    assert read.get_body(("plain",)).get_content().startswith("Set a new password with this link.")
    assert '<html lang="en-US" dir="ltr">' in read.get_body(("html",)).get_content()


@pytest.mark.parametrize(
    ("subject", "name"),
    [
        ("../../etc/passwd", "20250903-052107-596000-etcpasswd.eml"),
        ("ننتظر", "20250903-052107-596000.eml"),
        ("x" * 200, f"20250903-052107-596000-{'x' * 60}.eml"),
    ],
)
def test_whatever_the_subject_is(folder, subject, name):
    one = EmailMultiAlternatives(subject, "Hello", "a@example.com", ["b@example.com"])
    assert get_connection().send_messages([one]) == 1
    assert [file.name for file in folder.iterdir()] == [name]


def test_no_mail_is_written_over_another(folder):
    one = EmailMultiAlternatives("Same", "Hello", "a@example.com", ["b@example.com"])
    one.send()
    with pytest.raises(FileExistsError):  # the outbox tries again, a moment later
        one.send()
    assert len(list(folder.iterdir())) == 1
