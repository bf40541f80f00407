"""People and programs: users, groups, tokens."""

from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from axes.models import AccessAttempt, AccessFailureLog, AccessLog
from django.contrib import admin
from django.contrib.auth.models import Group, Permission
from django.core.validators import MaxLengthValidator
from django.forms import Form, ModelForm
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.safestring import SafeString
from django_q.models import Failure, OrmQ, Schedule, Success
from unfold.decorators import action
from unfold.forms import AdminPasswordChangeForm

from accounts import operations
from accounts.admin.base import MasterDataAdmin, ReadOnlyAdmin, Tab, every_row, staff_of
from accounts.admin.columns import link_column, tag
from accounts.admin.confirming import NO_PERMISSION, Confirmation, confirm, on_row, posted
from accounts.forms import LONGEST_PASSWORD, PASSWORD_TOO_LONG, StaffSignInForm
from accounts.models import CustomerToken, User

# Pages of libraries: their rows are machinery, and a schedule could name any function to be run.
for machinery in (Group, EmailAddress, Authenticator, AccessAttempt, AccessFailureLog, AccessLog):
    admin.site.unregister(machinery)
for machinery in (Failure, OrmQ, Schedule, Success):
    admin.site.unregister(machinery)


admin.site.login_form = StaffSignInForm


class PasswordForm(AdminPasswordChangeForm):
    """A new password, twice."""

    usable_password = None

    def __init__(self, user: User, *args: Any, **kwargs: Any) -> None:
        super().__init__(user, *args, **kwargs)
        self.fields.pop("usable_password", None)
        for field in self.fields.values():
            field.validators.append(MaxLengthValidator(LONGEST_PASSWORD, PASSWORD_TOO_LONG))

    def clean(self) -> dict[str, Any]:
        super().clean()
        return {"password": self.cleaned_data.get("password1")}


class UserForm(ModelForm):
    """An e-mail address is kept in lower case: it is what people sign in with."""

    def clean_email(self) -> str:
        return self.cleaned_data["email"].strip().lower()


@admin.register(User)
class UserAdmin(MasterDataAdmin):
    """People are never deleted: payments and the trail name them. Who leaves is made inactive."""

    form = UserForm
    list_display = ("email", "name", "is_staff", "is_active", "last_login", "date_joined")
    list_filter = ("is_staff", "is_superuser", "is_active", "groups")
    search_fields = ("email", "name")
    filter_horizontal = ("groups", "user_permissions")
    readonly_fields = ("last_login", "date_joined")
    actions_detail = ("set_password",)
    add_fieldsets = (
        (
            None,
            {
                "fields": (("email", "name"), "locale"),
                "description": "No password is set here: the person chooses one with “Forgot password”.",
            },
        ),
    )
    fieldsets = (
        (None, {"fields": (("email", "name"), "locale", ("last_login", "date_joined"))}),
        (
            "Rights in this back office",
            {"fields": (("is_active", "is_staff", "is_superuser"), "groups", "user_permissions")},
        ),
    )

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Only superusers give rights, so that nobody can give themselves more than they have."""
        rights = ("is_staff", "is_superuser", "groups", "user_permissions")
        return (*self.readonly_fields, *(() if request.user.is_superuser else rights))

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Rights over staff are the superusers': a changed e-mail or password is a way in."""
        is_above = isinstance(obj, User) and (obj.is_staff or obj.is_superuser)
        return super().has_change_permission(request, obj) and (request.user.is_superuser or not is_above)

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "user_permissions":
            kwargs["queryset"] = Permission.objects.select_related("content_type")
        return super().formfield_for_manytomany(db_field, request, **kwargs)

    def save_model(self, request: HttpRequest, obj: Any, form: ModelForm, change: bool) -> None:
        if not change:
            obj.set_unusable_password()
        super().save_model(request, obj, form, change)

    @action(description="Set password", icon="key")
    @on_row
    def set_password(self, request: HttpRequest, user: User) -> HttpResponse:
        may = self.has_change_permission(request, user)
        page = Confirmation(
            question=f"Set a new password for {user.email}?",
            facts=(("Name", user.name or "–"), ("Last sign-in", user.last_login or "never")),
            consequence="All their sessions end, and so does a lock-out. Hand the password over in person.",
            button="Set password",
            done=f"{user.email} has a new password.",
            refusal="" if may else "Only a superuser can change the password of staff.",
        )
        return confirm(
            self,
            request,
            user,
            page,
            form=PasswordForm(user, posted(request)),
            act=lambda password: operations.set_password(
                user=user, password=password, at=timezone.now(), by=staff_of(request).actor
            ),
        )


@admin.register(Group)
class GroupAdmin(MasterDataAdmin):
    """Roles of staff."""

    search_fields = ("name",)
    filter_horizontal = ("permissions",)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.is_superuser

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.is_superuser

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.is_superuser

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "permissions":
            kwargs["queryset"] = Permission.objects.select_related("content_type")
        return super().formfield_for_manytomany(db_field, request, **kwargs)


@admin.register(CustomerToken)
class CustomerTokenAdmin(ReadOnlyAdmin):
    """Tokens of customers' programs. The token is shown to nobody here, nor is its hash."""

    list_display = ("name", "of_user", "created_at", "last_used_at", "expires_at", "state")
    list_select_related = ("user",)
    search_fields = ("name", "user__email", "user__name")
    fields = ("name", "of_user", "state", "created_at", "last_used_at", "expires_at", "revoked_at")
    actions_detail = ("revoke",)
    of_user = link_column("user", "User", ordering="user__email")
    tabs = (
        Tab("usable", "Usable", lambda rows, at: rows.usable(at=at), "No usable tokens."),
        Tab("all", "All", every_row),
    )

    @admin.display(description="State")
    def state(self, token: CustomerToken) -> SafeString:
        if token.revoked_at:
            return tag("Revoked")
        if token.expires_at and token.expires_at <= timezone.now():
            return tag("Expired")
        return tag("Usable", "success")

    @action(description="Revoke", icon="block")
    @on_row
    def revoke(self, request: HttpRequest, token: CustomerToken) -> HttpResponse:
        page = Confirmation(
            question=f"Revoke the token “{token.name}” of {token.user.email}?",
            facts=(("Last used", token.last_used_at or "never"), ("Expires", token.expires_at or "never")),
            consequence="Programs that use it are refused at once. It cannot be given back.",
            button=f"Revoke {token.name}",
            done=f"The token “{token.name}” of {token.user.email} is revoked.",
            refusal=_against_revoking(token, staff_of(request)),
            is_danger=True,
        )
        return confirm(
            self,
            request,
            token,
            page,
            form=Form(posted(request)),
            act=lambda: operations.revoke_token(token=token, at=timezone.now(), by=staff_of(request).actor),
        )


def _against_revoking(token: CustomerToken, staff: User) -> str:
    if token.revoked_at:
        return "This token is revoked already."
    return "" if staff.has_perm("accounts.change_customertoken") else NO_PERMISSION
