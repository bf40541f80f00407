"""Addresses of accounts: signing in, a forgotten password, tokens.

The names of the first ones are those by which allauth finds its views.
"""

from django.urls import path, re_path

from accounts import views

urlpatterns = [
    path("account/login/", views.SignInView.as_view(), name="account_login"),
    path("account/logout/", views.SignOutView.as_view(), name="account_logout"),
    path("account/password/reset/", views.ForgottenPasswordView.as_view(), name="account_reset_password"),
    path("account/password/reset/done/", views.password_reset_done, name="account_reset_password_done"),
    re_path(
        r"^account/password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$",
        views.NewPasswordView.as_view(),
        name="account_reset_password_from_key",
    ),
    path("account/tokens/", views.tokens, name="tokens"),
    path("account/tokens/<str:pk>/revoke/", views.revoke_token, name="token_revoke"),
]
