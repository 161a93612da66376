"""report.html: one file that needs no network."""

__all__ = ["render"]

import difflib
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from . import figures
from .examine import WHOLE, Witness
from .figures.style import look_of
from .outcomes import first_seen
from .plan import BASELINE
from .recommendation import LEAST_GAIN, RULE
from .results import Results
from .statistics import Difference, Spread, spread

COLUMNS = {
    "nll_iw": ("NLL", "{:.2f}", "importance-weighted, nats per sentence; less is better"),
    "ppl_iw": ("perplexity", "{:.2f}", "per token, from the NLL"),
    "kl": ("KL", "{:.2f}", "from posterior to prior, nats per sentence"),
    "mi_full": ("MI", "{:.2f}", "nats that z tells of which sentence it is, among all"),
    "au": ("AU", "{:.3g}", "active units: dimensions that vary with the sentence"),
    "z_gain": ("z_gain", "{:.2f}", "nats by which a sentence's own z beats another's"),
    "bleu": ("BLEU", "{:.1f}", "of reconstructions, from 0 to 100"),
    "exact_match": ("exact", "{:.0%}", "of all sentences come back whole"),
}
BETTER = {
    "nll_iw": "least",
    "ppl_iw": "least",
    "z_gain": "most",
    "bleu": "most",
    "exact_match": "most",
}
"""Where one number is better than another; more KL, MI or AU is not better by itself."""

COMPARED = ("nll_iw", "ppl_iw", "kl", "z_gain", "bleu")

PATH_SCORES = {
    "fluency": ("fluency", "{:.2f}", "nats per word under the language model; less is better"),
    "distinct": ("distinct", "{:.1f}", "different lines of seven"),
    "monotone": ("monotone", "{:.0%}", "steps that do not turn back"),
    "midpoint": ("midpoint", "{:+.2f}", "nats per word of the middle beyond the ends"),
}


def render(results: Results, witness: Witness) -> str:
    """The whole comparison as a page.

    Arguments:
        results: Its numbers.
        witness: What the models were shown.
    """
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {
        "spread": write_spread,
        "interval": write_interval,
        "difference": difference,
        "looks": lambda method, name: looks(results, method, name),
        "look": lambda method: look_of(method, results.plan.methods),
    }
    return environment.get_template("page.html").render(
        results=results,
        baseline=BASELINE,
        columns=COLUMNS,
        compared=COMPARED,
        path_scores=PATH_SCORES,
        whole=WHOLE,
        least_gain=LEAST_GAIN,
        rule=RULE,
        first={method: found[0] for method, found in results.outcomes.items()},
        latent=first_seen(results.outcomes, "reconstructions"),
        sampled=first_seen(results.outcomes, "samples"),
        paths=paths(results),
        doctor=doctor(results),
        figures=drawn(results, witness),
        fluent=fluency_of_text(results),
    )


def looks(results: Results, method: str, name: str) -> str:
    """How a number of a method is set: best of all methods, or bad."""
    row = results.summary[method]
    if name not in row or method == BASELINE:
        return ""
    if name == "z_gain" and row[name].mean < LEAST_GAIN:
        return "bad"
    found = [results.summary[m][name].mean for m in results.methods if name in results.summary[m]]
    best = {"least": min(found), "most": max(found)}.get(BETTER.get(name, ""))
    return "best" if row[name].mean == best and min(found) < max(found) else ""


def drawn(results: Results, witness: Witness) -> dict[str, Markup]:
    """The figures that there is something to draw for."""
    groups, title = grouped(results, witness)
    found = {
        "plane": figures.rate_distortion(results),
        "differences": figures.difference_plot(results),
        "training": figures.training_curves(results),
        "rates": figures.rates_per_dimension(results),
        "maps": figures.latent_maps(results, groups, title),
        "beta": figures.beta_plot(results),
        "probes": figures.probe_plot(results),
    }
    return {name: Markup(figure) for name, figure in found.items() if figure is not None}


def grouped(results: Results, witness: Witness) -> tuple[Sequence[str] | Sequence[float], str]:
    """What to colour sentences by: the factor that probes tell best, else their length."""
    probes = [
        outcome.examined["factors"]["probes"]
        for method in results.methods
        for outcome in results.outcomes[method]
        if "factors" in outcome.examined
    ]
    if not probes:
        sizes = [len(text.split() if witness.spaced else text) for text in witness.texts]
        return [float(size) for size in sizes], "words" if witness.spaced else "characters"

    def told(factor: str) -> float:
        return sum(found[factor]["accuracy"] - found[factor]["chance"] for found in probes)

    best = max(WHOLE, key=told)
    return witness.factors[best], best


def paths(results: Results) -> dict[str, dict[str, Spread]]:
    """The scores of each method's interpolations, over the seeds that were looked at."""
    found = {}
    for method in first_seen(results.outcomes, "path_score"):
        seen = [outcome.examined.get("path_score", {}) for outcome in results.outcomes[method]]
        known = {name: [scores[name] for scores in seen if name in scores] for name in PATH_SCORES}
        found[method] = {name: spread(values) for name, values in known.items() if values}
    return found


def doctor(results: Results) -> dict[str, list[tuple[int, dict[str, Any]]]]:
    """What the collapse doctor said of the runs that it watched, by method, with their seeds."""
    told = {
        method: [(o.task.seed, o.report["doctor"]) for o in outcomes if o.report.get("doctor")]
        for method, outcomes in results.outcomes.items()
        if method != BASELINE
    }
    return {method: said for method, said in told.items() if said}


def fluency_of_text(results: Results) -> float | None:
    """The nats per word that the language model gives the test split itself."""
    words = results.summary.get(BASELINE, {}).get("ppl_word")
    return None if words is None else math.log(words.mean)


def write_spread(value: Spread | None, form: str) -> Markup:
    """A mean with its spread over seeds."""
    if value is None:
        return Markup('<span class="none">–</span>')
    mean = form.format(value.mean)
    if value.sd is None:
        return Markup(mean)
    sd = form.replace("+", "").format(value.sd)  # a spread has no sign
    return Markup(f'{mean}<span class="sd"> ± {sd}</span>')


def write_interval(value: Difference | None) -> Markup:
    """A difference with its interval, bold where it leaves out 0."""
    if value is None:
        return Markup('<span class="none">–</span>')
    if value.low is None:
        return Markup(f"{value.mean:+.2f}")
    mean = f"<b>{value.mean:+.2f}</b>" if value.clear else f"{value.mean:+.2f}"
    return Markup(f'{mean} <span class="sd">[{value.low:+.2f}, {value.high:+.2f}]</span>')


def difference(sentence: str, written: str) -> list[tuple[str, bool]]:
    """The words that were written, each with whether it differs from the sentence."""
    spaced = " " in sentence
    a, b = (text.split() if spaced else list(text) for text in (sentence, written))
    matcher = difflib.SequenceMatcher(a=a, b=b, autojunk=False)
    glue = " " if spaced else ""
    return [
        (glue.join(b[start:end]), tag != "equal")
        for tag, _, _, start, end in matcher.get_opcodes()
        if end > start
    ]
