"""Fetching through a hostile network, and archives that an enemy made."""

from __future__ import annotations

import hashlib
import json
import socket
import stat
import sys
import time
import zipfile

import pytest
import yaml

from movierec.cli import main
from recommender import home
from recommender.errors import DataError, MissingInputError, UsageError
from recommender.files import MARKER, entries, marked_directory
from tests.training.datasets.fetching.hostile_server import serving
from training.datasets import config
from training.datasets.fetching import download, fetch
from training.datasets.fetching.extract import Limits, extract_folder
from training.datasets.fetching.fetch import fetch as fetch_dataset

FILES = {"toy/ratings.csv": "userId,movieId,rating,timestamp\n" * 2000, "toy/sub/README.txt": "read me"}


@pytest.fixture(autouse=True)
def _impatient(monkeypatch, tmp_path):
    """No pauses between tries, no mirror from outside, and a working directory of the test's own."""
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    monkeypatch.delenv(fetch.MIRROR_VARIABLE, raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def archives(tmp_path):
    """Directory with toy.zip, incompressible enough to be cut and slowed."""
    directory = tmp_path / "archives"
    directory.mkdir()
    write_zip(directory / "toy.zip", FILES, zipfile.ZIP_STORED)
    return directory


@pytest.fixture
def server(archives):
    with serving(archives) as running:
        yield running


@pytest.fixture
def catalogue(tmp_path, monkeypatch):
    """Put data sets into a catalogue of the test's own."""
    directory = tmp_path / "configs"
    directory.mkdir()
    monkeypatch.setattr(config, "DATASET_CONFIGS", directory)

    def add(url, name="toy", **values):
        entry = {"title": "Toy", "kind": "ratings", "url": f"{url}/toy.zip", "folder": "toy", "megabytes": 1} | values
        (directory / f"{name}.yaml").write_text(yaml.safe_dump(entry), "utf-8")

    return add


def write_zip(path, files, compression=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return path


def md5(path):
    return hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()


def assert_nothing_left(root):
    assert [path for path in root.rglob("*") if path.is_file() and path.suffix != ".lock"] == []


def assert_fetched(directory):
    assert (directory / "ratings.csv").read_text("utf-8") == FILES["toy/ratings.csv"]
    assert (directory / "sub" / "README.txt").read_text("utf-8") == "read me"


@pytest.mark.fault(7)
@pytest.mark.parametrize("fault", ["sound", "norange", "nosum", "flaky1", "flaky3", "cut1", "cut3"])
def test_a_download_succeeds_within_its_tries(server, catalogue, tmp_path, fault):
    catalogue(server.url(fault))
    told = []
    directory = fetch_dataset("toy", raw_root=tmp_path / "raw", progress=lambda what, share: told.append((what, share)))
    assert_fetched(directory)
    failures = int(fault[-1]) if fault[-1].isdigit() else 0
    assert server.requests["toy.zip"] == failures + 1
    assert told[-1] == ("Extracting toy", 1.0)
    assert ("Downloading toy.zip" + f" (try {failures + 1})" * bool(failures), 1.0) in told
    assert [path.name for path in (tmp_path / "raw").iterdir() if path.suffix != ".lock"] == ["toy"]


@pytest.mark.fault(7)
@pytest.mark.parametrize("fault", ["flaky9", "cut9", "bent", "huge", "slow"])
def test_a_download_that_cannot_succeed_leaves_no_file(server, catalogue, tmp_path, monkeypatch, fault):
    monkeypatch.setattr(download, "PATIENCE_SECONDS", 0.5)
    monkeypatch.setattr(download, "MIN_BYTES_PER_SECOND", 100_000)
    catalogue(server.url(fault))
    with pytest.raises(DataError, match="larger than" if fault == "huge" else "could not be fetched whole in 4 tries"):
        fetch_dataset("toy", raw_root=tmp_path / "raw")
    assert server.requests["toy.zip"] == (1 if fault == "huge" else 1 + download.RETRIES)
    assert_nothing_left(tmp_path / "raw")


@pytest.mark.fault(7)
def test_a_server_that_falls_silent_is_left(archives, catalogue, tmp_path, monkeypatch):
    monkeypatch.setattr(download, "SILENCE_SECONDS", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        catalogue(f"http://127.0.0.1:{silent.getsockname()[1]}")
        with pytest.raises(DataError, match="could not be read in 4 tries"):
            fetch_dataset("toy", raw_root=tmp_path / "raw")
    assert_nothing_left(tmp_path / "raw")


@pytest.mark.fault(7)
def test_the_known_checksum_counts_where_the_mirror_serves_another_one(server, catalogue, archives, tmp_path):
    catalogue("http://127.0.0.1:1", md5="0" * 32)
    with pytest.raises(DataError, match="could not be fetched whole"):
        fetch_dataset("toy", raw_root=tmp_path / "raw", mirror=server.url("sound"))
    catalogue("http://127.0.0.1:1", md5=md5(archives / "toy.zip"))
    assert_fetched(fetch_dataset("toy", raw_root=tmp_path / "raw", mirror=server.url("nosum")))


def test_the_published_checksum_goes_before_the_known_one(server, catalogue, tmp_path):
    catalogue(server.url("sound"), md5="0" * 32)
    assert_fetched(fetch_dataset("toy", raw_root=tmp_path / "raw"))
    catalogue(server.url("nosum"), md5="0" * 32)
    with pytest.raises(DataError, match="could not be fetched whole"):
        fetch_dataset("toy", raw_root=tmp_path / "raw", force=True)
    assert_fetched(tmp_path / "raw" / "toy")  # the old files stay


@pytest.mark.parametrize("members", [(), ("toy/ratings.csv",)])
def test_without_a_network_it_fails_at_once_and_says_what_to_do(catalogue, tmp_path, members):
    catalogue("http://127.0.0.1:1", members=list(members))
    with pytest.raises(MissingInputError, match=r"cannot be reached.*put toy\.zip .*MOVIEREC_MIRROR"):
        fetch_dataset("toy", raw_root=tmp_path / "raw")
    assert_nothing_left(tmp_path / "raw")


@pytest.mark.parametrize("members", [(), ("toy/ratings.csv",)])
def test_a_file_that_the_server_lacks_is_asked_for_once(server, catalogue, tmp_path, members):
    catalogue(server.url("gone"), members=list(members))
    with pytest.raises(MissingInputError, match="answered 404"):
        fetch_dataset("toy", raw_root=tmp_path / "raw")
    assert server.requests["toy.zip"] == 1


def test_what_is_there_is_not_fetched_again(server, catalogue, tmp_path):
    catalogue(server.url("sound"))
    first = fetch_dataset("toy", raw_root=tmp_path / "raw")
    assert fetch_dataset("toy", raw_root=tmp_path / "raw") == first
    assert server.requests["toy.zip"] == 1
    fetch_dataset("toy", raw_root=tmp_path / "raw", force=True)
    assert server.requests["toy.zip"] == 2


@pytest.mark.fault(58)
def test_a_synthetic_data_set_is_not_replaced(archives, catalogue, tmp_path):
    catalogue("http://127.0.0.1:1", md5=md5(archives / "toy.zip"))
    with marked_directory(tmp_path / "raw/toy", "synth") as fresh:
        (fresh / "ratings.csv").write_text("synthetic")
    with pytest.raises(UsageError, match=r"was left as it is.*ratings\.csv"):
        fetch_dataset("toy", raw_root=tmp_path / "raw", mirror=str(archives), force=True)
    assert (tmp_path / "raw/toy/ratings.csv").read_text() == "synthetic"


@pytest.mark.parametrize("place", ["by hand", "option", "environment"])
def test_a_copy_at_hand_goes_before_the_network(archives, catalogue, tmp_path, monkeypatch, place):
    catalogue("http://127.0.0.1:1", md5=md5(archives / "toy.zip"))
    raw_root, mirror = tmp_path / "raw", None
    if place == "by hand":
        raw_root.mkdir()
        (archives / "toy.zip").rename(raw_root / "toy.zip")
    elif place == "option":
        mirror = str(archives)
    else:
        monkeypatch.setenv(fetch.MIRROR_VARIABLE, str(archives))
    assert_fetched(fetch_dataset("toy", raw_root=raw_root, mirror=mirror))


def test_a_damaged_copy_at_hand_is_refused(archives, catalogue, tmp_path):
    catalogue("http://127.0.0.1:1", md5=md5(archives / "toy.zip"))
    (archives / "toy.zip").write_bytes(b"PK nonsense")
    with pytest.raises(DataError, match="has the MD5"):
        fetch_dataset("toy", raw_root=tmp_path / "raw", mirror=str(archives))
    catalogue("http://127.0.0.1:1")
    with pytest.raises(DataError, match="not a sound zip archive"):
        fetch_dataset("toy", raw_root=tmp_path / "raw", mirror=str(archives))
    with pytest.raises(MissingInputError, match=r"holds no toy\.zip"):
        fetch_dataset("toy", raw_root=tmp_path / "raw", mirror=str(tmp_path))
    assert_nothing_left(tmp_path / "raw")


def test_an_unknown_name_lists_the_known_ones(catalogue, tmp_path):
    catalogue("http://127.0.0.1:1")
    with pytest.raises(UsageError, match="known: toy"):
        fetch_dataset("elsewhere", raw_root=tmp_path / "raw")
    with pytest.raises(UsageError, match=r"movierec data prepare etc --raw \.\./etc"):
        fetch_dataset("../etc", raw_root=tmp_path / "raw")
    assert not (tmp_path / "raw").exists()


# members of a remote archive


@pytest.fixture
def large_archive(archives):
    """toy.zip with a large member beside the one that is wanted."""
    large = {"toy/large.bin": "0123456789" * 200_000}
    return write_zip(archives / "toy.zip", large | FILES, zipfile.ZIP_STORED)


@pytest.mark.parametrize("fault", ["sound", "flaky2", "cut2"])
def test_members_are_read_without_the_rest_of_the_archive(server, catalogue, large_archive, tmp_path, fault):
    catalogue(server.url(fault), members=["toy/ratings.csv"])
    directory = fetch_dataset("toy", raw_root=tmp_path / "raw")
    assert entries(directory) == [MARKER, "ratings.csv"]
    assert (directory / "ratings.csv").read_text("utf-8") == FILES["toy/ratings.csv"]
    if fault == "sound":
        assert server.sent < large_archive.stat().st_size / 2


@pytest.mark.parametrize(
    ("fault", "error", "message"),
    [
        ("norange", MissingInputError, r"cannot be read in part.*put toy\.zip"),
        ("flaky99", DataError, "could not be read in 4 tries"),
        ("cut99", DataError, "could not be read in 4 tries"),
    ],
)
@pytest.mark.usefixtures("large_archive")
def test_members_that_cannot_be_read_leave_nothing(server, catalogue, tmp_path, fault, error, message):
    catalogue(server.url(fault), members=["toy/ratings.csv"])
    with pytest.raises(error, match=message):
        fetch_dataset("toy", raw_root=tmp_path / "raw")
    assert_nothing_left(tmp_path / "raw")


# 8: archives


def link(name):
    info = zipfile.ZipInfo(name)
    info.create_system = 3
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return info


HOSTILE = {
    "slip": ({"toy/../../evil.txt": "x"}, "points outside the target"),
    "absolute": ({"/etc/evil": "x"}, "points outside the target"),
    "drive": ({"toy/c:evil": "x"}, "points outside the target"),
    "backslash": ({"toy\\..\\evil": "x"}, "points outside the target"),
    "link": ({link("toy/link"): "/etc/passwd"}, "is a link or a device"),
    "ratio": ({"toy/bomb": b"\0" * 1_900_000}, "times its size"),
    "total": ({f"toy/{at}": bytes(range(256)) * 3000 for at in range(4)}, "at most 2,000,000 are accepted"),
    "members": ({f"toy/{at}": "" for at in range(60)}, "60 members"),
}


@pytest.mark.fault(8)
@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_archive_is_refused_before_anything_is_written(tmp_path, kind):
    files, message = HOSTILE[kind]
    write_zip(tmp_path / "x.zip", files)
    target = tmp_path / "target"
    with zipfile.ZipFile(tmp_path / "x.zip") as archive, pytest.raises(DataError, match=message):
        extract_folder(archive, "toy", target, Limits(total_bytes=2_000_000, ratio=100, members=50))
    assert not target.exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x.zip"]


@pytest.mark.fault(8)
def test_a_header_that_lies_about_the_size_does_not_help(tmp_path):
    path = write_zip(tmp_path / "x.zip", {"toy/bomb": bytes(range(256)) * 8000})
    data = bytearray(path.read_bytes())
    size = (8000 * 256).to_bytes(4, "little")
    for at in (22, data.rfind(b"PK\x01\x02") + 24):
        assert data[at : at + 4] == size
        data[at : at + 4] = (1000).to_bytes(4, "little")
    path.write_bytes(data)
    target = tmp_path / "target"
    with zipfile.ZipFile(path) as archive, pytest.raises(DataError):
        extract_folder(archive, "toy", target, Limits(total_bytes=2_000_000))
    assert all(path.stat().st_size <= 1000 for path in target.rglob("*") if path.is_file())


@pytest.mark.fault(8)
def test_a_bomb_over_the_network_is_refused_and_leaves_nothing(server, archives, catalogue, tmp_path, monkeypatch):
    monkeypatch.setattr(fetch, "_SLACK", 0)
    write_zip(archives / "toy.zip", {"toy/ratings.csv": b"\0" * 30_000_000})
    catalogue(server.url("sound"))
    with pytest.raises(DataError, match="archive was refused"):
        fetch_dataset("toy", raw_root=tmp_path / "raw")
    assert_nothing_left(tmp_path / "raw")


def test_what_the_system_of_the_packer_left_is_not_extracted(tmp_path):
    write_zip(tmp_path / "x.zip", FILES | {"__MACOSX/toy/._ratings.csv": "x", "other/file": "x"})
    with zipfile.ZipFile(tmp_path / "x.zip") as archive:
        extract_folder(archive, "toy", tmp_path / "target", Limits(total_bytes=10**6))
        with pytest.raises(DataError, match="files under elsewhere/"):
            extract_folder(archive, "elsewhere", tmp_path / "other", Limits(total_bytes=10**6))
    assert sorted(path.name for path in (tmp_path / "target").rglob("*")) == ["README.txt", "ratings.csv", "sub"]


# the real catalogue and the command


def test_every_entry_of_the_catalogue_is_sound():
    names = config.dataset_names()
    assert {"ml-100k", "ml-1m", "ml-10m", "ml-20m", "ml-25m", "ml-32m", "ml-latest-small", "ml-latest"} <= set(names)
    for name in names:
        entry = config.load_dataset_config(name)
        assert entry.url.startswith("https://files.grouplens.org/datasets/")
        assert entry.archive.endswith(".zip")
        assert all(member.startswith(f"{entry.folder}/") for member in entry.members)


def test_the_command_prints_where_the_files_are(server, catalogue, tmp_path, monkeypatch, capsys):
    catalogue(server.url("sound"))
    monkeypatch.setattr(sys, "argv", ["movierec", "data", "fetch", "toy", "--json"])
    with pytest.raises(SystemExit) as ended:
        main.run()
    assert ended.value.code == 0
    assert json.loads(capsys.readouterr().out) == {"name": "toy", "directory": str(home.raw_data() / "toy")}
    assert_fetched(tmp_path / "data" / "raw" / "toy")


# files of the user's


@pytest.mark.fault(58)
@pytest.mark.parametrize("put", ["all by hand", "notes beside", "edited"])
def test_files_put_there_by_hand_are_not_fetched_over(server, catalogue, tmp_path, put):
    catalogue(server.url("sound"))
    directory = tmp_path / "raw" / "toy"
    if put == "all by hand":
        directory.mkdir(parents=True)
        (directory / "u.data").write_text("mine")
    else:
        fetch_dataset("toy", raw_root=tmp_path / "raw")
        (directory / ("notes.txt" if put == "notes beside" else "ratings.csv")).write_text("mine")
    before = {name: (directory / name).read_bytes() for name in entries(directory)}
    with pytest.raises(UsageError, match=r"u\.data|notes\.txt|ratings\.csv"):
        fetch_dataset("toy", raw_root=tmp_path / "raw", force=True)
    assert {name: (directory / name).read_bytes() for name in entries(directory)} == before
    assert server.requests["toy.zip"] == (0 if put == "all by hand" else 1), "it is refused before anything is fetched"
    assert fetch_dataset("toy", raw_root=tmp_path / "raw") == directory


@pytest.mark.fault(58)
def test_a_directory_for_downloads_of_the_users_own_stays(server, catalogue, tmp_path):
    catalogue(server.url("sound"))
    own = tmp_path / "raw" / ".downloads"
    own.mkdir(parents=True)
    (own / "notes.txt").write_text("mine")
    fetch_dataset("toy", raw_root=tmp_path / "raw")
    assert (own / "notes.txt").read_text() == "mine"
