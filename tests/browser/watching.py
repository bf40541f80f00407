"""What nobody looks at while a page is used, and what fails a test all the same: errors on the console,
reports of the content security policy, requests that leave this machine, and what axe finds."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import BrowserContext, ConsoleMessage, Page, Request

LOOPBACK = {"localhost", "127.0.0.1", None}  # None: data: and blob: have no host
NOTHING: Mapping[str, str] = MappingProxyType({})
SCHEMES = ("light", "dark")
REPORT = """document.addEventListener("securitypolicyviolation", (report) =>
    window.cspReport(`${report.effectiveDirective} ${report.blockedURI} on ${report.documentURI}`))"""
# Frames are the providers' pages, and stand-ins here.
RUN_AXE = """async ([but, theirs]) => {
  const rules = Object.fromEntries(but.map((rule) => [rule, { enabled: false }]));
  const { violations } = await axe.run(document, { iframes: false, resultTypes: ["violations"], rules });
  const isTheirs = (rule, target) => document.querySelector(target)?.matches(theirs[rule] ?? ":not(*)");
  return violations
    .map(({ id, nodes }) => [id, nodes.filter(({ target }) => !isTheirs(id, target[0]))])
    .filter(([, nodes]) => nodes.length > 0)
    .map(([id, nodes]) =>
      `${id}: ${nodes.map((node) => `${node.target} ${node.failureSummary}`).join("; ")}`);
}"""


class Watch:
    """Everything that went wrong on the pages of a test, whether it looked or not."""

    def __init__(self) -> None:
        self.problems: list[str] = []
        self.expected: list[str] = []

    def follow(self, context: BrowserContext) -> None:
        context.on("console", self._hear)
        context.on("weberror", lambda error: self.problems.append(f"exception: {error.error}"))
        context.on("request", self._leave)
        context.expose_binding("cspReport", lambda source, text: self.problems.append(f"CSP: {text}"))
        context.add_init_script(REPORT)

    def expect(self, *texts: str) -> None:
        """Errors with this in their text belong to the test: a refused form, a cut connection."""
        self.expected += texts

    def unexpected(self) -> list[str]:
        return [
            problem for problem in self.problems if not any(expected in problem for expected in self.expected)
        ]

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type == "error" or "Content Security Policy" in message.text:
            self.problems.append(f"console: {message.text} at {message.location.get('url')}")

    def _leave(self, request: Request) -> None:
        if urlsplit(request.url).hostname not in LOOPBACK:
            self.problems.append(f"left this machine: {request.url}")


class ScriptSwitch:
    """Turns a page's JavaScript off, and on again for axe: what did not run at first does not run then."""

    def __init__(self, page: Page) -> None:
        self.cdp = page.context.new_cdp_session(page)

    def turn(self, *, on: bool) -> None:
        self.cdp.send("Emulation.setScriptExecutionDisabled", {"value": not on})


SWITCHED_OFF: WeakKeyDictionary[Page, ScriptSwitch] = WeakKeyDictionary()


def without_script(page: Page) -> Page:
    SWITCHED_OFF[page] = ScriptSwitch(page)
    SWITCHED_OFF[page].turn(on=False)
    return page


def is_clean(page: Page, *, but: tuple[str, ...] = (), theirs: Mapping[str, str] = NOTHING) -> None:
    """axe finds nothing (but what these rules find, and what `theirs` names: by rule, the elements that are
    another's), by day and by night. It comes in beside the page, past its strict policy."""
    switch = SWITCHED_OFF.get(page)
    if switch:
        switch.turn(on=True)
    found: list[Any] = []
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme)
        if not page.evaluate("typeof axe === 'object'"):
            page.evaluate(AXE_SCRIPT)
        found += [f"{scheme}: {problem}" for problem in page.evaluate(RUN_AXE, [but, dict(theirs)])]
    page.emulate_media(color_scheme="light")
    if switch:
        switch.turn(on=False)
    assert not found, "\n".join([page.url, *found])
