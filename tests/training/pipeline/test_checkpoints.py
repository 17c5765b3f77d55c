"""A workspace removes what it finished, and nothing else."""

from __future__ import annotations

import pytest

from recommender.files import entries, new_directory
from training.pipeline.checkpoints import open_workspace


def fill(workspace, notes=()):
    def build(path):
        with new_directory(path) as fresh:
            (fresh / "array.npy").write_text("x")

    workspace.stage_json("curves/als", dict)
    workspace.stage_directory("refitted/als/bundle", build)
    for name in notes:
        (workspace.directory / name).write_text("mine")


def work_and_crash(root):
    with open_workspace("small", root) as workspace:
        fill(workspace)
        raise ZeroDivisionError


def test_it_is_gone_at_the_end_also_what_a_killed_process_had_finished(tmp_path):
    with pytest.raises(ZeroDivisionError):
        work_and_crash(tmp_path)
    assert (tmp_path / "small-0" / "refitted" / "als" / "bundle" / "array.npy").exists()
    with open_workspace("small", tmp_path):
        pass
    assert entries(tmp_path) == ["small-0.lock"]


@pytest.mark.fault(58)
def test_notes_in_it_stay(tmp_path):
    notes = ("notes.txt", "curves/notes.json", "refitted/als/bundle/notes.txt")
    with open_workspace("small", tmp_path) as workspace:
        fill(workspace, notes)
    assert entries(tmp_path / "small-0") == sorted(notes, key=lambda name: name.split("/"))
    with open_workspace("small", tmp_path) as workspace:
        fill(workspace)
    assert [(tmp_path / "small-0" / name).read_text() for name in notes] == ["mine"] * 3
    assert sorted(path.name for path in tmp_path.iterdir()) == ["small-0", "small-0.lock", "small-1.lock"]
