"""The levels of reminders: their days, texts and fees."""

import pytest
from django.core.exceptions import ValidationError

from accounts import operations as accounts
from invoices import operations
from invoices.models import ReminderFee, ReminderLevel, ReminderText
from invoices.models.reminders import LANGUAGES
from tests import factories

pytestmark = pytest.mark.django_db


class TestLevels:
    @pytest.mark.parametrize(
        "text", ["{", "}", "{nothing}", "{}", "{0}", "{number!r}", "{amount:>9}", "{days.real}", "{days[0]}"]
    )
    def test_only_the_named_places(self, text):
        level = ReminderLevel.objects.create(name="First", days=3)
        row = ReminderText(level=level, language="en", subject="Pay", text=text)
        with pytest.raises(ValidationError) as caught:
            row.full_clean()
        assert list(caught.value.message_dict) == ["text"]
        assert "{number}, {amount}, {due_date}, {days}" in str(caught.value)

    def test_texts_with_them(self):
        level = ReminderLevel.objects.create(name="First", days=3)
        text = "{{Hello}} {number} {amount} {due_date} {days}"
        ReminderText(level=level, language="en", subject="{number}", text=text).full_clean()

    def test_a_fee_fits_its_currency(self):
        level = ReminderLevel.objects.create(name="First", days=3)
        with pytest.raises(ValidationError, match=r"10\.5 has more decimal places than JPY allows"):
            ReminderFee(level=level, currency="JPY", amount="10.5").full_clean()

    def test_the_languages_are_those_of_letters(self):
        assert sorted(code for code, _ in LANGUAGES) == sorted(accounts.letters.WORDS)

    def test_two_levels_in_use_have_different_days(self):
        factories.reminder_levels(3)
        with pytest.raises(ValidationError, match="Another level in use has this number of days"):
            ReminderLevel(name="Other", days=3).full_clean()
        ReminderLevel(name="Other", days=3, is_active=False).full_clean()


def test_fee_of(account):
    (only,) = factories.reminder_levels(3, fee="5.50")
    assert (operations.fee_of(only, "USD"), operations.fee_of(only, "EUR")) == (550, 0)
