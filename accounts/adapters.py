"""What allauth asks us: how somebody is signed in, and how the secrets of second factors are kept."""

import base64
import hashlib
import io

import qrcode
from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.internal.flows.login import record_authentication
from allauth.mfa.adapter import DefaultMFAAdapter
from cryptography.fernet import Fernet, MultiFernet
from django.conf import settings
from django.http import HttpRequest
from django.utils.encoding import force_bytes
from qrcode.image.svg import SvgPathFillImage

from accounts.models import Organization, User


class AccountAdapter(DefaultAccountAdapter):
    def login(self, request: HttpRequest, user: User) -> None:
        """The password was given just now: what asks for it again leaves five minutes in peace."""
        super().login(request, user)
        record_authentication(request, user, method="password", reauthenticated=True)


class SecondFactorAdapter(DefaultMFAAdapter):
    """Secrets are kept encrypted: who reads the database alone cannot make codes."""

    def encrypt(self, text: str) -> str:
        return _cipher().encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        return _cipher().decrypt(encrypted_text.encode()).decode()

    def build_totp_svg(self, url: str) -> str:
        """Black on white, whatever the page's colours are."""
        picture = io.BytesIO()
        qrcode.make(url, image_factory=SvgPathFillImage).save(picture)
        return picture.getvalue().decode()

    def get_totp_issuer(self) -> str:
        """What the app shows above the code."""
        return Organization.objects.values_list("name", flat=True).first() or "Invoicing Site"


def _cipher() -> MultiFernet:
    keys = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    digests = [hashlib.sha256(b"second factor:" + force_bytes(key)).digest() for key in keys]
    return MultiFernet([Fernet(base64.urlsafe_b64encode(digest)) for digest in digests])
