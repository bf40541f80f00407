"""The floor plan: imports, lengths, names, status tables, published schemas."""

import ast
import subprocess
import sys
from io import StringIO
from pathlib import Path

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import models

from core.audit import SYSTEM, AuditEntry
from core.errors import Conflict
from core.transitions import move
from tests import factories

ROOT = Path(__file__).resolve().parent.parent
OURS = ("core", "accounts", "orders", "invoices", "payments", "invoicing_site")
SOURCES = sorted(
    file
    for folder in (*OURS, "tests", "bench", "battery", "script")
    for file in (ROOT / folder).rglob("*.py")
    if "migrations" not in file.parts
)
FORBIDDEN = (
    "utils",
    "util",
    "helpers",
    "helper",
    "common",
    "misc",
    "manager",
    "managers",
    "service",
    "services",
)
CORE = {
    *("__init__", "apps", "models", "money", "transitions", "errors", "doors", "audit", "outbox"),
    *("reading", "triggers", "spreadsheets"),
}


def names(file: Path) -> str:
    return str(file.relative_to(ROOT))


def test_imports_point_down():
    done = subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-cache"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout


def test_no_file_is_long():
    long = {names(file): count for file in SOURCES if (count := len(file.read_text().splitlines())) > 400}
    assert long == {}


def test_no_function_is_long():
    long = [
        f"{names(file)}:{node.name}"
        for file in SOURCES
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and file.parts[-2] != "tests"
        and "tests" not in file.parts
        and node.end_lineno - node.lineno >= 50
    ]
    assert long == []


def test_no_name_says_nothing():
    files = [names(file) for file in SOURCES if file.stem in FORBIDDEN or file.parent.name in FORBIDDEN]
    classes = [
        f"{names(file)}:{node.name}"
        for file in SOURCES
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.ClassDef)
        and node.name.endswith(("Utils", "Helper", "Service", "Handler", "Manager"))
        and node.name != "UserManager"  # Django's own word
    ]
    assert files + classes == []


def test_core_holds_exactly_what_it_may():
    assert {file.stem for file in (ROOT / "core").glob("*.py")} == CORE


def test_imports_stand_at_the_top():
    inside = [
        f"{names(file)}:{inner.lineno}"
        for file in SOURCES
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.FunctionDef)
        for inner in ast.walk(node)
        if isinstance(inner, ast.Import | ast.ImportFrom)
        and "#" not in file.read_text().splitlines()[inner.lineno - 1]
    ]
    assert inside == []


def test_nobody_assigns_a_status():
    assigned = [
        f"{names(file)}:{node.lineno}"
        for file in SOURCES
        if "tests" not in file.parts and "sandbox" not in file.parts and names(file) != "core/transitions.py"
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Attribute) and target.attr == "status"
    ]
    assert assigned == []


ASKS_A_PROVIDER = {
    "change_method",
    "complete_payment",
    "finish_payment",
    "initiate_payment",
    "initiate_session",
    "open_first",
    "renewed",
}


def test_every_door_that_asks_a_provider_counts_the_attempt():
    """By which cards could be tried out: each function of a door that opens or completes a session."""
    doors = [
        (
            f"{names(file)}:{node.lineno}",
            {one.attr for one in ast.walk(node) if isinstance(one, ast.Attribute)},
        )
        for file in SOURCES
        if file.parent.name in ("views", "schema") or file.stem in ("schema", "views", "rest")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.FunctionDef)
    ]
    asking = {name: used for name, used in doors if used & ASKS_A_PROVIDER}
    assert len(asking) >= 8
    assert [name for name, used in asking.items() if "count_payment_attempt" not in used] == []


WITH_STATUS = [model for model in apps.get_models() if hasattr(model, "TRANSITIONS")]
PAIRS = [(model, old, new) for model in WITH_STATUS for old in model.TRANSITIONS for new in model.TRANSITIONS]


def test_every_status_has_its_row_in_the_table():
    for model in WITH_STATUS:
        assert set(model.TRANSITIONS) == set(model.Status)


@pytest.mark.django_db
@pytest.mark.parametrize(("model", "old", "new"), PAIRS)
def test_a_status_moves_only_along_its_table(monkeypatch, model, old, new):
    """Whether the UPDATE is tried is the table's word; what the row must look like is the constraints'."""
    tried = []
    monkeypatch.setattr(models.QuerySet, "update", lambda self, **fields: tried.append(fields["status"]) or 1)
    row = model(pk=1, status=old)
    if new in model.TRANSITIONS[old]:
        move(row, new, at=factories.NOW, by=SYSTEM)
        assert (tried, row.status) == ([new], new)
        assert AuditEntry.objects.get().after == {"status": new}
    else:
        with pytest.raises(Conflict):
            move(row, new, at=factories.NOW, by=SYSTEM)
        assert (tried, row.status) == ([], old)


@pytest.mark.django_db
def test_models_and_migrations_agree():
    call_command("makemigrations", "--check", "--dry-run", stdout=StringIO())


def test_the_published_schema_is_the_code_s():
    call_command("export_schema", "--check", stdout=StringIO())
