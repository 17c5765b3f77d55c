"""What fits need is said before it is spent, and more memory than there is is refused."""

from __future__ import annotations

import pytest

from recommender.errors import UsageError
from training.models import NAMES, configure, needs
from training.models.needs import Size, check_needs

SMALL, LARGE = Size(943, 1682, 100_000), Size(30_000, 41_000, 810_000)


def test_small_fits_are_not_announced():
    said: list[str] = []
    check_needs({name: configure(name) for name in NAMES}, SMALL, said.append)
    assert not said


def test_a_large_fit_is_announced_with_memory_and_time():
    said: list[str] = []
    check_needs({"ials": configure("ials", ["factors=200"])}, LARGE, said.append)
    (sentence,) = said
    assert sentence.startswith("ials will take about ")
    assert "GiB" in sentence
    assert "minutes" in sentence


@pytest.mark.parametrize(("name", "sections"), [("ease", ""), ("ensemble", "ease.")])
def test_a_fit_without_the_memory_is_refused_with_what_to_do(monkeypatch, name, sections):
    monkeypatch.setattr(needs, "available_memory", lambda: 8 * 2.0**30)
    check_needs({name: configure(name)}, LARGE, lambda text: None)
    exact = configure(name, [f"{sections}max_films=50000"])
    with pytest.raises(UsageError, match=r"needs about 37\.\d GiB .* 8\.0 GiB are free.*max_films"):
        check_needs({name: exact}, LARGE, lambda text: None)


def test_what_is_free_is_what_the_control_group_leaves(monkeypatch, tmp_path):
    unlimited = needs.available_memory()
    limit = tmp_path / "memory.max"
    limit.write_text(str(2**40))
    monkeypatch.setattr(needs, "_CGROUP", limit)
    assert 0 < needs.available_memory() < 2**40
    limit.write_text("1000\n")
    assert needs.available_memory() < 0 < unlimited
