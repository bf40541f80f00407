"""How the pages that ask before write what would change."""

from django.utils.html import format_html
from django.utils.safestring import SafeString

from accounts.templatetags.wording import money

ARROW = '{} <span aria-hidden="true">→</span><span class="unseen">then</span> {}'


def before_after(before: int, after: int, currency: str) -> SafeString:
    """Both amounts, in minor units of one currency, or that nothing changes."""
    if before == after:
        return format_html("{} as before", money(before, currency))
    return format_html(ARROW, money(before, currency), money(after, currency))


def counted(number: int, thing: str) -> str:
    """`1 invoice`, `1,200 invoices`."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"
