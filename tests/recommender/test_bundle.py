from __future__ import annotations

import json
import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest

from recommender import smoke
from recommender.bundle import MANIFEST, code_version, load_arrays, read_manifest, save_bundle, verify_bundle
from recommender.errors import BundleFormatError, BundleIntegrityError, GateRefusedError
from recommender.model import Model
from recommender.texts import concatenate
from tests.toy import build_arrays, build_manifest


@pytest.fixture
def copy(toy_path: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(toy_path, tmp_path / "copy"))


def test_arrays_come_back_as_they_were_saved(toy_path: Path) -> None:
    loaded = load_arrays(toy_path, verify_bundle(toy_path))
    for name, array in build_arrays().items():
        np.testing.assert_array_equal(loaded[name], array)
        assert loaded[name].dtype == array.dtype


def test_loaded_arrays_are_mapped_and_read_only(toy_path: Path) -> None:
    array = load_arrays(toy_path, read_manifest(toy_path))["content"]
    with pytest.raises(ValueError, match="read-only"):
        array[0, 0] = 1.0
    assert isinstance(array.base, np.memmap)


def test_every_truncated_flipped_or_missing_file_is_refused(toy_path: Path, tmp_path: Path) -> None:
    files = sorted(toy_path.glob("*.npy"))
    assert len(files) > 10
    for file in files:
        for damage in (_flip_last_bit, _truncate, Path.unlink, _extend):
            broken = tmp_path / "broken"
            shutil.copytree(toy_path, broken)
            damage(broken / file.name)
            with pytest.raises(BundleIntegrityError, match=file.name):
                Model.load(broken)
            shutil.rmtree(broken)


def test_a_changed_manifest_that_no_longer_fits_its_arrays_is_refused(copy: Path) -> None:
    manifest = json.loads((copy / MANIFEST).read_text())
    manifest["files"]["content"]["shape"] = [3, 3]
    (copy / MANIFEST).write_text(json.dumps(manifest))
    with pytest.raises(BundleIntegrityError, match=r"content\.npy.*expected float32\[3, 3\]"):
        Model.load(copy)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"format": 99}', '{"format": 1, "surprise": 1}'])
def test_unreadable_manifests_are_refused(copy: Path, content: str) -> None:
    (copy / MANIFEST).write_text(content)
    with pytest.raises((BundleIntegrityError, BundleFormatError)):
        Model.load(copy)


def test_an_unknown_format_is_refused_by_name(copy: Path) -> None:
    manifest = json.loads((copy / MANIFEST).read_text()) | {"format": 3}
    (copy / MANIFEST).write_text(json.dumps(manifest))
    with pytest.raises(BundleFormatError, match="found 3"):
        read_manifest(copy)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"kind": "sequence"}, "user_scorer of kind sequence, expected one of 'popularity'"),
        ({"version": 2}, "user_scorer.factor in version 2"),
    ],
)
def test_a_scorer_of_later_code_is_refused_with_the_version_that_wrote_it(
    copy: Path, change: dict[str, object], said: str
) -> None:
    manifest = json.loads((copy / MANIFEST).read_text()) | {"movierec": "9.1"}
    manifest["user_scorer"] |= change
    (copy / MANIFEST).write_text(json.dumps(manifest))
    with pytest.raises(BundleFormatError, match=f"{said}.*written by movierec 9.1"):
        read_manifest(copy)


def test_bundles_are_written_in_format_two_with_the_version_of_the_code(toy_path: Path) -> None:
    manifest = read_manifest(toy_path)
    assert (manifest.format, manifest.movierec) == (2, code_version())
    assert json.loads((toy_path / MANIFEST).read_text())["user_scorer"]["version"] == 1


def test_text_ids_out_of_order_are_refused_by_the_smoke_gate(toy: Model, tmp_path: Path) -> None:
    users = [f"user {number}" for number in range(len(toy.user_ids))]
    text, offsets = concatenate([name.encode() for name in reversed(users)])
    arrays = build_arrays() | {"user_ids_text": text, "user_ids_offsets": offsets}
    del arrays["user_ids"]
    save_bundle(tmp_path / "bundle", build_manifest(), arrays)
    with pytest.raises(GateRefusedError, match="ascending order"):
        smoke.check(tmp_path / "bundle")


def test_a_pickle_in_the_place_of_an_array_is_never_opened(copy: Path, tmp_path: Path) -> None:
    mark = tmp_path / "opened"
    (copy / "content.npy").write_bytes(pickle.dumps(_Payload(mark)))
    with pytest.raises(BundleIntegrityError):
        Model.load(copy)
    with pytest.raises(BundleIntegrityError):
        Model.load(copy, verify=False)
    assert not mark.exists()


def test_a_link_in_the_place_of_an_array_is_refused(copy: Path, toy_path: Path) -> None:
    (copy / "content.npy").unlink()
    (copy / "content.npy").symlink_to(toy_path / "content.npy")
    with pytest.raises(BundleIntegrityError, match="missing"):
        Model.load(copy)


def test_an_array_name_that_leaves_the_bundle_is_refused(copy: Path) -> None:
    manifest = json.loads((copy / MANIFEST).read_text())
    manifest["files"]["../outside"] = manifest["files"]["content"]
    (copy / MANIFEST).write_text(json.dumps(manifest))
    with pytest.raises(BundleIntegrityError):
        Model.load(copy)


def test_saving_over_a_bundle_is_refused_and_keeps_it(copy: Path) -> None:
    before = (copy / MANIFEST).read_bytes()
    with pytest.raises(BundleIntegrityError, match="new directory"):
        save_bundle(copy, build_manifest(), build_arrays())
    assert (copy / MANIFEST).read_bytes() == before


def test_a_failed_save_leaves_nothing_behind(tmp_path: Path) -> None:
    arrays = build_arrays() | {"objects": np.array([{}], dtype=object)}
    with pytest.raises(BundleIntegrityError, match="Python objects"):
        save_bundle(tmp_path / "bundle", build_manifest(), arrays)
    assert list(tmp_path.iterdir()) == []


def test_golden_queries_notice_a_different_answer(toy: Model) -> None:
    toy.check_golden()
    wrong = toy.manifest.golden[0].model_copy(update={"scores": [9.0, 8.0, 7.0]})
    changed = Model(toy.manifest.model_copy(update={"golden": [wrong]}), toy.arrays)
    with pytest.raises(BundleIntegrityError, match="Golden query movie 1"):
        changed.check_golden()


class _Payload:
    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, tuple[Path]]:
        return Path.touch, (self.mark,)


def _flip_last_bit(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)


def _truncate(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-1])


def _extend(file: Path) -> None:
    file.write_bytes(file.read_bytes() + b"\0")
