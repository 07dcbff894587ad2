"""What no file of the repository may hold, and what every test module must."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

LARGEST_FILE = 1_500_000
# Data that others made, kept as it came: a list of strings that break programs has paths in it.
OTHERS = {"blns.json"}

# A class of one character stands where a pattern, or a sample of it below, would otherwise match itself.
REGISTRY_ADDRESS = re.compile(
    r"""
      --(?:extra-)?index[-]url | ^\s*(?:extra-)?index[-]url\s*=
    | --find[-]links           | ^\s*find[-]links\s*=
    | (?:UV|PIP)_(?:DEFAULT_|EXTRA_)?INDEX(?:_URL)?[=]
    | \bpypi[.]org\b | pythonhosted[.]org\b | registry[.]npmjs | deb[.]debian[.]org
    | "resolved"[:]\s*"http
    | [.]whl[#]
    | /packages/[0-9a-f]{2}/[0-9a-f]{2}/
    """,
    re.MULTILINE | re.VERBOSE,
)
MACHINE_PATH = re.compile(r"(?<![\w.:/}*-])/(?:root|work|tmp|home/[a-z_][a-z0-9_-]*)[/]\w")


def found(texts: dict[Path, str], root: Path, pattern: re.Pattern[str]) -> list[str]:
    return [
        f"{path.relative_to(root)}:{text.count(chr(10), 0, match.start()) + 1}: {match[0]}"
        for path, text in texts.items()
        for match in pattern.finditer(text)
    ]


def imported(source: str) -> set[str]:
    """Top-level names of the packages that a module imports, anywhere in it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names.update(alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names.add(node.module.partition(".")[0])
    return names


def defined_tests(source: str) -> list[str]:
    """Names of the test functions and methods, and of stateful test cases, of a module."""
    return [
        node.name if isinstance(node, ast.FunctionDef) else "TestCase"
        for node in ast.walk(ast.parse(source))
        if (isinstance(node, ast.FunctionDef) and node.name.startswith("test_"))
        or (isinstance(node, ast.Assign) and "TestCase" in ast.dump(node.value))
    ]


@pytest.mark.parametrize(
    "line",
    [
        "pip install --index~-url https://mirror.example/simple x",
        "pip install --extra-index~-url https://mirror.example/simple x",
        "index~-url = https://mirror.example/simple",
        "pip install --find~-links wheels",
        "find~-links = wheels",
        "export PIP_INDEX_URL~=https://mirror.example",
        "export UV_DEFAULT_INDEX~=https://mirror.example",
        "https://files.pythonhosted~.org/x",
        '"resolved"~: "https://mirror.example/x.tgz"',
        "x @ https://mirror.example/x.whl~#sha256=0",
        "https://mirror.example/packages/0a/~1b/x.tar.gz",
    ],
)
def test_an_address_of_a_registry_would_be_noticed(line: str) -> None:
    assert not REGISTRY_ADDRESS.search(line)
    assert REGISTRY_ADDRESS.search(line.replace("~", ""))


@pytest.mark.parametrize("line", ["uv pip compile --no-emit-index-url --no-emit-find-links", "see docs/index.md"])
def test_options_that_leave_addresses_out_are_not_addresses(line: str) -> None:
    assert not REGISTRY_ADDRESS.search(line)


def test_no_registry_address(texts: dict[Path, str], root: Path) -> None:
    assert found(texts, root, REGISTRY_ADDRESS) == []


@pytest.mark.parametrize("path", ["/root~/x", "/work~/main", "/tm~p/x", "/home/someone~/x"])
def test_a_path_of_one_machine_would_be_noticed(path: str) -> None:
    assert MACHINE_PATH.search(f"open('{path}')".replace("~", ""))


@pytest.mark.parametrize("path", ["https://example.com/work~/1", "${HOME}/tmp/x", "./tmp/x", "tests/tmp/x"])
def test_relative_paths_and_addresses_are_no_paths_of_one_machine(path: str) -> None:
    assert not MACHINE_PATH.search(path.replace("~", ""))


def test_no_path_of_one_machine(texts: dict[Path, str], root: Path) -> None:
    ours = {path: text for path, text in texts.items() if path.name not in OTHERS}
    assert found(ours, root, MACHINE_PATH) == []
    assert [str(path) for path, text in texts.items() if f"{root.resolve()}/" in text] == []


def test_no_large_file(tracked: list[Path], root: Path) -> None:
    sizes = {str(path.relative_to(root)): path.stat().st_size for path in tracked}
    assert {name: size for name, size in sizes.items() if size > LARGEST_FILE} == {}


def test_every_test_module_has_a_test(texts: dict[Path, str], root: Path) -> None:
    modules = {path: text for path, text in texts.items() if path.match("tests/**/test_*.py")}
    assert Path(__file__) in modules
    assert [str(path.relative_to(root)) for path, text in modules.items() if not defined_tests(text)] == []


def test_airflow_is_imported_only_in_dags(texts: dict[Path, str], root: Path) -> None:
    assert imported("def f():\n    from airflow.sdk import dag") == {"airflow"}
    elsewhere = [
        name
        for path, text in texts.items()
        if path.suffix == ".py"
        and not (name := path.relative_to(root).as_posix()).startswith(("dags/", "tests/dags/"))
        and "airflow" in imported(text)
    ]
    assert elsewhere == []
