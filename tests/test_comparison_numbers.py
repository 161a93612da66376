"""The statistics of a comparison against simulation, and its rule against cases made by hand."""

import math
import re
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from textvae.compare.figures import beta_plot, probe_plot
from textvae.compare.figures.factors import probes
from textvae.compare.flags import early, protocols, texts, twins, work
from textvae.compare.outcomes import Outcome
from textvae.compare.page import PATH_SCORES, paths, write_spread
from textvae.compare.recommendation import recommend
from textvae.compare.results import compare
from textvae.compare.statistics import Spread, paired, spread, unpaired

TRUTH, REPORTS, LEVEL = 0.7, 4000, 0.95
BUDGET = 4 * math.sqrt(REPORTS * LEVEL * (1 - LEVEL))
"""Four standard deviations of how many of so many intervals cover the truth."""


@pytest.mark.parametrize("seeds", [2, 3, 5])
def test_paired_intervals_cover_the_truth_at_their_rate(seeds: int) -> None:
    rng = np.random.default_rng(seeds)
    shared = rng.normal(100, 5, (REPORTS, seeds))  # what a seed does to both methods
    ours, theirs = (shared + rng.normal(0, 0.3, shared.shape) for _ in range(2))
    found = [paired(a + TRUTH, b) for a, b in zip(ours, theirs, strict=True)]

    covered = sum(gap.low <= TRUTH <= gap.high for gap in found)
    assert abs(covered - LEVEL * REPORTS) <= BUDGET
    error = 0.3 * math.sqrt(2 / seeds / REPORTS)
    assert abs(np.mean([gap.mean for gap in found]) - TRUTH) <= 4 * error


@pytest.mark.parametrize("shared", [0.0, 3.0])
def test_intervals_of_one_seed_cover_the_truth_at_least_at_their_rate(shared: float) -> None:
    rng = np.random.default_rng(0)
    sentences, covered = 200, 0
    for _ in range(REPORTS // 4):
        hard = rng.normal(0, shared, sentences)  # sentences that are hard for one are for both
        a, b = (hard + rng.normal(0, 1, sentences) for _ in range(2))
        errors = [x.std(ddof=1) / math.sqrt(sentences) for x in (a, b)]
        gap = unpaired(a.mean() + TRUTH, b.mean(), *errors)
        covered += gap.low <= TRUTH <= gap.high

    assert covered >= LEVEL * REPORTS / 4 - BUDGET / 2
    if not shared:
        assert covered <= LEVEL * REPORTS / 4 + BUDGET / 2


def run_of(method: str, seed: int, curves: dict[str, list[float]], **report: Any) -> Outcome:
    task = SimpleNamespace(method=method, seed=seed)
    return Outcome(task, report, {"epoch": [0.0], **curves}, None, None, tokens=100.0)


def test_reports_are_compared_seed_by_seed() -> None:
    """On simulated reports in any order, of which some are missing: what both have is paired."""
    rng, covered = np.random.default_rng(7), 0
    for _ in range(REPORTS // 4):
        shared = {seed: rng.normal(100, 5) for seed in range(5)}
        ours, theirs = (
            [run_of(name, seed, {}, nll_iw=shared[seed] + rng.normal(more, 0.3)) for seed in seeds]
            for name, more, seeds in (("a", TRUTH, (3, 0, 1, 4)), ("b", 0.0, (1, 2, 3, 0)))
        )
        gap = compare(ours, theirs)["nll_iw"]
        covered += gap.low <= TRUTH <= gap.high
        assert (gap.n, gap.over) == (3, "seeds")
        assert gap.high - gap.low < 8, "what a seed does to both has not cancelled"

    assert abs(covered - LEVEL * REPORTS / 4) <= BUDGET / 2


def test_one_seed_is_compared_sentence_by_sentence() -> None:
    rng, covered = np.random.default_rng(3), 0
    for _ in range(REPORTS // 4):
        hard = rng.normal(100, 40, 200)
        ours, theirs = (hard + rng.normal(more, 1, 200) for more in (TRUTH, 0.0))
        a, b = (
            replace(run_of(name, 0, {}, nll_iw=found.mean()), sentences={"nll_iw": [*found]})
            for name, found in (("a", ours), ("b", theirs))
        )
        gap = compare([a], [b])["nll_iw"]
        covered += gap.low <= TRUTH <= gap.high
        assert (gap.n, gap.over) == (200, "sentences") and gap.high - gap.low < 0.6

    assert abs(covered - LEVEL * REPORTS / 4) <= BUDGET / 2


def test_what_only_one_run_of_each_can_tell() -> None:
    ours = run_of("a", 0, {}, nll_iw=3.0, kl=2.0, au=4, standard_errors={"nll_iw": 0.3, "kl": 0.1})
    theirs = run_of("b", 0, {}, nll_iw=1.0, kl=None, au=1, standard_errors={"nll_iw": 0.4})
    found = compare([ours], [theirs])

    assert found.keys() == {"nll_iw", "au"}
    assert (found["nll_iw"].over, found["nll_iw"].clear) == ("sentences", True)
    assert found["nll_iw"].high - found["nll_iw"].low == pytest.approx(2 * 1.959964 * 0.5)
    assert found["au"].low is None
    assert compare([ours], [run_of("b", 1, {}, nll_iw=1.0)]) == {}


def test_equal_runs_differ_by_nothing() -> None:
    gap = paired([1.25, 3.5, 2.0], [1.25, 3.5, 2.0])

    assert (gap.mean, gap.low, gap.high, gap.n, gap.clear) == (0, 0, 0, 3, False)


def test_the_error_has_a_part_of_seeds_and_a_part_of_sentences() -> None:
    several = spread([10.0, 12.0, 14.0], [0.3, 0.4, 0.5])
    single = spread([10.0], [0.3])

    assert (several.mean, several.sd, several.n) == (12, 2, 3)
    assert several.error == pytest.approx(math.sqrt(2**2 / 3 + 0.4**2))
    assert (single.sd, single.error) == (None, 0.3)
    assert spread([10.0]).error is None
    assert unpaired(3.0, 1.0, None, 0.1).low is None


def at(**means: float) -> dict[str, Spread]:
    return {name: Spread(mean, None, 1, 0.5) for name, mean in means.items()}


@pytest.mark.parametrize(
    ("nll", "gain", "baseline", "chosen"),
    [
        # The best of those within one standard error, 0.5, of the best.
        ({"a": 100.0, "b": 100.4, "c": 100.6}, {"a": 2.0, "b": 5.0, "c": 9.0}, None, "b"),
        # The language model is worse here, and widens the reach.
        ({"a": 100.0, "b": 100.4, "c": 101.2}, {"a": 2.0, "b": 5.0, "c": 9.0}, 101.0, "c"),
        # A better language model takes nothing away.
        ({"a": 100.0, "b": 100.4}, {"a": 2.0, "b": 5.0}, 90.0, "b"),
        # Never one that hardly uses z, although it is the best or alone.
        ({"a": 100.0, "b": 100.4}, {"a": 0.99, "b": 0.5}, None, None),
        ({"a": 100.0, "b": 103.0}, {"a": 0.2, "b": 6.0}, None, None),
        ({"a": 100.0}, {"a": 1.0}, None, "a"),
        ({}, {}, 100.0, None),
    ],
)
def test_the_rule(
    nll: dict[str, float], gain: dict[str, float], baseline: float | None, chosen: str | None
) -> None:
    found = recommend(at(**nll), at(**gain), baseline and Spread(baseline, None, 1, 0.5))

    assert found.method == chosen
    assert found.verdicts.keys() == nll.keys()
    assert [name for name, verdict in found.verdicts.items() if verdict == "recommended"] == (
        [chosen] if chosen else []
    )


def test_reasons_name_what_decided() -> None:
    found = recommend(at(a=100.0, b=103.0), at(a=0.2, b=6.0))

    assert "nat per sentence from its latents: a (0.20)." in found.reasons[0]
    assert "b comes nearest: a gain of 6.00 nats, 2.50 nats out of reach" in found.reasons[1]
    assert found.verdicts == {
        "a": "best NLL, z hardly used (0.20 nats)",
        "b": "NLL 2.50 nats out of reach",
    }
    taken = recommend(at(a=100.0, b=100.4), at(a=2.0, b=5.0))
    assert taken.headline == "Take b"
    assert taken.reasons[0].startswith("The decoder of b gains 5.00 nats")
    assert "a is next, with a gain of 2.00 nats" in taken.reasons[1]


# What is said before it is believed


@pytest.mark.parametrize(
    ("kept", "gains", "told"),
    [
        (1, [0.2, 3.0, 4.2], "epoch 1 was kept, .* z_gain of 0.20 nats .* it was 4.20"),
        (2, [0.2, 3.5, 4.2], None),  # less than a nat is lost
        (3, [0.2, 3.0, 4.2], None),
        (1, [0.2, math.nan, math.nan], None),
        (None, [0.2, 3.0, 4.2], None),  # never validated
        (1, [], None),  # a language model
    ],
)
def test_an_early_epoch_that_was_kept_is_told(
    kept: int | None, gains: list[float], told: str | None
) -> None:
    curves = {"epoch": [0.0, 1.0, 2.0]} | ({"valid_z_gain": gains} if gains else {})
    line = early(run_of("beta", 2, curves, epoch=kept))

    assert (line is None) == (told is None)
    assert told is None or re.match(f"beta, seed 2: {told}", line)


def test_reports_of_other_protocols_are_told() -> None:
    told = {"split": "test", "sentences": 10, "tokens": 90, "samples": 50, "precision": "32"}
    model = run_of("lm", 0, {}, protocol={**told, "samples": None})
    other = run_of("b", 0, {}, protocol={**told, "samples": 5, "tokens": 91})

    assert protocols([model, run_of("a", 0, {}, protocol=told)]) == []
    assert protocols([model, run_of("a", 0, {}, protocol=told), other]) == ["tokens", "samples"]
    by_label = run_of("c", 0, {}, protocol={**told, "given": "label"})
    assert protocols([model, by_label]) == ["given"]


def test_runs_of_different_texts_are_told() -> None:
    one, other = ({"train": train, "test": "c"} for train in "ab")
    runs = [
        replace(run_of(name, 0, {}), text=text)
        for name, text in zip("abc", (one, one, None), strict=True)
    ]

    assert texts(runs) == []
    assert texts([*runs, replace(runs[0], text=other)]) == ["train"]


def test_steps_of_an_update_beyond_one_a_batch_are_told() -> None:
    found = {name: [run_of(name, 0, {})] for name in ("lm", "a", "b", "c")}
    found["b"] = [replace(found["b"][0], tokens=1500.0)]

    assert work(found) == ["b: read 15.0 times as much as the usual method"]
    double = {name: [replace(run_of(name, 0, {}), tokens=tokens)] for name, tokens in MUCH.items()}
    assert work(double) == ["a: read 2.0 times as much as the usual method"]


MUCH = {"lm": 100.0, "a": 200.0}
"""What a single method reads, beside the baseline."""


def test_methods_that_are_one_are_told() -> None:
    configs = {"a": {"x": 1, "y": {"z": 2}}, "b": {"x": 2}, "c": {"x": 1, "y": {"z": 2}}}
    plan = SimpleNamespace(methods=("a", "b", "c"), configs=configs)

    assert twins(plan) == ["the same configuration under several names: a, c"]
    assert twins(SimpleNamespace(methods=("a", "b"), configs=configs)) == []


# What is seen of the models


def looked_at(method: str, seed: int, share: float, **more: Any) -> Outcome:
    """A run that was looked at, whose probe of the mood is right so often."""
    scores = dict.fromkeys(("disentanglement", "completeness", "informativeness"), 0.5)
    told = {"mood": {"accuracy": share, "chance": 0.25}}
    seen = {"factors": {"mig": 0.1, "dci": scores, "probes": told}, **more}
    run = replace(run_of(method, seed, {}, kl=1.0), examined=seen)
    run.task.config = SimpleNamespace(objective={})
    return run


def results_of(outcomes: dict[str, list[Outcome]]) -> SimpleNamespace:
    return SimpleNamespace(outcomes=outcomes, plan=SimpleNamespace(methods=tuple(outcomes)))


def test_probes_are_of_the_seeds_that_were_looked_at() -> None:
    unseen = run_of("a", 0, {}, kl=1.0)
    runs = [unseen, looked_at("a", 1, 0.5), looked_at("a", 2, 0.7)]

    assert probes(runs) == {"mood": (pytest.approx(0.6), 0.25)}
    for outcomes in (runs, runs[::-1]):
        results = results_of({"a": outcomes, "b": [run_of("b", 0, {})]})
        for figure in (probe_plot(results), beta_plot(results)):
            assert ">a</text>" in figure and ">b</text>" not in figure
    assert probe_plot(results_of({"a": [unseen]})) is None


def test_the_probes_of_many_methods_are_a_table() -> None:
    names = [f"method {i}" for i in range(13)]
    figure = probe_plot(results_of({name: [looked_at(name, 0, 0.5)] for name in names}))

    assert all(f">{name}</text>" in figure for name in (*names, "chance", "mood"))
    assert (figure.count(">50%</text>"), figure.count(">25%</text>")) == (13, 1)


def test_scores_of_interpolations_are_over_the_seeds_that_were_looked_at() -> None:
    scores = [{"monotone": 0.5, "midpoint": 1.0}, {"monotone": 0.7, "midpoint": 2.0}]
    runs = [looked_at("a", seed, 0.5, path_score=score) for seed, score in enumerate(scores)]
    (found,) = paths(results_of({"a": [run_of("a", 2, {}), *runs], "b": []})).values()

    assert found.keys() == {"monotone", "midpoint"}
    assert (found["monotone"].mean, found["monotone"].n) == (pytest.approx(0.6), 2)
    written = write_spread(found["midpoint"], PATH_SCORES["midpoint"][1])
    assert written == '+1.50<span class="sd"> ± 0.71</span>'
