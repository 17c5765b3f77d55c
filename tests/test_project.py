"""The project's own files: locks that agree, links that lead somewhere, packages that keep to their rules."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from itertools import chain
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
SHIPPED = ("client", "online", "recommender", "training", "serving", "webapp", "movierec")
PACKAGES = (*SHIPPED, "benchmarks", "testing")
FILES = (
    ".ci/run",
    "CHANGELOG.md",
    "Dockerfile",
    "LICENSE",
    "Makefile",
    "README.md",
    "compose.yaml",
    "constraints.txt",
    "docs/design.md",
    "docs/security.md",
    "environment.yml",
    "mlruns/README.md",
    "pyproject.toml",
    "requirements-serve.lock",
    "requirements.lock",
    "uv.lock",
)
PAGES = [
    page
    for pattern in ("*.md", "docs/**/*.md", "data/*.md", "data/credits/*.md", "mlruns/*.md")
    for page in ROOT.glob(pattern)
]

# Importing one of these, or reaching one by name, would open a way to unpickle in a process that answers requests.
PICKLERS = {"pickle", "_pickle", "cPickle", "joblib", "cloudpickle", "dill", "shelve", "marshal", "read_pickle"}


def project_table():
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def locked_packages():
    return tomllib.loads((ROOT / "uv.lock").read_text())["package"]


def locked_group(name: str) -> list[tuple[str, tuple[str, ...]]]:
    """(name, extras) of each entry of a dependency group."""
    (project,) = (package for package in locked_packages() if package["name"] == "movierec")
    return [(entry["name"], tuple(entry.get("extra", ()))) for entry in project["dev-dependencies"][name]]


def locked_closure(*roots: tuple[str, tuple[str, ...]]) -> set[tuple[str, str]]:
    """(name, version) of all that `roots`, pairs of a name and its extras, need, by walking uv.lock."""
    packages = locked_packages()
    waiting = list(roots)
    seen = set()
    while waiting:
        wanted = name, extras = waiting.pop()
        if wanted in seen:
            continue
        seen.add(wanted)
        for package in (package for package in packages if package["name"] == name):
            optional = package.get("optional-dependencies", {})
            needed = chain(package.get("dependencies", []), *(optional[extra] for extra in extras))
            waiting += [(entry["name"], tuple(entry.get("extra", ()))) for entry in needed]
    reached = {name for name, _ in seen} - {"movierec"}
    return {(package["name"], package["version"]) for package in packages if package["name"] in reached}


def exported(name: str) -> dict[tuple[str, str], int]:
    """Each requirement of an exported file, (name, version), with the number of its hashes."""
    text = (ROOT / name).read_text().replace("\\\n", " ")
    requirements = re.findall(r"^([\w.-]+)==([^\s;]+)(.*)$", text, flags=re.MULTILINE)
    return {(name, version): rest.count("--hash=sha256:") for name, version, rest in requirements}


def test_the_exported_lock_holds_what_uv_lock_says_and_no_more():
    everything = locked_closure(("movierec", ("web", "postgres")))
    assert set(exported("requirements.lock")) == set(exported("constraints.txt")) == everything
    assert set(exported("requirements-serve.lock")) == locked_closure(*locked_group("serve"))
    assert set(exported("requirements-serve.lock")) < everything


@pytest.mark.fault(31)
@pytest.mark.parametrize("name", ["requirements.lock", "requirements-serve.lock"])
def test_every_exported_requirement_carries_hashes(name):
    assert [requirement for requirement, hashes in exported(name).items() if not hashes] == []


def test_the_sample_data_and_the_development_tools_stay_out_of_the_exported_lock():
    names = {name for name, _ in exported("requirements.lock")}
    assert {"numpy", "mlflow", "fastapi"} <= names
    assert names.isdisjoint({"recbole", "recommenders", "pyspark", "pytest", "ruff", "mypy"})


def test_conda_installs_python_pip_and_the_project_with_the_locked_versions():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    python, pip, requirements = environment["dependencies"]
    assert re.fullmatch(r"python=3\.1[1234]", python)
    assert pip == "pip"
    assert requirements == {"pip": ["-c constraints.txt", "-e .[web]"]}  # pip takes no hashes beside a directory
    assert project_table()["project"]["requires-python"] == ">=3.11,<3.15"


@pytest.mark.parametrize("name", FILES)
def test_the_repository_has(name):
    assert (ROOT / name).stat().st_size > 0


def test_every_package_is_shipped():
    wheel = project_table()["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert set(wheel["only-include"]) == {*SHIPPED, *wheel["sources"]}
    assert [name for name in PACKAGES if not (ROOT / name / "__init__.py").is_file()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_of_a_page_leads_to_a_file(page):
    targets = re.findall(r"\]\(([^)\s]+)\)|(?:src|href)=\"([^\"]+)\"", page.read_text())
    local = [link.partition("#")[0] for pair in targets for link in pair if link and "://" not in link]
    assert [link for link in local if link and not (page.parent / link).exists()] == []


def test_a_worker_starts_without_the_training_libraries():
    code = "import sys, serving.api.app; print(*{name.partition('.')[0] for name in sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    loaded = set(done.stdout.split())
    assert {"serving", "fastapi", "numpy"} <= loaded
    assert loaded.isdisjoint({"mlflow", "pandas", "surprise", "implicit", "sklearn", "numba"})


def unpickling(tree):
    """Lines of a module that import a pickler, name one, or let numpy unpickle."""
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                named = {part for alias in names for part in alias.name.split(".")}
            case ast.ImportFrom(module=module, names=names):
                named = {*(module or "").split("."), *(alias.name for alias in names)}
            case ast.Attribute(attr=name) | ast.Name(id=name) | ast.Constant(value=str(name)):
                named = {name}
            case ast.keyword(arg="allow_pickle", value=value):
                named = set() if isinstance(value, ast.Constant) and value.value is False else PICKLERS
            case ast.Call(func=ast.Attribute(value=ast.Name(id="np" | "numpy"), attr="load"), args=[_, _, _, *_]):
                named = PICKLERS  # allow_pickle by position
            case _:
                continue
        if named & PICKLERS:
            yield getattr(node, "lineno", 0)


@pytest.mark.fault(14)
@pytest.mark.parametrize("package", ["serving", "recommender", "webapp"])
def test_nothing_that_serves_can_unpickle(package):
    modules = sorted((ROOT / package).rglob("*.py"))
    assert modules
    found = [f"{path.name}:{line}" for path in modules for line in unpickling(ast.parse(path.read_text()))]
    assert found == []


@pytest.mark.parametrize(
    "code",
    [
        "import pickle",
        "import joblib.externals as tools",
        "from cloudpickle import loads",
        "from sklearn.externals import joblib",
        "__import__('pickle')",
        "pd.read_pickle(path)",
        "np.load(path, allow_pickle=True)",
        "np.load(path, allow_pickle=trusted)",
        "np.load(path, None, True)",
    ],
)
def test_the_check_sees_unpickling(code):
    assert list(unpickling(ast.parse(code)))


def test_the_check_lets_safe_loading_pass():
    assert not list(unpickling(ast.parse("np.load(path, mmap_mode='r', allow_pickle=False)")))


# What removes or renames; the same as methods of a path is told in `removing`.
REMOVERS = {
    "os": {"remove", "unlink", "rmdir", "removedirs", "rename", "renames", "replace"},
    "shutil": {"rmtree", "move"},
}


def removing(tree):
    """Lines of a module that remove or rename a file or directory."""
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    for node in ast.walk(tree):
        match node:
            case ast.ImportFrom(module="os" | "shutil" as module, names=names):
                found = any(alias.name in REMOVERS[module] for alias in names)
            case ast.Attribute(value=ast.Name(id="os" | "shutil" as module), attr=name):
                found = name in REMOVERS[module]
            case ast.Attribute(attr="rmdir" | "unlink" | "rmtree" | "removedirs"):
                found = True
            case ast.Call(func=ast.Attribute(attr="rename" | "replace"), args=args, keywords=keywords):
                # str.replace takes two arguments; dataclasses, dates and frames name theirs
                found = (len(args) == 1 and not keywords) or [keyword.arg for keyword in keywords] == ["target"]
            case ast.Attribute(attr="rename" | "replace"):
                found = id(node) not in called  # handed on, to be called elsewhere
            case _:
                continue
        if found:
            yield getattr(node, "lineno", 0)


@pytest.mark.fault(58)
@pytest.mark.parametrize("package", [*PACKAGES, "scripts"])
def test_one_module_alone_removes_and_renames(package):
    modules = [path for path in sorted((ROOT / package).rglob("*.py")) if path != ROOT / "recommender" / "files.py"]
    assert modules
    found = [f"{path.name}:{line}" for path in modules for line in removing(ast.parse(path.read_text()))]
    assert found == []


@pytest.mark.parametrize(
    "code",
    [
        "shutil.rmtree(path)",
        "from shutil import rmtree",
        "from os import replace as swap",
        "os.replace(a, b)",
        "os.removedirs(path)",
        "clean = os.remove",
        "shutil.move(a, b)",
        "path.rmdir()",
        "path.unlink(missing_ok=True)",
        "path.rename(other)",
        "Path(name).replace(path)",
        "path.replace(target=other)",
        "pool.map(path.replace, others)",
    ],
)
def test_the_check_sees_removing_and_renaming(code):
    assert list(removing(ast.parse(code)))


def test_the_check_lets_texts_records_and_frames_be_changed():
    code = "text.replace('_', ' '); replace(plan, seed=1); moment.replace(tzinfo=UTC); frame.rename(columns=names)"
    assert not list(removing(ast.parse(code)))
