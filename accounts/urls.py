"""Addresses of accounts: signing in, a second factor, a forgotten password, tokens, members.

The names of the first ones are those by which allauth finds its views.
"""

from allauth.account.views import ReauthenticateView
from django.urls import include, path, re_path

from accounts import staff_views, views

FACTOR = "account/second-factor/"

urlpatterns = [
    path("admin/login/", staff_views.StaffSignInView.as_view()),  # in the place of the admin's own
    path("account/confirm/", ReauthenticateView.as_view(), name="account_reauthenticate"),
    path(f"{FACTOR}totp/activate/", staff_views.SetUpSecondFactorView.as_view(), name="mfa_activate_totp"),
    path(
        f"{FACTOR}totp/deactivate/", staff_views.RemoveSecondFactorView.as_view(), name="mfa_deactivate_totp"
    ),
    path(
        f"{FACTOR}recovery-codes/generate/",
        staff_views.NewRecoveryCodesView.as_view(),
        name="mfa_generate_recovery_codes",
    ),
    path(FACTOR, include("allauth.mfa.urls")),
    path("account/login/", views.SignInView.as_view(), name="account_login"),
    path("account/logout/", views.SignOutView.as_view(), name="account_logout"),
    path("account/password/reset/", views.ForgottenPasswordView.as_view(), name="account_reset_password"),
    path("account/password/reset/done/", views.password_reset_done, name="account_reset_password_done"),
    re_path(
        r"^account/password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$",
        views.NewPasswordView.as_view(),
        name="account_reset_password_from_key",
    ),
    path("account/invitation/<str:token>/", views.invitation, name="invitation"),
    path("account/<str:number>/members/", views.members, name="members"),
    path("account/<str:number>/members/<int:pk>/", views.change, name="member"),
    path("account/<str:number>/members/tokens/<int:pk>/", views.end_token, name="member_token"),
    path("account/<str:number>/members/<int:pk>/remove/", views.remove, name="member_remove"),
    path(
        "account/<str:number>/members/invitations/<int:pk>/again/",
        views.invite_again,
        name="invitation_again",
    ),
    path(
        "account/<str:number>/members/invitations/<int:pk>/withdraw/",
        views.withdraw,
        name="invitation_withdraw",
    ),
    path("account/tokens/", views.tokens, name="tokens"),
    path("account/tokens/<str:pk>/revoke/", views.revoke_token, name="token_revoke"),
]
