"""The numbers of the protocol, and how they read."""

__all__ = ["Evaluation"]

from dataclasses import dataclass, field, fields
from typing import Any

NOT_APPLICABLE = "-"

ACROSS_TOKENIZERS = ("ppl_word", "bits_per_character")
"""What compares models with different tokenizers, as long as these lose no text."""

WRITERS = {
    "au": "{}",
    "bits_per_character": "{:.3f}",
    "exact_match": "{:.1%}",
    "token_accuracy": "{:.1%}",
}
TWO_DIGITS = "{:z.2f}"  # z: no minus before a zero


@dataclass(frozen=True)
class Evaluation:
    """What a model is worth on a set of sentences.

    Nats per sentence, with every token and ``</s>`` counted, unless said otherwise. A number that
    does not apply is None: a language model has no latent, an auto-encoder no likelihood.

    Arguments:
        nll_iw: Importance-weighted negative log-likelihood: an upper bound, in expectation, that
            tightens with the number of samples. Exact for a language model.
        nll_elbo: The ELBO's upper bound of the same. Exact for a language model.
        ppl_iw: Perplexity per token, from `nll_iw`.
        ppl_elbo: Perplexity per token, from `nll_elbo`.
        ppl_word: Perplexity per word, from `nll_iw`: whatever the tokenizer, where text is spaced.
        bits_per_character: From `nll_iw`: whatever the tokenizer, for any text.
        floor: The best reachable NLL, where it is known.
        kl: The divergence from posterior to prior.
        kl_per_dim: The same in each dimension, where it is known.
        mi_full: The mutual information of sentence and latent over the whole set.
        mi_full_ceiling: The most that it can be, log N.
        mi_batch32: The same within batches of 32 sentences of equal length.
        mi_batch32_ceiling: The most that it can be, log 32.
        au: The number of active units: dimensions that vary with the sentence.
        z_gain: What a sentence gains in log-likelihood from its own latent over that of another.
        exact_match: The fraction of sentences that come back whole.
        token_accuracy: The fraction of words that come back in their place, the end counted.
        bleu: The BLEU of what comes back, from 0 to 100.
        latent_dim: The number of latent dimensions.
        standard_errors: Of the numbers above, over the sentences.
        protocol: What was counted, and how.
        of_sentences: `nll_iw`, `nll_elbo`, `kl` and `z_gain` of each sentence, in their order; for
            comparisons of one model with another, and no part of :meth:`to_dict`.
    """

    nll_iw: float | None = None
    nll_elbo: float | None = None
    ppl_iw: float | None = None
    ppl_elbo: float | None = None
    ppl_word: float | None = None
    bits_per_character: float | None = None
    floor: float | None = None
    kl: float | None = None
    kl_per_dim: list[float] | None = None
    mi_full: float | None = None
    mi_full_ceiling: float | None = None
    mi_batch32: float | None = None
    mi_batch32_ceiling: float | None = None
    au: int | None = None
    z_gain: float | None = None
    exact_match: float | None = None
    token_accuracy: float | None = None
    bleu: float | None = None
    latent_dim: int = 0
    standard_errors: dict[str, float] = field(default_factory=dict)
    protocol: dict[str, Any] = field(default_factory=dict)
    of_sentences: dict[str, list[float]] = field(default_factory=dict, repr=False)

    def to_dict(self) -> dict[str, Any]:
        """All numbers under their names, in plain data for JSON."""
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name != "of_sentences"}

    def table(self) -> str:
        """The report for a reader, in lines of plain text."""
        blocks = {
            "Likelihood": self._likelihood(),
            "Latent space": self._latent(),
            "Reconstruction, from the mode of the posterior, greedy": self._reconstruction(),
        }
        shown = {title: rows for title, rows in blocks.items() if rows}
        width = max(len(value) for rows in shown.values() for _, value, _ in rows)
        lines = []
        for title, rows in shown.items():
            lines.append(title)
            lines += [f"  {name:<20}{value:<{width}}  {told}" for name, value, told in rows]
            lines.append("")
        return "\n".join(lines + self._protocol())

    def _likelihood(self) -> list[tuple[str, str, str]]:
        if self.nll_iw is None:
            return []
        exact, samples = self.protocol["samples"] is None, self.protocol["samples"]
        told = {
            "nll_iw": "nats per sentence, "
            + ("exact" if exact else f"an upper bound by {samples} samples"),
            "nll_elbo": "nats per sentence, an upper bound by the ELBO",
            "floor": "nats per sentence of the source itself, which no model betters",
            "ppl_iw": "perplexity per token, from nll_iw",
            "ppl_elbo": "perplexity per token, from nll_elbo",
            "ppl_word": "perplexity per word, whatever the tokenizer, from nll_iw",
            "bits_per_character": "whatever the tokenizer, from nll_iw",
        }
        hidden = {
            "nll_elbo": exact,
            "ppl_elbo": exact,
            "floor": self.floor is None,
            "ppl_word": not self.protocol["spaced"],
        }
        return [
            (name, self._shown(name), meaning)
            for name, meaning in told.items()
            if not hidden.get(name, False)
        ]

    def _latent(self) -> list[tuple[str, str, str]]:
        if self.latent_dim == 0:
            return []
        told = {
            "kl": "nats per sentence, from posterior to prior",
            "mi_full": "nats that z tells of which sentence it is, among all",
            "mi_batch32": "the same among 32, as some papers have it",
            "au": "dimensions that vary with the sentence",
            "z_gain": "nats by which its own z beats another's; under 1, z is hardly used",
        }
        ceilings = {
            "mi_full": self.mi_full_ceiling,
            "mi_batch32": self.mi_batch32_ceiling,
            "au": self.latent_dim,
        }
        rows = []
        for name, meaning in told.items():
            value = self._shown(name)
            if name in ceilings and value != NOT_APPLICABLE:
                value += " of " + WRITERS.get(name, TWO_DIGITS).format(ceilings[name])
            rows.append((name, value, meaning))
        return rows

    def _reconstruction(self) -> list[tuple[str, str, str]]:
        if self.bleu is None:
            return []
        unit = "words" if self.protocol["spaced"] else "characters"
        return [
            ("exact_match", self._shown("exact_match"), "of all sentences come back whole"),
            ("token_accuracy", self._shown("token_accuracy"), f"of all {unit} are in their place"),
            ("bleu", self._shown("bleu"), "from 0 to 100"),
        ]

    def _protocol(self) -> list[str]:
        told = self.protocol
        samples = "" if told["samples"] is None else f"{told['samples']} samples a sentence, "
        dropped = f"; {told['dropped']} sentences were left out" if told["dropped"] else ""
        dropped += "; every number is given the label" if "given" in told else ""
        return [
            "Protocol",
            f"  {told['split']}: {told['sentences']} sentences, {told['tokens']} tokens{dropped}",
            f"  counted: {told['counted']}",
            f"  {samples}seed {told['seed']}, precision {told['precision']};"
            " ± is one standard error over sentences",
        ]

    def _shown(self, name: str) -> str:
        value, error = getattr(self, name), self.standard_errors.get(name)
        if name in ACROSS_TOKENIZERS and self.protocol["lost"] > 0:
            return f"not comparable ({self.protocol['lost']} <unk>)"
        if value is None:
            return NOT_APPLICABLE
        write = WRITERS.get(name, TWO_DIGITS).format
        return write(value) if error is None else f"{write(value)} ± {write(error)}"
