"""How tests read the back office, and who works there."""

import re
from html import unescape

from django.contrib.auth.models import Permission
from django.contrib.messages import get_messages
from django.urls import reverse

from accounts.models import User


def a_clerk(*rights: str, email: str = "ben@example.com") -> User:
    """Staff without more than these rights, `payments.verify_payment`."""
    clerk = User.objects.create_user(email, "correct horse", name="Ben Books", is_staff=True)
    for right in rights:
        app, codename = right.split(".")
        clerk.user_permissions.add(Permission.objects.get(content_type__app_label=app, codename=codename))
    return clerk


def page_of(row, action: str = "change") -> str:
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_{action}", args=[row.pk])


def list_of(model, **where) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist", query=where or None)


def form_of(response) -> dict:
    """What a form page would send unchanged."""
    form = response.context["adminform"].form
    sent = {name: form[name].value() for name in form.fields}
    hidden = [name for name, field in form.fields.items() if field.show_hidden_initial]
    sent |= {form[name].html_initial_name: form[name].value() for name in hidden}
    for inline in response.context["inline_admin_formsets"]:
        formset = inline.formset
        management = formset.management_form
        sent |= {f"{formset.prefix}-{name}": management[name].value() for name in management.fields}
        for one in formset.forms:
            sent |= {one[name].html_name: one[name].value() for name in one.fields}
            hidden = [name for name, field in one.fields.items() if field.show_hidden_initial]
            sent |= {one[name].html_initial_name: one[name].value() for name in hidden}
    for name, field in form.fields.items():
        if hasattr(field.widget, "widgets") and not isinstance(sent[name], str):
            parts = field.widget.decompress(sent.pop(name))
            sent |= {f"{name}_{position}": part for position, part in enumerate(parts)}
    return {name: value for name, value in sent.items() if value is not None and value is not False}


def plain(markup: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", markup)).split())


def question(response) -> str:
    """The heading of a page that asks."""
    return plain(re.search(r"<h1>(.*?)</h1>", response.content.decode(), re.S)[1])


def facts(response) -> dict[str, str]:
    """What a page that asks says would happen."""
    rows = re.findall(r'<tr><th scope="row">(.*?)</th><td>(.*?)</td></tr>', response.content.decode(), re.S)
    return {plain(label): plain(value) for label, value in rows}


def button(response) -> str | None:
    """The one button of a page that asks; None when a refusal stands there."""
    found = re.search(r'class="answer[^"]*">(.*?)</button>', response.content.decode())
    return unescape(found[1]) if found else None


def refusal(response) -> str | None:
    found = re.search(r'class="question__refusal">(.*?)</p>', response.content.decode())
    return unescape(found[1]) if found else None


def rows(response) -> list[list[str]]:
    """The cells of a list, row by row."""
    table = response.content.decode().partition('id="result_list"')[2].partition("</table>")[0]
    bodies = re.findall(r"<tbody.*?</tbody>", table, re.S)
    return [
        [plain(cell) for cell in re.findall(r"<t[hd](?![^>]*action-checkbox).*?</t[hd]>", body, re.S)]
        for body in bodies
    ]


def told(response) -> list[str]:
    """The messages that the next page will show."""
    return [str(message) for message in get_messages(response.wsgi_request)]
