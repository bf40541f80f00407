"""README.md as a stranger uses it: script/run starts the site in a copy of this tree, and the blocks are
pasted into a shell one after another, as they stand but for the port."""

import ast
import contextlib
import hashlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import pytest
import requests

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text()
SETTINGS = (ROOT / "invoicing_site" / "settings.py").read_text()
SCRIPTS = ("script/run", "script/test")
SECONDS_TO_START = 90
NOT_COPIED = shutil.ignore_patterns(".venv", "var", ".git", "__pycache__", ".*_cache", ".hypothesis")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def block_with(words: str) -> str:
    (found,) = [block for block in blocks("sh") if words in block]
    return found


def environment(**more: str) -> dict[str, str]:
    """The caller's, without anything that configures a site."""
    return {name: value for name, value in os.environ.items() if name not in read_by_settings()} | more


def read_by_settings() -> set[str]:
    """Every variable that settings.py takes from the environment."""
    calls = [node for node in ast.walk(ast.parse(SETTINGS)) if isinstance(node, ast.Call)]
    return {
        str(call.args[0].value)
        for call in calls
        if ast.unparse(call.func).startswith("env.") or ast.unparse(call.func) == "_payments"
        if isinstance(call.args[0], ast.Constant)
    }


def two_free_ports() -> int:
    """A port that is free together with the one after it, which the payments sandbox takes."""
    while True:
        with socket.socket() as first, socket.socket() as second:
            first.bind(("127.0.0.1", 0))
            port = first.getsockname()[1]
            with contextlib.suppress(OSError, OverflowError):
                second.bind(("127.0.0.1", port + 1))
                return port


def copied_tree(folder: Path) -> Path:
    """This tree, as after a first set-up: a virtual environment of its own that finds the packages of the one
    that runs the tests. Nothing in it links to the real one, so nothing done to it can reach that."""
    tree = folder / "invoicing-site"
    shutil.copytree(ROOT, tree, ignore=NOT_COPIED)
    venv = tree / ".venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True)
    packages = venv / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}" / "site-packages"
    (packages / "lent.pth").write_text(sysconfig.get_path("purelib"))
    (venv / "bin" / "pip").write_text(f"#!{venv}/bin/python\nraise SystemExit('nothing is installed here')\n")
    digest = hashlib.sha256((tree / "requirements.lock").read_bytes()).hexdigest()
    (venv / "requirements.lock.installed").write_text(f"{digest}  -\n")
    return tree


def processes_in(tree: Path) -> list[str]:
    """The command lines of everything that runs in the tree."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (entry / "cwd").readlink() == tree:
                found.append((entry / "cmdline").read_text().replace("\0", " "))
    return found


class Shell:
    """A bash into which blocks are pasted; its variables stay from one to the next."""

    END = "=== end of block"

    def __init__(self, tree: Path, port: int) -> None:
        self.port = port
        self.bash = subprocess.Popen(
            ["bash", "-e", "-o", "pipefail"],
            cwd=tree,
            env=environment(PORT=str(port)),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def paste(self, block: str) -> str:
        """What the block prints. Fails when one of its commands does."""
        block = block.replace("localhost:3001", f"localhost:{self.port}")
        self.bash.stdin.write(f"{block}\necho '{self.END}'\n")
        self.bash.stdin.flush()
        printed: list[str] = []
        for line in self.bash.stdout:
            if line.rstrip("\n").endswith(self.END):
                return "".join(printed) + line.rstrip("\n").removesuffix(self.END)
            printed.append(line)
        raise AssertionError(f"A command of this block failed:\n{block}\n{''.join(printed)}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *failure: object) -> None:
        self.bash.communicate(timeout=10)


@contextlib.contextmanager
def running(tree: Path, port: int) -> Iterator[tuple[subprocess.Popen, str]]:
    """script/run, and what it told until everything answered."""
    errors = (tree.parent / "stderr").open("w+")
    process = subprocess.Popen(
        ["script/run"],
        cwd=tree,
        env=environment(PORT=str(port)),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=errors,
        text=True,
        start_new_session=True,
    )
    too_long = threading.Timer(SECONDS_TO_START, process.terminate)
    too_long.start()
    try:
        told = []
        for line in process.stdout:
            told.append(line)
            if line.startswith("Ctrl-C"):
                break
        too_long.cancel()
        if not told or not told[-1].startswith("Ctrl-C"):
            errors.seek(0)
            raise AssertionError(f"script/run did not start:\n{''.join(told)}{errors.read()}")
        yield process, "".join(told)
    finally:
        too_long.cancel()
        if process.poll() is None:
            process.terminate()
        process.communicate(timeout=30)
        errors.close()


def staff_verifies(site: str) -> None:
    """What the README tells Stella to click: the oldest payment to verify that is Carol's."""
    browser = requests.Session()
    page = browser.get(f"{site}/admin/login/", timeout=30)
    form = {"username": "stella@example.com", "password": "demo-password-1", "next": "/admin/"}
    page = _sent(browser, page, form)
    page = browser.get(f"{site}/admin/payments/payment/?show=to_verify", timeout=30)
    addresses = dict.fromkeys(re.findall(r"/admin/payments/payment/\d+/verify/", page.text))
    pages = [browser.get(f"{site}{address}", timeout=30) for address in addresses]
    (page,) = [page for page in pages if "Verify bank transfer of $39.40?" in page.text]
    page = _sent(browser, page, {"reason": ""})
    assert "$39.40 from ACC-" in page.text
    assert "is verified. The receipt is on its way." in page.text


def _sent(browser: requests.Session, page: requests.Response, form: dict[str, str]) -> requests.Response:
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)[1]
    answer = browser.post(
        page.url, data=form | {"csrfmiddlewaretoken": token}, headers={"Referer": page.url}, timeout=30
    )
    assert answer.status_code == 200
    return answer


def answers(printed: str) -> list[dict]:
    """The JSON documents that a block printed, one after another."""
    decoder, found, rest = json.JSONDecoder(), [], printed.strip()
    while rest:
        document, end = decoder.raw_decode(rest)
        found.append(document["data"])
        rest = rest[end:].lstrip()
    return found


@pytest.mark.skipif(not Path("/proc/self/cwd").exists(), reason="counts processes by /proc")
@pytest.mark.skipif("DATABASE_URL" in os.environ, reason="script/run brings its own SQLite: tried there")
def test_the_tour(tmp_path):
    """From script/run to a balance of $0.00 and Ctrl-C, by the lines of the README and nothing else."""
    tree, port = copied_tree(tmp_path.resolve()), two_free_ports()
    with running(tree, port) as (process, told):
        with Shell(tree, port) as shell:
            the_printed_line_works(shell, told)
            the_documented_flow_works(shell, f"http://localhost:{port}")
        programs = processes_in(tree)
        for name in ("script.serve", "granian", "qcluster", "sandbox"):
            assert any(name in program for program in programs), (name, programs)
        os.killpg(process.pid, signal.SIGINT)
        process.communicate(timeout=30)
        assert process.returncode == 128 + signal.SIGINT
    assert processes_in(tree) == []


def the_printed_line_works(shell: Shell, told: str) -> None:
    """The curl command that script/run prints."""
    line = re.search(r"^curl .*?\}'$", told, re.MULTILINE | re.DOTALL)[0]
    (answer,) = answers(shell.paste(line))
    (account,) = answer["getCustomerAccounts"]
    assert account["formattedCreditLimit"] == "$25,000.00"


def the_documented_flow_works(shell: Shell, site: str) -> None:
    (told,) = answers(shell.paste(block_with("demo_data --json")))
    (account,) = told["getCustomerAccounts"]
    assert (account["formattedBalance"], account["formattedCreditLimit"]) == ("$39.40", "$1,000.00")

    (told,) = answers(shell.paste(block_with("mutation CreateInvoiceFromLineItems")))
    made = told["createInvoiceFromLineItems"]
    assert made["message"] == "Invoice created with 1 orders totaling $39.40"
    invoice = made["invoice"]

    sessions, opened = answers(shell.paste(block_with("mutation CreateInvoicePaymentSessions")))
    collection = sessions["createInvoicePaymentSessions"]["paymentCollection"]
    offered = [one["paymentProvider"]["code"] for one in collection["paymentSessions"]]
    assert offered == ["pp_stripe_stripe", "pp_paypal_paypal", "pp_system_default"]
    opened = opened["initiateInvoicePaymentSession"]
    assert (opened["isInitiated"], opened["amount"]) == (True, 3940)
    assert opened["data"]["instructions"].startswith(
        "Transfer $39.40 to Northwind Supply GmbH and quote INV-"
    )

    complete = block_with("mutation CompleteInvoicePayment")
    promised = {
        "id": invoice["id"],
        "status": "manual_pending",
        "success": True,
        "message": f"Invoice {invoice['invoiceNumber']} is awaiting verification of your payment",
        "error": None,
    }
    assert answers(shell.paste(complete)) == [{"completeInvoicePayment": promised}]
    assert answers(shell.paste(complete)) == [{"completeInvoicePayment": promised}]
    (shown,) = blocks("json")
    shown = re.sub(r"INV-\d{4}-\d{3}", invoice["invoiceNumber"], shown)  # its year is the reader's
    assert json.loads(shown) == {"data": {"completeInvoicePayment": promised}}

    staff_verifies(site)
    assert shell.paste(block_with("print('balance'")) == "balance $0.00 available $1,000.00\n"
    (told,) = answers(shell.paste(block_with("invoices(first: 10")))
    (node,) = [edge["node"] for edge in told["invoices"]["edges"]]
    assert (told["invoices"]["totalCount"], node["invoiceNumber"]) == (1, invoice["invoiceNumber"])
    assert (node["status"], node["openBalance"]) == (2, {"code": "USD", "value": "0.0000"})
    looked, sound = shell.paste(block_with("manage.py reconcile")).splitlines()
    assert looked == "0 sessions looked at, 0 ended, 0 could not be looked up"
    assert sound == "No invariant is broken."


def test_every_block_is_tried():
    """A new block is pasted by the tour, or names scripts; none is only hoped to work."""
    tried = [block for block in blocks("sh") if "curl" in block or "manage.py" in block]
    assert len(tried) == 7
    (first,) = [block for block in blocks("sh") if block not in tried]
    assert tuple(first.split()) == SCRIPTS


@pytest.mark.parametrize("script", SCRIPTS)
def test_the_scripts_can_be_started(script):
    assert os.access(ROOT / script, os.X_OK)
    subprocess.run(["bash", "-n", ROOT / script], check=True)


def test_every_variable_is_named():
    """The table of the README and settings.py name the same variables."""
    table = README.partition("## Configuration")[2].partition("\n## ")[0]
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    assert {name for row in rows for name in re.findall(r"`([A-Z_]+)`", row)} == read_by_settings()


def test_no_other_variable_is_named():
    named = set(re.findall(r"`([A-Z]+_[A-Z_]+)`", README))
    assert named <= read_by_settings()


def test_every_link_leads_to_a_file():
    documents = [ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")]
    dead = [
        f"{document.relative_to(ROOT)}: {target}"
        for document in documents
        for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", document.read_text())
        if not (document.parent / target).exists()
    ]
    assert dead == []


def test_every_decision_that_code_refers_to_is_written():
    apps = ("core", "accounts", "orders", "invoices", "payments", "invoicing_site", "script")
    sources = [file for app in apps for file in (ROOT / app).rglob("*.py")]
    named = {name for file in sources for name in re.findall(r"docs/decisions/[\w-]+\.md", file.read_text())}
    assert "docs/decisions/0004-one-lock-per-account.md" in named
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []
