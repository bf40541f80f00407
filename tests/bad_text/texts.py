"""The texts, and how a page is looked through for what came alive of them.

Whatever would be markup, a handler or an expression has `pwned` in its name, which no page of ours has.
"""

from html.parser import HTMLParser
from typing import Any

MARKUP = "\"'><pwned-tag pwned-attr=1 onclick=pwned()>"
CLOSING = "</script></style></title></textarea><pwned-tag>"
ATTRIBUTE = "' onfocus='pwned()' pwned-attr='\" x-on:click=\"pwned()\""
ADDRESS = "javascript:pwned()//"
EXPRESSION = "'+pwned()+'\\');pwned();//`${7*1913}`"
TEMPLATE = "{{ 7|add:13384 }}{% pwned %}{{7*1913}}<%= 7*1913 %>"
STYLE = "*{background:url(//pwned.example)}</style>"
FORMULA = '=HYPERLINK("//pwned.example","+1-2@3")'
BACKWARDS = "\u202epwned\u202c\u2066\u200f\ufeff"
EMOJI = "\U0001f468\u200d\U0001f469\u200d\U0001f467\U0001d54f\u0301\u0301"
HEADER = "x\r\nBcc: pwned@example.com\r\n\r\npwned"
FORMAT = "%s%n%(pwned)s{0}{pwned}$1\\1"
LIVE = (MARKUP, CLOSING, ATTRIBUTE, ADDRESS, EXPRESSION, TEMPLATE, STYLE)
ODD = f"{BACKWARDS} {EMOJI} {FORMAT}"
STORED = (*LIVE, FORMULA, ODD)
WORST = (MARKUP, ATTRIBUTE, EXPRESSION, TEMPLATE, ODD)
NUL, CONTROLS, LONG, SURROGATE = "a\0b", "\x1b[31m\x07\x7f\x85\u2028", "pwned " * 20_000, "\ud800x"
NUMBERS = ("9" * 400, "-1", "1e309", "NaN", "Infinity", "1e-400", "-0", "0x7f", "٣", "½", str(2**63), "1_000")
SENT = (*STORED, BACKWARDS, EMOJI, FORMAT, HEADER, NUL, CONTROLS, LONG, *NUMBERS, "", " ", "\u3000")
SUM = "13391"  # what the templates' sums come to
ADDRESSES = ("href", "src", "action", "formaction", "poster", "data", "srcdoc", "hx-get", "hx-post")
EXPRESSIONS = ("x-", "@", ":", "on", "hx-on", "hx-vals", "hx-headers", "style")


class Reader(HTMLParser):
    """What of a page came alive, and the forms in it."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.alive: list[str] = []
        self.inside = ""
        self.forms: list[tuple[str, dict[str, str]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.inside = tag
        if "pwned" in tag:
            self.alive.append(f"<{tag}>")
        for name, value in given.items():
            is_address = name in ADDRESSES and value.strip().lower().startswith(("javascript:", "data:text"))
            is_code = name.startswith(EXPRESSIONS) and "pwned" in value
            if "pwned" in name or is_address or is_code:
                self.alive.append(f"<{tag} {name}={value!r}>")
        self._form(tag, given)

    def _form(self, tag: str, given: dict[str, str]) -> None:
        if tag == "form" and given.get("method", "").lower() == "post":
            self.forms.append((given.get("action", ""), {}))
        elif tag in ("input", "textarea", "select") and self.forms and given.get("name"):
            is_off = given.get("type") in ("checkbox", "radio") and "checked" not in given
            if not is_off and given.get("type") != "submit":
                self.forms[-1][1].setdefault(given["name"], given.get("value", ""))

    def handle_data(self, data: str) -> None:
        if self.inside in ("script", "style") and "pwned" in data:
            self.alive.append(f"<{self.inside}>{data[:80]}")

    def handle_endtag(self, tag: str) -> None:
        self.inside = ""


def read(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    reader.close()
    return reader


def harm(response: Any) -> list[str]:
    """What an answer must not be or hold: a bug of ours, or text of theirs that came alive."""
    found = [str(response.status_code)] if response.status_code >= 500 else []
    if "html" not in response.headers.get("Content-Type", ""):
        return found
    page = response.content.decode()
    if SUM in page:
        found.append("a template was run")
    return found + read(page).alive
