"""Files and directories are written whole, and nothing is removed that this project did not write."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest

from recommender import files
from recommender.errors import MovierecError, UsageError
from recommender.files import MARKER, entries, mark, marked_directory, marked_files, named, remove_directory


def write(directory: Path, **texts: str) -> None:
    with marked_directory(directory, "synth") as fresh:
        for name, text in texts.items():
            (fresh / name).write_text(text)


def tree(directory: Path) -> dict[str, bytes | str]:
    """Every file's bytes and every link's target, by path."""
    paths = {name: directory / name for name in entries(directory)}
    return {
        name: str(path.readlink()) if path.is_symlink() else path.read_bytes() if path.is_file() else ""
        for name, path in paths.items()
    }


def test_a_directory_of_ours_is_replaced_again_and_again(tmp_path):
    target = tmp_path / "twin"
    for text in ("one", "two", "three"):
        write(target, ratings=text)
    assert tree(target).keys() == {MARKER, "ratings"}
    assert (target / "ratings").read_text() == "three"
    assert list(tmp_path.iterdir()) == [target], "nothing is left beside it"


@pytest.mark.parametrize("target", ["nothing", "empty"])
def test_a_free_place_or_an_empty_directory_is_taken(tmp_path, target):
    if target == "empty":
        (tmp_path / "twin").mkdir()
    write(tmp_path / "twin", ratings="one")
    assert (tmp_path / "twin" / "ratings").read_text() == "one"


def edit(directory: Path) -> None:
    (directory / "ratings").write_text("two")  # as long as before
    os.utime(directory / "ratings", (0, 0))


FOREIGN = {
    "notes": lambda directory: (directory / "notes.txt").write_text("mine"),
    "notes below": lambda directory: [
        (directory / "sub").mkdir(),
        (directory / "sub" / "notes.txt").write_text("mine"),
    ],
    "empty folder": lambda directory: (directory / "sub").mkdir(),
    "edited": edit,
    "link to a folder": lambda directory: (directory / "sub").symlink_to(directory.parent),
    "link in place of a file": lambda directory: [
        (directory / "ratings").rename(directory.parent / "elsewhere"),
        (directory / "ratings").symlink_to(directory.parent / "elsewhere"),
    ],
    "no marker": lambda directory: (directory / MARKER).unlink(),
    "broken marker": lambda directory: (directory / MARKER).write_text("{"),
    "marker of others": lambda directory: (directory / MARKER).write_text(
        (directory / MARKER).read_text().replace("movierec", "somebody")
    ),
    "marker of another step": lambda directory: (directory / MARKER).write_text(
        (directory / MARKER).read_text().replace("synth", "fetch")
    ),
    "marker of no step": lambda directory: (directory / MARKER).write_text(
        (directory / MARKER).read_text().replace('"kind": "synth",', "")
    ),
    "marker that is no mapping": lambda directory: (directory / MARKER).write_text("[]"),
    "marker that names no files": lambda directory: (directory / MARKER).write_text(
        '{"made_by": "movierec", "kind": "synth", "files": ["ratings"]}'
    ),
}


@pytest.mark.fault(58)
@pytest.mark.parametrize("change", FOREIGN.values(), ids=FOREIGN)
def test_what_is_not_ours_is_not_replaced(tmp_path, change):
    write(tmp_path / "twin", ratings="one")
    change(tmp_path / "twin")
    before = tree(tmp_path)
    with pytest.raises(UsageError, match=r"was left as it is.*(ratings|notes\.txt|sub)"):
        write(tmp_path / "twin", ratings="new")
    assert tree(tmp_path) == before


@pytest.mark.fault(58)
@pytest.mark.parametrize("change", FOREIGN.values(), ids=FOREIGN)
def test_what_is_not_ours_is_not_removed(tmp_path, change):
    write(tmp_path / "twin", ratings="one")
    change(tmp_path / "twin")
    before = tree(tmp_path)
    our_files = {
        f"twin/{name}"
        for name in marked_files("synth")(tmp_path / "twin") or ()
        if not (tmp_path / "twin" / name).is_symlink()
    }
    left = remove_directory(tmp_path / "twin", marked_files("synth"))
    assert left
    assert tree(tmp_path) == {name: content for name, content in before.items() if name not in our_files}


@pytest.mark.fault(58)
def test_a_file_that_comes_while_the_new_ones_are_written_stays(tmp_path):
    target = tmp_path / "twin"
    write(target, ratings="one")

    def write_while_somebody_takes_notes() -> None:
        with marked_directory(target, "synth") as fresh:
            (fresh / "ratings").write_text("two")
            (target / "notes.txt").write_text("mine")

    with pytest.raises(UsageError, match=r"notes\.txt"):
        write_while_somebody_takes_notes()
    assert (target / "notes.txt").read_text() == "mine"
    assert (target / "ratings").read_text() == "one"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.fault(58)
def test_a_file_that_comes_at_the_very_last_moment_is_kept_beside(tmp_path, monkeypatch):
    target = tmp_path / "twin"
    write(target, ratings="one")
    sync = files.sync
    written: list[int] = []

    def late(path: Path) -> None:
        sync(path)
        for retired in [path for path in tmp_path.iterdir() if path != target and (path / "ratings").exists()]:
            if path == tmp_path and not written:
                written.append((retired / "notes.txt").write_text("mine"))

    monkeypatch.setattr(files, "sync", late)
    with pytest.raises(UsageError, match=r"was replaced.*notes\.txt"):
        write(target, ratings="two")
    (rescued,) = tmp_path.glob("twin-kept-*")
    assert tree(rescued) == {"notes.txt": b"mine"}
    assert (target / "ratings").read_text() == "two"


@pytest.mark.fault(58)
@pytest.mark.parametrize("place", ["", ".", "..", "file", "link", "file/below", "x" * 300, "nul\0", "twin/.."])
def test_no_other_place_is_replaced(tmp_path, monkeypatch, place):
    monkeypatch.chdir(tmp_path)
    Path("file").write_text("mine")
    write(Path("twin"), ratings="one")
    Path("link").symlink_to("twin")
    before = tree(tmp_path)
    with pytest.raises(UsageError):
        write(Path(place), ratings="new")
    assert tree(tmp_path) == before


@pytest.mark.fault(58)
def test_a_linked_directory_is_not_removed(tmp_path):
    write(tmp_path / "twin", ratings="one")
    (tmp_path / "link").symlink_to(tmp_path / "twin")
    before = tree(tmp_path)
    assert remove_directory(tmp_path / "link", marked_files("synth")) == ["link"]
    assert tree(tmp_path) == before


@pytest.mark.fault(58)
def test_a_marker_reaches_nothing_outside_its_directory(tmp_path):
    (tmp_path / "victim").write_text("mine")
    directory = tmp_path / "twin"
    directory.mkdir()
    mark(directory, ["../victim", str(tmp_path / "victim")], "synth")
    assert json.loads((directory / MARKER).read_text())["files"]["../victim"]
    assert remove_directory(directory, marked_files("synth")) == []
    assert (tmp_path / "victim").read_text() == "mine"
    assert not directory.exists()


def test_a_block_that_fails_leaves_everything_as_it_was(tmp_path):
    write(tmp_path / "twin", ratings="one")
    before = tree(tmp_path)
    with pytest.raises(ZeroDivisionError), marked_directory(tmp_path / "twin", "synth") as fresh:
        fail_after((fresh / "ratings").write_text("half"))
    assert tree(tmp_path) == before


def test_a_swap_that_fails_puts_the_old_directory_back(tmp_path, monkeypatch):
    write(tmp_path / "twin", ratings="one")
    before, rename = tree(tmp_path), Path.rename

    def fails(path: Path, target: Path) -> Path:
        if target.name == "twin" and (path / "ratings").read_text() == "two":
            raise PermissionError
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", fails)
    with pytest.raises(PermissionError):
        write(tmp_path / "twin", ratings="two")
    assert tree(tmp_path) == before


def test_leftovers_of_a_killed_process_go_with_their_directory(tmp_path):
    write(tmp_path / "twin", ratings="one")
    left = tmp_path / "twin" / f"{files.SCRATCH}0123456789abcdef"
    left.mkdir()
    (left / "half").write_text("half")
    assert remove_directory(tmp_path / "twin", marked_files("synth")) == []
    assert not (tmp_path / "twin").exists()


def test_named_files_go_and_the_others_stay(tmp_path):
    for name in ("counter_12.db", "counter_12.db.txt", "sub/gauge_all_3.db"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x")
    assert remove_directory(tmp_path, named(r"[a-z_]+_\d+\.db")) == ["counter_12.db.txt", "sub/gauge_all_3.db"]
    assert remove_directory(tmp_path / "nowhere", named(".*")) == []


@pytest.mark.fault(58)
def test_a_link_under_a_name_of_ours_stays(tmp_path):
    (tmp_path / "counter_12.db").symlink_to("elsewhere")
    assert remove_directory(tmp_path, named(r"[a-z_]+_\d+\.db")) == ["counter_12.db"]
    assert (tmp_path / "counter_12.db").is_symlink()


def test_a_file_is_replaced_whole_and_keeps_its_mode(tmp_path):
    path = tmp_path / "new" / "settings.yaml"
    files.write_text(path, "one")
    assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~umask()
    path.chmod(0o640)
    files.write_text(path, "zwei ä")
    assert path.read_text("utf-8") == "zwei ä"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    with pytest.raises(ZeroDivisionError), files.whole_file(path) as fresh:
        fail_after(fresh.write_text("half"))
    assert path.read_text("utf-8") == "zwei ä"
    assert list(path.parent.iterdir()) == [path]


def fail_after(_: object) -> None:
    raise ZeroDivisionError


def test_a_directory_has_the_modes_that_the_user_asked_for(tmp_path):
    write(tmp_path / "twin", ratings="one")
    assert stat.S_IMODE((tmp_path / "twin").stat().st_mode) == 0o777 & ~umask()


def umask() -> int:
    os.umask(mask := os.umask(0))
    return mask


def test_a_move_never_replaces(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).write_text(name)
    (tmp_path / "dangling").symlink_to("nowhere")
    for target in ("b", "dangling"):
        with pytest.raises(FileExistsError):
            files.move(tmp_path / "a", tmp_path / target)
    assert (tmp_path / "b").read_text() == "b"
    files.move(tmp_path / "a", tmp_path / "c")
    assert (tmp_path / "c").read_text() == "a"


def test_a_scratch_directory_is_gone_afterwards_and_takes_no_linked_file_along(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("mine")
    for parent in (tmp_path / "new", None):
        with files.scratch_directory(parent) as scratch:
            (scratch / "link").symlink_to(tmp_path / "mine")
        assert not scratch.exists()
    assert (tmp_path / "mine" / "notes.txt").read_text() == "mine"


def test_a_full_disk_is_told_in_words(tmp_path):
    with pytest.raises(MovierecError, match="Make room"), marked_directory(tmp_path / "twin", "synth"):
        raise OSError(28, "No space left on device")


@pytest.mark.fault(58)
def test_a_file_in_the_place_of_a_link_has_the_usual_modes(tmp_path):
    usual, linked = tmp_path / "usual", tmp_path / "linked"
    linked.symlink_to("/dev/zero")
    for path in (usual, linked):
        files.write_text(path, "text")
    assert linked.lstat().st_mode == usual.lstat().st_mode
