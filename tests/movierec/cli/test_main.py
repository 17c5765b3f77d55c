"""The `movierec` entry point: lazy sub-commands, exit codes, one-line errors."""

from __future__ import annotations

import os
import subprocess
import sys
from types import ModuleType

import pytest
import typer

from movierec.cli import main
from movierec.cli.common.services import only_one
from recommender.errors import GateRefusedError, MissingInputError, MovierecError

HEAVY = ("numpy", "pandas", "scipy", "mlflow", "sklearn", "surprise", "implicit", "numba", "fastapi", "streamlit")


@pytest.fixture
def mount(monkeypatch):
    """Mount a function or a typer app as a sub-command, the way the real ones are."""

    def add(name, defined):
        module = ModuleType(f"fake_{name}")
        module.__dict__["defined"] = defined
        monkeypatch.setitem(sys.modules, module.__name__, module)
        monkeypatch.setitem(main.MOUNTS, name, main.Mount(f"{module.__name__}:defined", f"Help of {name}."))

    monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)
    return add


@pytest.fixture
def movierec(monkeypatch):
    """Call the command line with these words; gives the exit code."""

    def call(*words):
        monkeypatch.setattr(sys, "argv", ["movierec", *words])
        with pytest.raises(SystemExit) as ended:
            main.run()
        return ended.value.code

    return call


def in_fresh_python(code):
    """What the code prints, and the top-level modules that its interpreter holds afterwards."""
    code = f"import sys\n{code}\nprint('', *{{name.partition('.')[0] for name in sys.modules}}, sep='\\n')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    printed, _, modules = done.stdout.rpartition("\n\n")
    return printed, set(modules.split())


def test_help_lists_every_command_without_loading_one():
    printed, loaded = in_fresh_python(
        "from contextlib import suppress\nfrom movierec.cli import main\nsys.argv = ['movierec', '--help']\n"
        "with suppress(SystemExit): main.run()"
    )
    assert [name for name in main.MOUNTS if f" {name} " not in printed] == []
    assert "movierec" in loaded
    assert loaded.isdisjoint(HEAVY)


@pytest.mark.parametrize("name", main.MOUNTS)
def test_every_mounted_command_exists_and_says_what_the_list_says(name, movierec, capsys):
    command = main.MOUNTS[name].load(name)
    assert command.help.splitlines()[0] == main.MOUNTS[name].help
    assert movierec(name, "--help") == 0
    assert "--install-completion" not in capsys.readouterr().out


def commands():
    """Name and definition of every command, those of groups included."""
    for name in main.MOUNTS:
        command = main.MOUNTS[name].load(name)
        for member, defined in getattr(command, "commands", {"": command}).items():
            yield f"{name} {member}".strip(), defined


def test_every_command_shows_an_example_and_answers_scripts_in_json():
    runs_until_stopped = {"demo", "serve", "pull", "webapp"}
    for name, command in commands():
        assert f"Example: movierec {name}" in f"{command.help} {command.epilog}", name
        options = {option for param in command.params for option in param.opts}
        assert ("--json" in options) == (name not in runs_until_stopped), name


@pytest.mark.parametrize("name", main.MOUNTS)
def test_help_of_a_command_stays_light(name):
    _, loaded = in_fresh_python(f"from movierec.cli import main\nmain.MOUNTS[{name!r}].load({name!r})")
    assert loaded.isdisjoint(HEAVY)


def test_mounts_a_function_a_single_command_app_and_a_group(mount, movierec, capsys):
    single, group = typer.Typer(), typer.Typer()

    def function(count: int) -> None:
        typer.echo(f"function {count}")

    @single.command()
    def only(count: int) -> None:
        typer.echo(f"single {count}")

    @group.command()
    def first(count: int) -> None:
        typer.echo(f"first {count}")

    @group.command()
    def second(count: int) -> None:
        typer.echo(f"second {count}")

    mount("function", function)
    mount("single", single)
    mount("group", group)

    assert movierec("function", "1") == 0
    assert movierec("single", "2") == 0
    assert movierec("group", "second", "3") == 0
    assert capsys.readouterr().out.split("\n")[:3] == ["function 1", "single 2", "second 3"]


@pytest.mark.parametrize(("error", "code"), [(MovierecError, 1), (MissingInputError, 2), (GateRefusedError, 3)])
def test_an_expected_failure_is_one_line_and_its_own_exit_code(error, code, mount, movierec, capsys):
    def fail() -> None:
        raise error("Expected a file, found none.")

    mount("fail", fail)

    assert movierec("fail") == code
    printed = capsys.readouterr()
    assert printed.err == "movierec: Expected a file, found none.\n"
    assert printed.out == ""


def test_an_interrupt_ends_with_130_and_without_a_traceback(mount, movierec, capsys):
    def wait() -> None:
        raise KeyboardInterrupt

    mount("wait", wait)

    assert movierec("wait") == 130
    assert "Traceback" not in capsys.readouterr().err


def test_an_unexpected_failure_keeps_its_traceback(mount, monkeypatch):
    def broken() -> None:
        raise ZeroDivisionError

    mount("broken", broken)
    monkeypatch.setattr(sys, "argv", ["movierec", "broken"])
    with pytest.raises(ZeroDivisionError):
        main.run()


@pytest.mark.parametrize("words", [("nothing",), ("--nothing",), ("data", "nothing")])
def test_wrong_usage_ends_with_2(words, movierec):
    assert movierec(*words) == 2


def test_a_misspelt_command_is_answered_with_the_right_one(movierec, capsys):
    movierec("dta")
    assert "data" in capsys.readouterr().err


def test_version_is_the_installed_one(movierec, capsys):
    assert movierec("--version") == 0
    assert capsys.readouterr().out == "movierec 0.1.0\n"


def test_openblas_is_held_to_one_thread_before_a_command_is_imported(mount, movierec, monkeypatch):
    seen = []
    mount("look", lambda: seen.append(os.environ["OPENBLAS_NUM_THREADS"]))

    movierec("look")
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "4")
    movierec("look")

    assert seen == ["1", "4"]


@pytest.mark.fault(50)
@pytest.mark.parametrize("command", [("serve",), ("pull", "--once"), ("demo",)])
@pytest.mark.parametrize(
    ("variable", "value", "expected"),
    [
        ("MOVIEREC_LOG_LEVEL", "loud", "'loud' is not valid: expected 'DEBUG', 'INFO'"),
        ("MOVIEREC_PORT", "", "is set but empty: expected a value"),
        ("MOVIEREC_ADMIN_TOKEN", "", "is set but empty: expected a value"),
        ("MLFLOW_TRACKING_URI", "", "is set but empty: expected a value"),
        ("MOVIEREC_PORT", "80a", "'80a' is not valid: expected a valid integer"),
        ("MOVIEREC_WORKERS", "0", "'0' is not valid: expected greater than or equal to 1"),
        ("MOVIEREC_ALLOWED_HOSTS", "films.org", "'films.org' is not valid: expected JSON"),
        ("MOVIEREC_ALLOWED_HOSTS", '{"films.org": 1}', "is not valid: expected a valid list"),
        ("MOVIEREC_POLL_SECONDS", "inf", "'inf' is not valid: expected a finite number"),
        ("MOVIEREC_REGISTERED_MODEL", "a/b", "'a/b' is not valid: expected a text to match pattern"),
    ],
)
def test_a_wrong_setting_is_named_with_its_value_and_what_is_expected(
    command, variable, value, expected, movierec, capsys, monkeypatch, tmp_path
):
    monkeypatch.setenv("MOVIEREC_HOME", str(tmp_path))
    monkeypatch.setenv(variable, value)
    assert movierec(*command) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"movierec: {variable} ")
    assert expected in line


@pytest.mark.fault(50)
def test_a_wrong_option_is_named_and_a_level_may_be_in_small_letters(movierec, capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("MOVIEREC_STORE_DIR", str(tmp_path))
    monkeypatch.setenv("MOVIEREC_LOG_LEVEL", "debug")
    assert movierec("serve", "--port", "99999") == 2
    assert "movierec: --port '99999' is not valid: expected less than or equal to 65535" in capsys.readouterr().err


@pytest.mark.fault(48)
def test_a_second_demo_in_one_home_names_the_first_and_ends_with_2(tmp_path, monkeypatch, movierec, capsys) -> None:
    monkeypatch.setenv("MOVIEREC_HOME", str(tmp_path))
    with only_one(tmp_path / "var" / "demo.lock"):
        assert movierec("demo") == 2
        assert f"runs here already (process {os.getpid()})" in capsys.readouterr().err
    with only_one(tmp_path / "var" / "demo.lock"):
        pass  # it is free again, whatever the file says
