"""Who belongs to a company, and who was invited: changed by the operations that the company's own Admins use,
so that the last Admin stays one here too."""

from typing import Any

from django.contrib import admin
from django.forms import ChoiceField, Form, JSONField
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.html import format_html_join
from django.utils.safestring import SafeString, mark_safe
from unfold.decorators import action
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget

from accounts import operations
from accounts.admin.base import (
    MasterDataAdmin,
    ReadOnlyAdmin,
    ReadOnlyInline,
    Tab,
    every_row,
    staff_of,
)
from accounts.admin.columns import account_column, link_column, link_to, link_to_list, tag
from accounts.admin.confirming import NO_PERMISSION, Confirmation, confirm, on_row, posted, refusal_of
from accounts.forms import LEVELS, PERMISSION_LABELS
from accounts.models import Invitation, Membership
from accounts.models.members import checked_permissions
from accounts.models.validators import PlainJSON


class RoleForm(Form):
    """A role, and of a custom one what it allows."""

    role = ChoiceField(label="Role", choices=Membership.Role, widget=UnfoldAdminSelectWidget())
    permissions = JSONField(
        label="Permissions of a custom role",
        required=False,
        decoder=PlainJSON,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
        help_text="Permission to level (1 own, 2 company, 3 company and subsidiaries).",
    )

    def clean(self) -> dict[str, Any]:
        """What is no list of permissions is told beside its field."""
        given = self.cleaned_data
        if {"role", "permissions"} <= given.keys():
            given["permissions"] = checked_permissions(given["role"], given["permissions"])
        return given


class MembershipInline(ReadOnlyInline):
    """The members of one account, each with its own page."""

    model = Membership
    fields = readonly_fields = ("member", "role", "allowed", "tokens", "created_at")
    verbose_name_plural = "Members"

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("user", "account")

    @admin.display(description="User")
    def member(self, membership: Membership) -> Any:
        return link_to(membership, f"{membership.user} ({membership.user.email})")

    @admin.display(description="Permissions")
    def allowed(self, membership: Membership) -> str:
        """A custom role's, in the words in which its company's Admin chose them."""
        words, reach = PERMISSION_LABELS.items(), dict(LEVELS)
        held = membership.permissions
        rows = ((label, reach[held[name]]) for name, label in words if name in held)
        return format_html_join(mark_safe("<br>"), "{}: {}", rows) or "–"

    @admin.display(description="Tokens")
    def tokens(self, membership: Membership) -> SafeString:
        where = {"q": membership.user.email, "show": "all"}
        return link_to_list("accounts.customertoken", "Tokens", **where)


class InvitationInline(ReadOnlyInline):
    """Invitations that can still be accepted."""

    model = Invitation
    fields = readonly_fields = ("invitation_link", "role", "created_at", "expires_at")
    verbose_name_plural = "Invited"

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).open().select_related("account")

    @admin.display(description="E-mail")
    def invitation_link(self, invitation: Invitation) -> Any:
        return link_to(invitation, invitation.email)


@admin.register(Membership)
class MembershipAdmin(MasterDataAdmin):
    """Members are added here; the pages that change or end a membership ask first."""

    list_display = ("user", "account", "role", "created_at")
    list_select_related = ("user", "account")
    list_filter = ("role",)
    search_fields = ("user__email", "user__name", "account__number", "account__company_name")
    autocomplete_fields = ("user", "account")
    actions_detail = ("change_role", "remove")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @action(description="Change role", icon="badge")
    @on_row
    def change_role(self, request: HttpRequest, member: Membership) -> HttpResponse:
        initial = {"role": member.role, "permissions": member.permissions}
        page = Confirmation(
            question=f"Change the role of {member.user}?",
            facts=(
                ("Account", link_to(member.account)),
                ("User", link_to(member.user)),
                ("Role now", member.get_role_display()),
            ),
            consequence="It counts at once, also for their tokens.",
            button="Change role",
            done=f"The role of {member.user} is changed.",
            refusal="" if request.user.has_perm("accounts.change_membership") else NO_PERMISSION,
        )
        return confirm(
            self,
            request,
            member,
            page,
            form=RoleForm(posted(request), initial=initial),
            act=lambda role, permissions: operations.change_member(
                member=member,
                role=role,
                permissions=permissions,
                at=timezone.now(),
                by=staff_of(request),
            ),
        )

    @action(description="Remove", icon="person_remove")
    @on_row
    def remove(self, request: HttpRequest, member: Membership) -> HttpResponse:
        staff = staff_of(request)
        page = Confirmation(
            question=f"Remove {member.user} from {member.account.company_name}?",
            facts=(
                ("Account", link_to(member.account)),
                ("User", link_to(member.user)),
                ("Role", member.get_role_display()),
            ),
            consequence="They lose access at once, and tokens that open no other company are revoked.",
            button=f"Remove {member.user}",
            done=f"{member.user} is no member of {member.account.company_name} any more.",
            refusal=refusal_of(lambda: operations.removable(member=member, staff=staff)),
            is_danger=True,
        )
        return confirm(
            self,
            request,
            member,
            page,
            form=Form(posted(request)),
            act=lambda: operations.remove_member(member=member, at=timezone.now(), by=staff),
            back_to=member.account,
        )


@admin.register(Invitation)
class InvitationAdmin(ReadOnlyAdmin):
    """Places that companies' Admins offered. The link is shown to nobody here, nor is its hash."""

    list_display = ("email", "of_account", "role", "created_at", "expires_at", "state")
    list_select_related = ("account",)
    list_filter = ("role",)
    search_fields = ("email", "account__number", "account__company_name")
    search_help_text = "E-mail, account or company"
    fields = (
        ("email", "state"),
        ("of_account", "invited_by_link"),
        ("role", "permissions"),
        ("created_at", "expires_at"),
        ("accepted_at", "withdrawn_at"),
    )
    actions_detail = ("withdraw",)
    tabs = (
        Tab("open", "Open", lambda rows, at: rows.open(), "Nobody is invited."),
        Tab("all", "All", every_row, "No invitations yet."),
    )
    of_account = account_column()
    invited_by_link = link_column("invited_by", "Invited by")

    @admin.display(description="State")
    def state(self, invitation: Invitation) -> SafeString:
        if invitation.accepted_at:
            return tag("Accepted", "success")
        if invitation.withdrawn_at:
            return tag("Withdrawn")
        return tag("Open", "info") if invitation.is_usable(at=timezone.now()) else tag("Expired")

    @action(description="Withdraw", icon="undo")
    @on_row
    def withdraw(self, request: HttpRequest, invitation: Invitation) -> HttpResponse:
        staff = staff_of(request)
        page = Confirmation(
            question=f"Withdraw the invitation of {invitation.email}?",
            facts=(
                ("Account", link_to(invitation.account)),
                ("Role", invitation.get_role_display()),
                ("Invited by", link_to(invitation.invited_by)),
            ),
            consequence="Its link ends at once.",
            button="Withdraw invitation",
            done=f"The invitation of {invitation.email} is withdrawn.",
            refusal=refusal_of(lambda: operations.withdrawable(invitation=invitation, staff=staff)),
            is_danger=True,
        )
        return confirm(
            self,
            request,
            invitation,
            page,
            form=Form(posted(request)),
            act=lambda: operations.withdraw_invitation(invitation=invitation, at=timezone.now(), by=staff),
        )
