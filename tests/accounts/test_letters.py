"""Letters about a person's sign-in: what they say, in the language of that person."""

import re

import pytest

from accounts import operations
from accounts.models import Account, Organization, User

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def the_site(settings):
    settings.SITE_URL = "https://shop.example"


def sent_to(user, mailoutbox):
    operations.send_password_reset(user=User.objects.get(pk=user.pk))
    return mailoutbox[-1]


def page_of(sent) -> str:
    ((page, kind),) = sent.alternatives
    assert kind == "text/html"
    return page


def test_a_link_for_a_new_password(alice, mailoutbox):
    sent = sent_to(alice.user, mailoutbox)
    link = re.search(r"https://shop\.example/account/password/reset/key/\S+", sent.body)[0]
    assert (sent.subject, sent.to) == ("Set a new password", ["alice@example.com"])
    assert (
        sent.body
        == f"""\
Set a new password with this link. It works for one hour.

Set a new password:
{link}

Nobody asked for it? Then do nothing: your password stays as it is.

Test mode: no real money moves.

Northwind Supply GmbH
You get this e-mail because somebody asked for a new password for alice@example.com.
"""
    )
    assert re.findall(r'href="([^"]*)"', page_of(sent)) == [link]
    assert alice.token.removeprefix("ctok_") not in sent.body + page_of(sent)


@pytest.mark.parametrize(
    ("persons", "accounts", "organizations", "subject", "language"),
    [
        ("fr_FR", "de_DE", "it", "Définir un nouveau mot de passe", "fr-FR"),
        ("", "de_DE", "it", "Neues Passwort festlegen", "de-DE"),
        ("ar", "en_US", "it", "تعيين كلمة مرور جديدة", "ar"),
        ("pl", "de_DE", "it", "Set a new password", "en"),
    ],
)
def test_in_the_person_s_language_else_the_account_s(
    persons, accounts, organizations, subject, language, alice, account, mailoutbox
):
    User.objects.filter(pk=alice.user.pk).update(locale=persons)
    Account.objects.filter(pk=account.pk).update(locale=accounts)
    Organization.objects.update(locale=organizations)
    sent = sent_to(alice.user, mailoutbox)
    assert sent.subject == subject
    assert f'<html lang="{language}" dir="{"rtl" if language == "ar" else "ltr"}">' in page_of(sent)


def test_staff_belong_to_no_account(stella, mailoutbox, account):
    Organization.objects.update(locale="nl")
    assert sent_to(stella, mailoutbox).subject == "Stel een nieuw wachtwoord in"


def test_before_there_is_an_organization(db, mailoutbox):
    user = User.objects.create_user("first@example.com", "correct horse")
    sent = sent_to(user, mailoutbox)
    assert sent.body.endswith(
        "Test mode: no real money moves.\n\n"
        "You get this e-mail because somebody asked for a new password for first@example.com.\n"
    )
