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


@pytest.fixture
def two_cores(monkeypatch):
    monkeypatch.setattr(needs, "available_memory", lambda: 2.0**40)
    monkeypatch.setattr(needs, "cores", lambda: 2)


def test_what_predicts_stars_and_what_weighs_the_ensemble_is_announced_too(two_cores):
    said: list[str] = []
    check_needs({"stars": configure("stars", ["factors=100"])}, LARGE, said.append)
    assert said[0].startswith("stars will take about ")
    many_items, weighing = Size(30_000, 400_000, 810_000), "Choosing the weights of ensemble will take about "
    check_needs({"ensemble": configure("ensemble")}, many_items, said.append)
    assert any(sentence.startswith(weighing) for sentence in said)
    said.clear()
    check_needs({"ensemble": configure("ensemble", {"weights": {"als": 1}})}, many_items, said.append)
    assert said
    assert not any("weigh" in sentence for sentence in said)


def test_fits_that_are_long_together_are_announced_together(two_cores):
    said: list[str] = []
    size = Size(10_000, 15_000, 1_000_000)
    als = configure("als", ["factors=256", "iterations=15"])
    configs = {"ials": configure("ials", ["factors=64", "iterations=16"]), "als": als}
    for name, config in configs.items():
        check_needs({name: config}, size, said.append)
    assert not said
    check_needs(configs, size, said.append)
    (sentence,) = said
    assert sentence.startswith("One fit of each takes about ")


@pytest.mark.parametrize(("further", "times"), [(2, "3 times"), (1, "2 times"), (0, None)])
def test_how_often_members_are_fitted_is_said_where_it_is_more_than_once(further, times):
    said: list[str] = []
    check_needs({"ensemble": configure("ensemble", ["ials.factors=200"])}, LARGE, said.append, further)
    assert [sentence for sentence in said if "may fit its members" in sentence] == (
        [f"ensemble may fit its members {times}, to weigh them."] if times else []
    )


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
