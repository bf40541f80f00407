"""A paper's PDF, and the mail that brings it: whether it was sent, stopping it before it leaves, sending it
again."""

from typing import Any

from django.contrib import admin, messages
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.formats import date_format, localize
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import action

from accounts.admin.base import ReadOnlyAdmin, staff_of
from accounts.admin.columns import link_to, tag
from accounts.admin.confirming import Confirmation, confirm, on_row, posted, refusal_of
from core.doors import pdf_file
from core.errors import Conflict
from invoices import operations as invoices
from invoices.models import Invoice
from invoices.operations.mailing import Paper
from payments import operations
from payments.admin.wording import leaves


def sent_soon(said: str, paper: Paper) -> SafeString | str:
    """What is told of a paper whose mail was just written, with the way to stop it."""
    if not operations.recipients_of(paper.account):
        return f"{said} Its account has no address to send it to."
    return leaves(f"{said} Sent in 30 seconds.", paper, "stop_mail", "Stop")


class MailingPages(ReadOnlyAdmin):
    """What a paper's page has of its PDF and its mail."""

    @action(description="Download PDF", icon="download")
    @on_row
    def download_pdf(self, request: HttpRequest, paper: Paper) -> HttpResponse:
        """The PDF as the customer has it, of an invoice without the button. While it is being made, the
        paper's page says so."""
        try:
            if isinstance(paper, Invoice):
                content = invoices.document_of(paper).content
            else:
                content = invoices.document_of_credit_note(paper).content
        except Conflict as refusal:
            messages.info(request, refusal.message)
            return redirect(f"admin:invoices_{self.opts.model_name}_change", paper.pk)
        return pdf_file(content, str(paper))

    @admin.display(description="Mail")
    def mail(self, paper: Paper) -> SafeString | str:
        waiting, last = invoices.waiting_mail(paper), invoices.last_mailing(paper)
        if waiting:
            clock = date_format(timezone.localtime(waiting.not_before), "H:i:s")
            return leaves(f"Leaves at {clock}.", paper, "stop_mail", "Stop")
        if last is None:
            return tag("Not sent")
        if not last.action.endswith(".mailed"):
            said = f"stopped by {last.actor_label}, {localize(timezone.localtime(last.at))}"
            return format_html("{} {}", tag("Not sent", "warning"), said)
        return f"Sent to {', '.join(last.after['to'])}, {localize(timezone.localtime(last.at))}"

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list:
        """*Stop mail* while there is one to stop, else *Send again*."""
        actions = super().get_actions_detail(request, object_id)
        paper = self.get_object(request, object_id)
        gone = "send_again" if paper is not None and invoices.waiting_mail(paper) else "stop_mail"
        return [one for one in actions if not one.action_name.endswith(f"_{gone}")]

    @action(description="Send again", icon="forward_to_inbox")
    @on_row
    def send_again(self, request: HttpRequest, paper: Paper) -> HttpResponse:
        staff = staff_of(request)
        page = Confirmation(
            question=f"Send {paper} again?",
            facts=(
                ("Account", link_to(paper.account)),
                ("To", ", ".join(operations.recipients_of(paper.account)) or "nobody"),
                ("Mail", self.mail(paper)),
            ),
            consequence="The customer gets the same PDF by e-mail. It leaves in 30 seconds; until then it "
            "can be stopped.",
            button=f"Send {paper}",
            done="",
            refusal=refusal_of(lambda: operations.sendable(paper=paper, staff=staff)),
        )

        def act() -> SafeString | str:
            operations.send_again(paper=paper, at=timezone.now(), staff=staff)
            return sent_soon(f"{paper} is on its way.", paper)

        return confirm(self, request, paper, page, form=Form(posted(request)), act=act)

    @action(description="Stop mail", icon="stop_circle")
    @on_row
    def stop_mail(self, request: HttpRequest, paper: Paper) -> HttpResponse:
        staff = staff_of(request)
        page = Confirmation(
            question=f"Stop the mail of {paper}?",
            facts=(
                ("Account", link_to(paper.account)),
                ("To", ", ".join(operations.recipients_of(paper.account)) or "nobody"),
            ),
            consequence=f"No mail leaves. {paper} stays issued: the company sees it on its pages, and it can "
            "be sent again.",
            button="Stop mail",
            done=f"The mail of {paper} is stopped. It is not sent.",
            refusal=refusal_of(lambda: invoices.mail_stoppable(paper=paper, staff=staff)),
        )
        return confirm(
            self,
            request,
            paper,
            page,
            form=Form(posted(request)),
            act=lambda: invoices.stop_mail(paper=paper, at=timezone.now(), staff=staff),
        )
