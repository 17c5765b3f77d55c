"""Whatever a command is told, no file of the user's is touched: paths given as names, directories that are not ours."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from movierec.cli import main
from recommender.files import entries, marked_directory
from tests.movierec.cli.test_main import HEAVY, in_fresh_python

DOWNLOADED = "Downloads/ml-latest-small"


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """A user's directory: downloaded ratings with notes beside them, raw files, notes, and one processed data set."""
    from training.datasets.store import prepare

    home = tmp_path_factory.mktemp("template")
    for directory in (home / DOWNLOADED, home / "data/raw/toy"):
        (directory / "sub").mkdir(parents=True)
        (directory / "sub" / "deep.txt").write_text("mine")
        (directory / "notes.txt").write_text("mine")
        rows = [
            f"{user},{film},{(user * film) % 10 / 2 + 0.5},1000000000" for user in range(1, 21) for film in range(1, 16)
        ]
        (directory / "ratings.csv").write_text("\n".join(["userId,movieId,rating,timestamp", *rows]) + "\n")
        films = [f"{film},Film {film} (1990),Drama" for film in range(1, 16)]
        (directory / "movies.csv").write_text("\n".join(["movieId,title,genres", *films]) + "\n")
    prepare("other", raw=home / "data/raw/toy", processed_root=home / "data/processed")
    (home / "data/processed/notes.txt").write_text("mine")
    (home / "notes.txt").write_text("mine")
    (home / "empty").mkdir()
    (home / "link").symlink_to(DOWNLOADED)
    return home


@pytest.fixture
def home(template, tmp_path, monkeypatch):
    directory = shutil.copytree(template, tmp_path / "home", symlinks=True)
    monkeypatch.chdir(directory)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return directory


@pytest.fixture
def movierec(home, monkeypatch):
    """Call the command line with these words ({home} stands for the user's directory); gives the exit code."""

    def call(*words):
        monkeypatch.setattr("sys.argv", ["movierec", *(word.replace("{home}", str(home)) for word in words)])
        with pytest.raises(SystemExit) as ended:
            main.run()
        return ended.value.code

    return call


def tree(directory: Path) -> dict[str, tuple[float, str | bytes]]:
    """Every file's time and bytes, and every link's target, by path."""
    paths = {name: directory / name for name in entries(directory)}
    return {name: (path.lstat().st_mtime, content(path)) for name, path in paths.items()}


def content(path: Path) -> str | bytes:
    if path.is_symlink():
        return str(path.readlink())
    return path.read_bytes() if path.is_file() else "folder"


PATHS = {
    "relative": DOWNLOADED,
    "trailing slash": f"{DOWNLOADED}/",
    "from here": f"./{DOWNLOADED}",
    "absolute": f"{{home}}/{DOWNLOADED}",
    "absolute, trailing slash": f"{{home}}/{DOWNLOADED}//",
    "upwards": f"../home/{DOWNLOADED}",
    "upwards from the processed data": f"../../{DOWNLOADED}",
    "another data set": "../processed/other",
    "another data set, trailing slash": "other/",
    "inside another data set": "other/more",
    "here": ".",
    "above": "..",
    "root": "/",
    "home": "~",
    "backslash": "Downloads\\ml-latest-small",
}
NO_NAMES = PATHS | {
    "nothing": "",
    "blank": " ",
    "hidden": ".other",
    "NUL": "other\0",
    "line end": "other\n",
    "long": "x" * 101,
    "very long": "x" * 70_000,
    "full-width letters": "\uff4f\uff54\uff48\uff45\uff52",
    "dash that is no hyphen": "ml\u2013100k",
    "slash that is none": f"{DOWNLOADED}".replace("/", "\u2215"),
}
COMMANDS = {
    "prepare": ("data", "prepare", "NAME"),
    "prepare --raw": ("data", "prepare", "NAME", "--raw", DOWNLOADED, "--force"),
    "fetch": ("data", "fetch", "NAME", "--force"),
    "describe": ("data", "describe", "NAME"),
    "credits": ("data", "credits", "NAME"),
    "train": ("train", "popularity", "--dataset", "NAME"),
    "evaluate": ("evaluate", "--model", "popularity", "--dataset", "NAME"),
    "tune": ("tune", "als", "--trials", "1", "--dataset", "NAME"),
    "demo": ("demo", "--no-serve", "--dataset", "NAME"),
}


@pytest.mark.fault(58)
@pytest.mark.parametrize("name", NO_NAMES.values(), ids=NO_NAMES)
@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_what_is_no_name_is_refused_and_touches_nothing(command, name, movierec, home, capsys):
    before = tree(home.parent)
    assert movierec(*(name if word == "NAME" else word for word in command)) == 2
    assert tree(home.parent) == before
    told = capsys.readouterr().err
    assert "Expected the name of a data set" in told
    assert len(told) < 700
    assert ("--raw" in told) == (name in PATHS.values()), "a path is answered with the command that was meant"


@pytest.mark.parametrize(
    ("command", "meant"),
    [
        ("prepare", "movierec data prepare ml-latest-small --raw {path}"),
        ("train", "movierec data prepare ml-latest-small --raw {path}"),
        ("demo", "movierec demo --dataset ml-latest-small --raw {path}"),
    ],
)
def test_the_command_that_was_meant_is_spelled_out(command, meant, movierec, home, capsys):
    path = f"{home}/{DOWNLOADED}"
    movierec(*(path if word == "NAME" else word for word in COMMANDS[command]))
    assert f"`{meant.format(path=path)}`" in capsys.readouterr().err


def test_the_command_that_was_meant_works_and_leaves_the_files_alone(movierec, home):
    before = tree(home)
    assert movierec("data", "prepare", "ml-latest-small", "--raw", DOWNLOADED) == 0
    assert movierec("data", "describe", "ml-latest-small") == 0
    assert tree(home).items() >= before.items()


@pytest.mark.parametrize("name", ["a", "ml-100k", "My_films.v2", "x" * 100, "-a", "1"])
def test_names_are_letters_digits_and_three_marks(name, movierec, capsys):
    assert movierec("data", "describe", "--", name) == 2
    assert "No processed data set in" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["prepare", "train", "evaluate", "demo"])
def test_nothing_heavy_is_imported_to_refuse_a_name(command):
    words = ["movierec", *("/some/where" if word == "NAME" else word for word in COMMANDS[command])]
    printed, loaded = in_fresh_python(
        f"from contextlib import suppress\nfrom movierec.cli import main\nsys.argv = {words}\n"
        "with suppress(SystemExit): main.run()\nprint('refused')"
    )
    assert "refused" in printed
    assert "training" in loaded
    assert loaded.isdisjoint(HEAVY)


# directories


@pytest.mark.fault(58)
@pytest.mark.parametrize("command", [("data", "synth", "--ratings", "300"), ("data", "synth-bundle", "--users", "30")])
@pytest.mark.parametrize(
    "place",
    [
        *(DOWNLOADED, f"{DOWNLOADED}/", f"{{home}}/{DOWNLOADED}", f"empty/../{DOWNLOADED}", "data", "data/raw/toy"),
        *("data/processed/other", "link", "notes.txt", "notes.txt/below", ".", "..", "", "/", "x" * 300, "nul\0"),
    ],
)
def test_no_directory_of_the_users_is_replaced(command, place, movierec, home):
    before = tree(home.parent)
    assert movierec(*command, "--movies", "20", "--out", place) == 2
    assert tree(home.parent) == before


@pytest.mark.parametrize("place", ["new", "empty", "data/raw/synthetic", f"{DOWNLOADED}/sub/twin"])
def test_a_twin_goes_where_nothing_is_and_replaces_a_twin_alone(place, movierec, home):
    words = ("data", "synth", "--users", "20", "--movies", "20", "--ratings", "90", "--out", place)
    before = tree(home)
    assert movierec(*words, "--seed", "1") == movierec(*words, "--seed", "2") == 0
    assert {name: state for name, state in tree(home).items() if not name.startswith(f"{place}/")} == {
        name: state for name, state in before.items() if name != place
    }
    (home / place / "notes.txt").write_text("mine")
    before = tree(home)
    assert movierec(*words, "--seed", "3") == 2
    assert tree(home) == before


@pytest.mark.fault(58)
def test_a_processed_directory_elsewhere_is_not_replaced_either(movierec, home, capsys):
    before = tree(home)
    assert movierec("data", "prepare", "ml-latest-small", "--raw", "data/raw/toy", "--processed", "Downloads") == 2
    assert tree(home) == before
    assert "movies.csv, notes.txt, ratings.csv, sub/deep.txt" in capsys.readouterr().err


@pytest.mark.fault(58)
def test_notes_beside_processed_data_stay(movierec, home, capsys):
    (home / "data/processed/other/notes.txt").write_text("mine")
    before = tree(home)
    assert movierec("data", "prepare", "other", "--raw", "data/raw/toy") == 0, "what is up to date is only opened"
    assert movierec("data", "prepare", "other", "--raw", "data/raw/toy", "--force") == 2
    assert "notes.txt" in capsys.readouterr().err
    assert tree(home) == before
    (home / "data/processed/other/notes.txt").unlink()
    assert movierec("data", "prepare", "other", "--raw", "data/raw/toy", "--force") == 0


@pytest.mark.fault(58)
@pytest.mark.parametrize("force", [(), ("--force",)])
@pytest.mark.parametrize("report", ["quality_report.md", "quarantine.csv"])
def test_an_edited_report_is_not_replaced(report, force, movierec, home, capsys):
    with (home / "data/processed/other" / report).open("a") as file:
        file.write("note\n")
    before = tree(home)
    assert movierec("data", "prepare", "other", "--raw", "data/raw/toy", *force) == 2
    assert report in capsys.readouterr().err
    assert tree(home) == before


@pytest.mark.fault(58)
@pytest.mark.parametrize("file", ["processed_movies.pkl", "user_item_matrix.pkl"])
def test_a_damaged_array_or_pickle_is_made_anew(file, movierec, home):
    path = home / "data/processed/other" / file
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    assert movierec("data", "prepare", "other", "--raw", "data/raw/toy") == 0
    assert path.read_bytes() == whole


@pytest.mark.fault(58)
def test_a_twin_does_not_replace_what_was_fetched(movierec, home, capsys):
    target = home / "data/raw/ml-latest-small"
    with marked_directory(target, "fetch") as fresh:
        (fresh / "ratings.csv").write_text("fetched")
    before = tree(home)
    words = ("data", "synth", "--users", "20", "--movies", "20", "--ratings", "90")
    assert movierec(*words, "--out", "data/raw/ml-latest-small") == 2
    assert "ratings.csv" in capsys.readouterr().err
    assert tree(home) == before


@pytest.mark.fault(58)
@pytest.mark.parametrize("manifest", ["{}", "[]", "mine", '{"format": 3, "name": "mine", "files": {}}'])
def test_a_manifest_of_somebody_elses_does_not_make_a_directory_ours(manifest, movierec, home):
    directory = home / "data/processed/mine"
    directory.mkdir()
    (directory / "manifest.json").write_text(manifest)
    before = tree(home)
    for command in (COMMANDS["describe"], (*COMMANDS["prepare"], "--raw", DOWNLOADED)):
        assert movierec(*("mine" if word == "NAME" else word for word in command)) == 2
        assert tree(home) == before
