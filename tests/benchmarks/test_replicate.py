"""What `bench replicate` measures and writes: stock libraries as they are, judged figures, a generated page."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import surprise

from benchmarks import replicate
from benchmarks.replication import page, stars
from benchmarks.replication import sparse as sparse_module
from benchmarks.replication.published import CV5, MS_ITEM75
from benchmarks.replication.rankings import by_history, compare_with_parts, strong
from benchmarks.replication.section import Section, Study
from benchmarks.replication.sparse import files_protocol
from benchmarks.replication.titles import genome_agreement, genome_vectors
from recommender.errors import DataError, MissingInputError, UsageError
from recommender.schema import MOVIE, RATING, USER
from tests.training.evaluation.builders import protocol_of, random_dataset, split_of, written_model
from tests.training.small import small_dataset
from training.evaluation.result import Evaluation
from training.pipeline.judge import fit
from training.splits.cut import splits
from training.splits.files import files_dataset
from training.splits.protocol import load_protocol

FULL, QUICK = 1.0, 0.1


def study(dataset, size=FULL) -> Study:
    return Study(dataset, size, lambda what, share: None)


@pytest.fixture(scope="module")
def dataset():
    return random_dataset(np.random.default_rng(0))


def test_published_tables_name_metrics_that_their_protocols_have():
    for table in (MS_ITEM75, CV5):
        protocol = load_protocol(table.protocol)
        for row in table.rows.values():
            for metric in row:
                stem, _, k = metric.partition("_at_")
                assert stem in protocol.metrics
                assert not k or int(k) in protocol.k


def test_a_quick_look_takes_fewer_seeds(dataset):
    assert study(dataset).protocol("strong").seeds == list(range(10))
    assert study(dataset, QUICK).protocol("strong").seeds == [0]
    assert study(dataset, 0.34).protocol("ms-item75").seeds == [42, 43]


def test_stock_algorithms_score_what_surprise_says(dataset, monkeypatch):
    baseline: Callable[[], Any] = stars.STOCK["BaselineOnly"]
    monkeypatch.setattr(stars, "STOCK", {"BaselineOnly": baseline})
    found = stars._stock(study(dataset), "BaselineOnly")
    errors: list[float] = []
    for split in splits(load_protocol("cv5"), dataset, 0):
        columns = dataset.ratings[[USER, MOVIE, RATING]]
        data = surprise.Dataset.load_from_df(columns[split.train], surprise.Reader(rating_scale=(1, 5)))
        predictions = (
            baseline()
            .fit(data.build_full_trainset())
            .test(list(columns[split.test].itertuples(index=False, name=None)))
        )
        errors += [each.r_ui - each.est for each in predictions]
    assert found["rmse"].value == pytest.approx(np.sqrt(np.mean(np.square(errors))))
    assert found["mae"].value == pytest.approx(np.mean(np.abs(errors)))


def test_judged_figures_say_whether_their_target_is_met():
    section = Section("Stars")
    section.judge("rmse", 0.905, 0.911, lower=True)
    section.judge("ndcg", 0.49, 0.5)
    assert [figure.passed for figure in section.figures] == [True, False]
    assert "target 0.911: met" in section.markdown()
    assert "target 0.5: **missed**" in section.markdown()


def test_tables_are_markdown():
    section = Section("Title")
    section.table(["model", "RMSE"], [["svd", "0.9"]])
    assert section.markdown().startswith("## Title\n\n| model | RMSE |\n|---|---|\n| svd | 0.9 |\n")


def test_agreement_is_the_genome_cosine_of_the_nearest_films(tmp_path, dataset):
    vectors = np.eye(12, dtype=np.float32)[np.arange(12) // 6]  # two kinds of six films
    rows = np.arange(3, 15)
    kinds = np.zeros((30, 30))
    kinds[np.ix_(rows, rows)] = vectors @ vectors.T
    split = split_of(dataset, protocol_of(), np.zeros(len(dataset.ratings)))
    alike = written_model(tmp_path / "alike", dataset, split, films=kinds)
    unlike = written_model(tmp_path / "unlike", dataset, split, films=1 - kinds)
    assert genome_agreement(alike, rows, vectors) == pytest.approx(1)
    assert genome_agreement(unlike, rows, vectors) == pytest.approx(0)


def test_genome_films_that_are_cut_off_or_unknown_are_left_out(tmp_path, dataset):
    lines = ["movieId,tagId,relevance", "1,1,0.9", "1,2,0.1", "2,1,0.2", "2,2,0.6", "3,1,0.5", "999,1,0.3", "999,2,0.3"]
    (tmp_path / "genome-scores.csv").write_text("\n".join(lines))
    rows, vectors = genome_vectors(tmp_path, dataset)
    assert rows.tolist() == [0, 1]
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-6)
    np.testing.assert_allclose(vectors.sum(axis=0), 0, atol=1e-6)


def test_a_changed_configuration_changes_the_stamp_of_the_page(tmp_path):
    (tmp_path / "als.yaml").write_text("factors: 64\n")
    before = replicate.configurations(tmp_path)
    assert replicate.configurations(tmp_path) == before
    (tmp_path / "als.yaml").write_text("factors: 65\n")
    assert replicate.configurations(tmp_path) != before


def test_people_folded_in_are_set_beside_the_same_people_trained_in():
    section = strong(study(small_dataset(seed=3)), 2)
    assert section.title.startswith("small, `strong`")
    assert "mean over seeds [0, 1]" in section.markdown()
    distances = {figure.figure.split(" of ")[1].split(" folded")[0]: figure.ratio for figure in section.figures}
    assert distances.keys() >= {"als", "ease", "ensemble"}
    assert 0 < max(distances.values()) < 0.1  # a tenth fewer people make a small difference, but one


def judged(users, values):
    """An evaluation in which each of `users` has a value of nDCG@10."""
    return Evaluation("p", "d", "f", 0, users, {"ndcg_at_10": np.asarray(values)}, {}, [])


def test_people_are_told_apart_by_how_much_they_have_rated():
    dataset = random_dataset(np.random.default_rng(0), 8, 40)
    counts = [2, 3, 5, 5, 8, 8, 9, 12]
    rows = np.concatenate([np.flatnonzero(dataset.user_rows == user)[:n] for user, n in enumerate(counts)])
    fewer = replace(dataset, ratings=dataset.ratings.iloc[rows].reset_index(drop=True))
    nobody = np.nan
    found = {
        "als": judged(fewer.user_ids.ids, [0.1, 0.3, 0.5, 0.5, 0.6, 0.8, nobody, nobody]),
        "ease": judged(fewer.user_ids.ids, [0.2] * 8),
    }
    section = Section("Histories")
    by_history(section, found, fewer)
    lines = [line.strip("| ").split(" | ") for line in section.lines if line.startswith("|")][2:]
    assert lines == [["2 to 3", "0.200", "0.200"], ["5 to 5", "0.500", "0.200"], ["8 to 8", "0.700", "0.200"],
                     ["9 to 12", "nan", "0.200"]]  # fmt: skip
    alike = replace(dataset, ratings=dataset.ratings.groupby("user_id").head(5).reset_index(drop=True))
    by_history(section, found, alike)
    assert section.lines[-2].startswith("| 5 to 5 |"), "one line where all have rated alike"


def test_what_earns_its_place_is_set_beside_what_it_is_made_of():
    users = np.arange(200)
    base = np.random.default_rng(0).beta(2, 4, 200)
    shifts = {"als": 1.0, "ials": 1.0, "ease": 0.9, "low_pass": 0.95, "ensemble": 1.1}
    noise = np.random.default_rng(1).normal(0, 0.01, (len(shifts), 200))
    found = {
        name: judged(users, base * times + each) for (name, times), each in zip(shifts.items(), noise, strict=True)
    }
    section = Section("Earned")
    compare_with_parts(section, found)
    lines = [line.strip("| ").split(" | ") for line in section.lines if line.startswith("|")][2:]
    told = {(model, against): (float(ratio.split()[0]), float(p)) for model, against, ratio, p in lines}
    assert told.keys() == {("ials", "als"), *(("ensemble", member) for member in ("als", "ials", "ease", "low_pass"))}
    assert told["ensemble", "als"] == pytest.approx((1.1, 0), abs=0.01)
    assert told["ensemble", "ease"][0] == pytest.approx(1.1 / 0.9, abs=0.02)
    assert told["ials", "als"][1] > 0.05


def test_a_section_is_written_by_itself_and_says_what_it_was_measured_by(tmp_path, monkeypatch, dataset):
    def measure(of: Study) -> Section:
        section = Section(f"{of.dataset.name}, stars")
        section.judge("rmse", 0.905, 0.911, lower=True)
        return section

    def absent(name):
        if name == "lastfm":
            raise MissingInputError("splits/lastfm is not there.")
        return replace(dataset, name=name)

    monkeypatch.setattr(replicate, "RESULTS", tmp_path / "results.md")
    monkeypatch.setattr(replicate, "SECTIONS", dict.fromkeys(("a/stars", "lastfm/files", "b/stars"), measure))
    monkeypatch.setattr(replicate, "load", absent)
    monkeypatch.setattr(replicate, "git_commit", lambda *_: "0123456789abcdef")
    said: list[str] = []
    assert len(replicate.run(FULL, 1, sections=["b/stars"], say=said.append)) == 1
    assert not (tmp_path / "results.md").exists()
    replicate.run(FULL, 1, sections=["b/stars"], write=True)
    monkeypatch.setattr(replicate, "git_commit", lambda *_: "fedcba9876543210-dirty")
    figures = replicate.run(FULL, 1, say=said.append, write=True, sections=["lastfm/files", "a/stars"])
    assert [figure.figure for figure in figures] == ["replicate: rmse"]
    assert said[-1] == "lastfm/files is left out: splits/lastfm is not there."
    first, second = page.read(tmp_path / "results.md").values()
    assert "own: `lastfm/files`.\n" in (tmp_path / "results.md").read_text()
    assert "## a, stars" in first
    assert "by commit fedcba987654-dirty" in first
    assert "## b, stars" in second
    assert "by commit 0123456789ab;" in second
    with pytest.raises(UsageError, match="a/stars, lastfm/files"):
        replicate.run(FULL, 1, sections=["c/stars"])


def test_a_sparse_split_is_judged_with_every_model_and_refusals_are_said(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    for part, n in (("train", 8), ("valid", 2), ("test", 2)):
        places = {"train": 0, "valid": 8, "test": 10}[part]
        rows = [
            f"{user} {item} 1"
            for user in range(30)
            for item in np.random.default_rng(user).permutation(40)[places : places + n]
        ]
        (tmp_path / f"{part}.txt").write_text("\n".join(rng.permutation(rows)) + "\n")
    rules = files_protocol(tmp_path)
    monkeypatch.setattr(sparse_module, "NAMES", ("popularity", "als", "ease"))
    monkeypatch.setattr(sparse_module, "fit", refusing("als", fit))
    section = sparse_module.sparse(study(files_dataset(rules)), rules)
    rows = [line.split(" | ")[0].strip("| ") for line in section.lines if line.startswith("|")]
    assert rows[2:] == ["popularity", "ease"]
    assert "als refuses these data: too large" in section.lines


def refusing(refused, fit):
    def fit_or_refuse(name, config):
        if name == refused:
            raise DataError("too large")
        return fit(name, config)

    return fit_or_refuse


def test_the_page_is_about_the_models_as_they_are_configured():
    sections = page.read(replicate.RESULTS)
    assert list(sections) == [key for key in replicate.SECTIONS if key in sections]
    assert {"ml-100k/latest20", "ml-100k/rolling", "ml-100k/cold"} <= sections.keys()
    for key, text in sections.items():
        found = re.search(r"`configs/models` sha256 (\w{12})", text)
        assert found, key
        assert found[1] == replicate.configurations()[:12], f"measure anew: movierec bench replicate --section {key}"
