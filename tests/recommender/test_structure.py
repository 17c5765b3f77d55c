"""Bundles whose hashes are right and whose arrays do not fit are refused, whatever does not fit."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from recommender import smoke
from recommender.bundle import MANIFEST, save_bundle
from recommender.errors import BundleIntegrityError, MovierecError
from recommender.model import Model
from recommender.structure import require_sound
from tests.toy import build_arrays, build_manifest
from tests.toy_extras import extras_arrays

ARRAYS = build_arrays() | extras_arrays()
UNNOTICED = {("features_offsets", "longer"), ("features_indptr", "missing")}  # a feature without films; no extras


def damages(array: NDArray[Any]) -> Iterator[tuple[str, NDArray[Any] | None]]:
    yield "cut", array[:-1]
    yield "empty", array[:0]
    yield "longer", np.concatenate([array, array[-1:]])
    yield "other dimensions", array.reshape(-1, 1) if array.ndim == 1 else array.ravel()
    yield "texts", np.full(array.shape, "x")
    yield "missing", None


def pointing(name: str) -> bool:
    """Whether the array points into others, so that no value may be wild."""
    ends = ("_indptr", "_offsets", "_rows", "_own", "_kinds", "_indices", "_starts", "_period", "_canonical", "_likes")
    return name.endswith((*ends, "_movies", "_films", "_items", "_users")) and name != "catalog_likes"


def wild(array: NDArray[Any]) -> Iterator[tuple[str, NDArray[Any]]]:
    for value in {np.iinfo(array.dtype).max, np.iinfo(array.dtype).min} - {0}:
        for place in (0, len(array) // 2, len(array) - 1):
            changed = array.copy()
            changed[place] = value
            if not np.array_equal(changed, array):
                yield f"{value} at {place}", changed
    yield "not whole", array.astype(np.float64)


def is_refused(arrays: dict[str, NDArray[Any]]) -> bool:
    """Whether a model of these arrays cannot be made, or does not pass; anything else that is raised is a fault."""
    try:
        require_sound(Model(build_manifest(), arrays))
    except (MovierecError, ArithmeticError, LookupError, TypeError, ValueError):  # the gate makes a refusal of each
        return True
    return False


@pytest.mark.fault(42)
@pytest.mark.parametrize("name", ARRAYS)
def test_an_array_that_does_not_fit_is_refused(name: str) -> None:
    assert not is_refused(ARRAYS)
    array = ARRAYS[name]
    kinds = [*damages(array), *(wild(array) if pointing(name) else ())]
    passed = {
        kind
        for kind, changed in kinds
        if not is_refused({key: value for key, value in (ARRAYS | {name: changed}).items() if value is not None})
    }
    # What passes here is what the trial of answers has to find: user factors of another width, for example.
    allowed = {"other dimensions"} if name in {"content", "item_factors", "user_factors", "gram"} else set()
    allowed |= {"cut", "empty", "longer", "missing"} if name == "gram" else set()
    assert {kind for kind in passed if (name, kind) not in UNNOTICED} <= allowed


SOUND_ALONE = {
    "gram": ARRAYS["gram"][:-1],  # of the fold-in
    "user_factors": ARRAYS["user_factors"][:, :-1],
    "titles_text": np.frombuffer(ARRAYS["titles_text"].tobytes().replace(b"twins", b"twinz"), np.uint8),
    "periods": None,
    "viewers_likes": ARRAYS["viewers_likes"] + 50,
    "history_indptr": ARRAYS["history_indptr"][::-1].copy(),
    "titles_letters": ARRAYS["titles_letters"][:-1],
}


@pytest.mark.fault(42)
@pytest.mark.parametrize("name", SOUND_ALONE)
def test_the_gate_refuses_what_would_fail_in_an_answer(name: str, tmp_path: Path) -> None:
    changed = ARRAYS | {name: SOUND_ALONE[name]}
    save_bundle(tmp_path / "bundle", build_manifest(), {key: one for key, one in changed.items() if one is not None})
    with pytest.raises(MovierecError):
        smoke.check(tmp_path / "bundle")


@pytest.mark.fault(42)
@pytest.mark.parametrize("kind", ["unlisted file", "linked manifest", "linked array", "directory"])
def test_a_bundle_holds_nothing_unlisted_and_no_links(kind: str, toy_path: Path, tmp_path: Path) -> None:
    bundle = Path(shutil.copytree(toy_path, tmp_path / "bundle"))
    smoke.check(bundle)
    linked = bundle / (MANIFEST if kind == "linked manifest" else "content.npy")
    if kind == "unlisted file":
        (bundle / "more.bin").write_bytes(bytes(1000))
    elif kind == "directory":
        (bundle / "more").mkdir()
    else:
        linked.rename(tmp_path / linked.name)
        linked.symlink_to(tmp_path / linked.name)
    with pytest.raises(BundleIntegrityError, match=r"more|manifest\.json|content\.npy"):
        smoke.check(bundle)
