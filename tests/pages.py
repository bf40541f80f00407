"""How tests read pages, and sign in as a person does."""

import re
from html import unescape

LOGIN = "/account/login/"
TOKENS = "/account/tokens/"


def text_of(response) -> str:
    """What the main part says, without its markup."""
    main = response.content.decode().partition('<main id="main"')[2].partition("</main>")[0]
    return " ".join(unescape(re.sub(r"<[^>]+>", "", main.partition(">")[2])).split())


def title_of(response) -> str:
    return unescape(re.search(r"<title>(.*?)</title>", response.content.decode())[1])


def sign_in(browser, email="alice@example.com", password="correct horse", **more):
    return browser.post(LOGIN, {"login": email, "password": password, **more})


def is_signed_in(browser) -> bool:
    return "_auth_user_id" in browser.session
