"""What an installed movierec says where something is not installed with it."""

from __future__ import annotations

import pytest

from recommender.errors import UsageError
from tests.movierec.cli.test_main import mount, movierec
from training import config
from training.pipeline import checkpoints

__all__ = ["mount", "movierec"]  # fixtures


@pytest.mark.parametrize("words", [("webapp",), ("demo",)])
def test_the_web_page_names_its_extra(words, movierec, monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("movierec.cli.serve.find_spec", lambda name: None)
    assert movierec(*words) == 2
    error = capsys.readouterr().err
    assert (
        error == "movierec: The web page needs streamlit and altair, not installed here: pip install 'movierec[web]'\n"
    )


def failing_import(name):
    def command() -> None:
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    return command


def test_a_command_names_the_library_that_it_misses(mount, movierec, capsys):
    mount("look", failing_import("mlflow.tracking"))
    assert movierec("look") == 2
    told = "This command misses a library (No module named 'mlflow.tracking'): pip install movierec"
    assert capsys.readouterr().err == f"movierec: {told}\n"


def test_a_missing_module_of_our_own_keeps_its_traceback(mount, movierec):
    mount("look", failing_import("training.gone"))
    with pytest.raises(ModuleNotFoundError):
        movierec("look")


def test_bench_asks_for_a_checkout(movierec, monkeypatch, capsys):
    monkeypatch.setattr("movierec.cli.bench.import_module", lambda name: failing_import(name)())
    assert movierec("bench", "topk") == 2
    assert "needs a checkout of the repository" in capsys.readouterr().err


def test_data_files_are_taken_from_inside_the_package_before_what_lies_beside_it(monkeypatch, tmp_path):
    for place in ("training/configs", "configs"):
        (tmp_path / place).mkdir(parents=True)
    monkeypatch.setattr(config, "__file__", str(tmp_path / "training" / "config.py"))
    assert config.shipped("configs", "configs") == tmp_path / "training" / "configs"
    assert config.shipped("datasets/credit_tables", "data/credits") == tmp_path / "data" / "credits"


def test_installed_configuration_files_are_not_edited(movierec, monkeypatch, tmp_path, capsys):
    config.require_checkout("--write")  # this is one
    monkeypatch.setattr(config, "__file__", str(tmp_path / "config.py"))
    monkeypatch.setattr(config, "CONFIG_ROOT", tmp_path / "configs")
    with pytest.raises(UsageError, match="needs a checkout"):
        config.require_checkout("--write")
    assert movierec("tune", "als", "--write") == 2
    assert "--set" in capsys.readouterr().err


def test_a_repository_around_an_installed_package_is_not_taken_for_ours(monkeypatch, tmp_path):
    checkpoints.git_commit.cache_clear()
    monkeypatch.setattr(checkpoints, "__file__", str(tmp_path / "site-packages/training/pipeline/checkpoints.py"))
    monkeypatch.setattr(checkpoints, "_git", lambda root, *words: "somebody's commit")
    try:
        assert checkpoints.git_commit() is None
    finally:
        checkpoints.git_commit.cache_clear()
