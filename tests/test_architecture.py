"""The order of the house: imports and foreign keys point down only, those hidden in functions included."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import app as wiring
from foundation.database import Base

pytestmark = pytest.mark.any_engine
ROOT = Path(__file__).parents[1]
PACKAGES = wiring.PACKAGES  # from the top of the house down
LEVELS = {
    "rules": 0,
    "models": 1,
    "queries": 2,
    "operations": 3,
    "permissions": 4,
    "forms": 4,
    "imports": 5,
    "exports": 5,
    "views": 6,
    "api": 6,
    "jobs": 6,
    "commands": 6,
}
DOORS = {"views", "api", "jobs", "commands"}
FORBIDDEN_NAMES = {"utils", "util", "helpers", "helper", "common", "manager", "managers", "misc"}


def modules() -> list[str]:
    """Every module of the product, as package.file."""
    found = []
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            found.append(".".join(path.relative_to(ROOT).with_suffix("").parts))
    return found


def path_of(module: str) -> Path:
    return ROOT.joinpath(*module.split(".")).with_suffix(".py")


def is_file(name: str) -> bool:
    return path_of(name).is_file()


@cache
def tree_of(module: str) -> ast.Module:
    return ast.parse(path_of(module).read_text())


@cache
def imports_of(module: str) -> frozenset[str]:
    """Every module that a module imports, at its top or hidden in a function: "points.queries", "json"."""
    found: set[str] = set()
    for node in ast.walk(tree_of(module)):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}: imports are written in full"
            assert node.module is not None
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                found.add(whole if is_file(whole) else node.module)
    return frozenset(found)


def ours(module: str) -> Iterator[str]:
    """The modules of the product that a module imports."""
    return (name for name in sorted(imports_of(module)) if name.split(".")[0] in PACKAGES)


def role(module: str) -> str:
    return module.split(".")[-1]


@pytest.mark.parametrize("module", modules())
def test_packages_are_imported_downwards_only(module):
    height = PACKAGES.index(module.split(".")[0])
    upwards = [name for name in ours(module) if PACKAGES.index(name.split(".")[0]) < height]
    assert upwards == [], f"{module} imports what is above it"


@cache
def is_door(module: str) -> bool:
    """Whether a module answers people, machines or the clock: views and the like, and files made out of large views."""
    guarded = (
        isinstance(decorator, ast.Call) and ast.unparse(decorator.func) == "requires"
        for node in ast.walk(tree_of(module))
        if isinstance(node, ast.FunctionDef)
        for decorator in node.decorator_list
    )
    return role(module) in DOORS or any(guarded)


@pytest.mark.parametrize("module", modules())
def test_nobody_but_app_imports_pages_commands_and_jobs(module):
    package = module.split(".")[0]
    doors = [name for name in ours(module) if is_file(name) and is_door(name)]
    part_of_my_pages = [
        name for name in doors if is_door(module) and name.split(".")[0] == package and role(name) not in DOORS
    ]
    assert [name for name in doors if name not in part_of_my_pages] == []
    assert "app" not in imports_of(module)


@pytest.mark.parametrize("module", [module for module in modules() if role(module) in LEVELS])
def test_inside_a_package_imports_follow_the_roles_of_files(module):
    package = module.split(".")[0]
    reached: set[str] = set()
    waiting = [module]
    while waiting:
        for name in ours(waiting.pop()):
            if name.split(".")[0] == package and name not in reached:
                reached.add(name)
                waiting.append(name)
    level = LEVELS[role(module)]
    wrong = [name for name in sorted(reached) if LEVELS.get(role(name), -1) > level]
    assert wrong == [], f"{module} is used by these, so it cannot use them"


@pytest.mark.parametrize("module", [module for module in modules() if role(module) == "rules"])
def test_rules_are_pure(module):
    foreign = [
        name
        for name in sorted(imports_of(module))
        if name.split(".")[0] not in sys.stdlib_module_names and role(name) != "rules"
    ]
    assert foreign == [], "the game reads without a database or a library"


@pytest.mark.parametrize("module", modules())
def test_no_import_hides_in_a_function(module):
    hidden = [
        f"line {inner.lineno}"
        for outer in ast.walk(tree_of(module))
        if isinstance(outer, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        for inner in ast.walk(outer)
        if isinstance(inner, ast.Import | ast.ImportFrom)
    ]
    assert hidden == []


@pytest.mark.parametrize("module", [module for module in modules() if role(module) == "operations"])
def test_operations_neither_commit_nor_read_the_clock(module):
    called = {ast.unparse(node.func) for node in ast.walk(tree_of(module)) if isinstance(node, ast.Call)}
    assert called & {"db.session.commit", "transaction", "clock.now", "datetime.now", "date.today"} == set()


def test_only_doors_read_the_clock():
    allowed = {"scheduler", "clock", "web"}
    asking = [
        module
        for module in modules()
        if role(module) not in allowed and not is_door(module)
        for node in ast.walk(tree_of(module))
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) in ("clock.now", "now", "datetime.now", "date.today", "time.time")
    ]
    assert asking == []


def test_foreign_keys_point_down_only():
    home = {
        mapper.local_table.name: mapper.class_.__module__.split(".")[0]
        for mapper in Base.registry.mappers
        if mapper.local_table is not None
    }
    upwards = [
        f"{table.name} → {key.column.table.name}"
        for table in Base.metadata.tables.values()
        for key in table.foreign_keys
        if PACKAGES.index(home[key.column.table.name]) < PACKAGES.index(home[table.name])
    ]
    assert upwards == []


def test_names_say_what_a_file_holds():
    assert [module for module in modules() if set(module.split(".")) & FORBIDDEN_NAMES] == []


def test_every_folder_of_code_and_tests_is_a_package():
    folders = {path_of(module).parent for module in modules()}
    folders |= {path.parent for path in (ROOT / "tests").rglob("*.py")}
    assert [folder for folder in sorted(folders) if not (folder / "__init__.py").is_file()] == []


def test_every_module_and_public_function_says_what_it_is():
    silent = []
    for module in modules():
        tree = tree_of(module)
        if ast.get_docstring(tree) is None:
            silent.append(module)
        for node in tree.body:
            if (
                isinstance(node, ast.FunctionDef | ast.ClassDef)
                and not node.name.startswith("_")
                and ast.get_docstring(node) is None
            ):
                silent.append(f"{module}.{node.name}")
    assert silent == []
