"""How the pages that ask before write what would change."""

from collections import Counter
from collections.abc import Iterable

from django.db import models
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from accounts.models import Account
from accounts.templatetags.wording import money, plain_money
from payments.operations.foreseeing import Effect

ARROW = '{} <span aria-hidden="true">→</span><span class="unseen">then</span> {}'


def before_after(before: int, after: int, currency: str) -> SafeString:
    """Both amounts, in minor units of one currency, or that nothing changes."""
    if before == after:
        return format_html("{} as before", money(before, currency))
    return format_html(ARROW, money(before, currency), money(after, currency))


def owed_again(effect: Effect) -> list[tuple[str, SafeString]]:
    """What is told besides where a closed account would owe something again; nothing of others."""
    account = effect.account
    if account.status != Account.Status.CLOSED or effect.balance_after <= max(0, effect.balance_now):
        return []
    words = "It owes {} then, and stays closed. Its members can still pay it; aging and reminders go on."
    return [("The account is closed", format_html(words, money(effect.balance_after, account.currency)))]


def summed(amounts: Iterable[tuple[str, int]]) -> str:
    """`$4,310.00 and €220.00`, of amounts in minor units with their currencies, which are never added up; the
    largest number first."""
    sums: Counter[str] = Counter()
    for currency, minor in amounts:
        sums[currency] += minor
    ordered = sorted(sums.items(), key=lambda one: (-one[1], one[0]))
    told = [plain_money(minor, currency) for currency, minor in ordered]
    return f"{', '.join(told[:-1])} and {told[-1]}" if len(told) > 1 else "".join(told)


def counted(number: int, thing: str) -> str:
    """`1 invoice`, `1,200 invoices`."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def leaves(said: str, row: models.Model, page: str, stop: str) -> SafeString:
    """What is about to leave the house, with the way to the page of its row that stops it."""
    there = reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_{page}", args=[row.pk])
    return format_html('{} <a href="{}">{}</a>', said, there, stop)
