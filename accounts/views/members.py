"""Members of a company, their tokens and invitations, for its Admins."""

from django.contrib import messages
from django.http import HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from accounts import operations
from accounts.forms import InvitationForm, RightsForm
from accounts.models import Account, Invitation, Membership
from accounts.querysets import parse_id
from accounts.views.access import CustomerRequest, admin_page, see_other, show
from core.doors import form_error
from core.errors import NotFound, Refusal


@require_http_methods(["GET", "HEAD", "POST"])
@admin_page
def members(request: CustomerRequest, account: Account) -> HttpResponse:
    """Who belongs to the company and who is invited; posting the form invites somebody."""
    form = InvitationForm(request.POST if request.method == "POST" else None)
    if form.is_valid() and _invite(request, account, form):
        return see_other(request, _list(account))
    people = list(account.memberships.select_related("user").order_by("user__name", "user__email"))
    context = {
        "account": account,
        "form": form,
        "members": people,
        "admins": {one.user_id for one in people if one.role == Membership.Role.ADMIN and one.user.is_active},
        "invitations": account.invitations.open().select_related("invited_by"),
        "now": timezone.now(),
    }
    return show(request, "members/list.html", context, status=422 if form.errors else 200)


def _invite(request: CustomerRequest, account: Account, form: InvitationForm) -> bool:
    """Whether it was sent; if not, the form says why."""
    try:
        invitation = operations.invite_member(
            account=account,
            email=form.cleaned_data["email"],
            role=form.cleaned_data["role"],
            permissions=form.permissions,
            at=timezone.now(),
            by=request.customer,
        )
    except Refusal as refusal:
        _refused(form, refusal)
        return False
    messages.success(request, _sent(invitation))
    return True


@require_http_methods(["GET", "HEAD", "POST"])
@admin_page
def change(request: CustomerRequest, account: Account, pk: int) -> HttpResponse:
    """The role and the permissions of a member."""
    member = _member(account, pk)
    form = RightsForm(request.POST if request.method == "POST" else None, member=member)
    if form.is_valid():
        try:
            operations.change_member(
                member=member,
                role=form.cleaned_data["role"],
                permissions=form.permissions,
                at=timezone.now(),
                by=request.customer,
            )
        except Refusal as refusal:
            _refused(form, refusal)
        else:
            messages.success(request, _("The role of %(name)s is changed.") % {"name": member.user})
            return see_other(request, _after(request, account, member))
    tokens = member.tokens_of_it_alone().usable(at=timezone.now())
    context = {"account": account, "form": form, "member": member, "tokens": tokens}
    return show(request, "members/change.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@admin_page
def remove(request: CustomerRequest, account: Account, pk: int) -> HttpResponse:
    """GET asks, POST removes."""
    member, reason, status = _member(account, pk), "", 200
    if request.method == "POST":
        try:
            operations.remove_member(member=member, at=timezone.now(), by=request.customer)
        except Refusal as refusal:
            reason, status = refusal.message, 422
        else:
            text = _("%(name)s is removed from %(company)s.")
            messages.success(request, text % {"name": member.user, "company": account.company_name})
            return see_other(request, _after(request, account, member))
    context = {
        "account": account,
        "member": member,
        "first_name": member.user.name.partition(" ")[0] or member.user.email,
        "token_count": member.tokens_of_it_alone().usable(at=timezone.now()).count(),
        "reason": reason,
    }
    return show(request, "members/remove.html", context, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
@admin_page
def end_token(request: CustomerRequest, account: Account, pk: int) -> HttpResponse:
    """GET asks, POST revokes a member's token."""
    token = operations.token_of_member(account, parse_id(pk))
    member = account.memberships.get(user=token.user)
    if request.method == "POST":
        operations.revoke_member_token(account=account, token=token, at=timezone.now(), by=request.customer)
        messages.success(request, _("“%(name)s” is revoked.") % {"name": token.name})
        return see_other(request, reverse("member", args=[account.number, member.pk]))
    return show(request, "members/revoke.html", {"account": account, "member": member, "token": token})


@require_POST
@admin_page
def invite_again(request: CustomerRequest, account: Account, pk: int) -> HttpResponse:
    """Another link by another mail."""
    invitation = _invitation(account, pk)
    try:
        operations.send_invitation_again(invitation=invitation, at=timezone.now(), by=request.customer)
    except Refusal as refusal:
        messages.error(request, refusal.message)
    else:
        messages.success(request, _sent(invitation))
    return see_other(request, _list(account))


@require_POST
@admin_page
def withdraw(request: CustomerRequest, account: Account, pk: int) -> HttpResponse:
    invitation = _invitation(account, pk)
    try:
        operations.withdraw_invitation(invitation=invitation, at=timezone.now(), by=request.customer)
    except Refusal as refusal:
        messages.error(request, refusal.message)
    else:
        text = _("The invitation of %(email)s is withdrawn. Its link no longer works.")
        messages.success(request, text % {"email": invitation.email})
    return see_other(request, _list(account))


def _refused(form: RightsForm, refusal: Refusal) -> None:
    """What is wrong with the permissions together, stands beside the first of them."""
    if refusal.field == "permissions":
        form.add_error(form.levels[0].name, refusal.message)
    else:
        form_error(form, refusal)


def _member(account: Account, pk: int) -> Membership:
    member = account.memberships.select_related("user").filter(pk=parse_id(pk)).first()
    if member is None:
        raise NotFound("Member not found")
    return member


def _invitation(account: Account, pk: int) -> Invitation:
    invitation = account.invitations.filter(pk=parse_id(pk)).first()
    if invitation is None:
        raise NotFound("Invitation not found")
    return invitation


def _sent(invitation: Invitation) -> str:
    return _("Invitation sent to %(email)s. It works for 7 days.") % {"email": invitation.email}


def _list(account: Account) -> str:
    return reverse("members", args=[account.number])


def _after(request: CustomerRequest, account: Account, member: Membership) -> str:
    """Where to go on: who gave up their own place there, is no Admin any more."""
    return "/account/" if member.user == request.customer.user else _list(account)
