"""Sentences drawn from a grammar."""

__all__ = ["GrammarSource"]

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import UsageError
from .corpus import Source, Splits, write_sentences
from .grammar import Derivation, Grammar


class GrammarSource(Source):
    """Independent draws from a grammar.

    Arguments:
        grammar: The grammar.
        sizes: How many sentences each split has.
        seed: The seed of the draw.
        label: The factor that is the label of each sentence, or None.
    """

    def __init__(
        self,
        grammar: Grammar,
        sizes: Mapping[str, int],
        seed: int = 0,
        label: str | None = None,
    ) -> None:
        self.grammar = grammar
        self.sizes = dict(sizes)
        self.seed = seed
        self.label = label

    def identity(self) -> Any:
        rules = {symbol: repr(rules) for symbol, rules in self.grammar.rules.items()}
        label = [] if self.label is None else [self.label]
        return [rules, self.grammar.start, self.sizes, self.seed, *label]

    def read(self, folder: Path) -> tuple[Splits, list[str]]:
        splits = {}
        for split, size in self.sizes.items():
            derivations = self.grammar.draw(size, seed=f"{self.seed} {split}")
            rows = ((derivation.text, self._label(derivation)) for derivation in derivations)
            splits[split] = write_sentences(folder / f"{split}.arrow", rows)
        return splits, []

    def _label(self, derivation: Derivation) -> str | None:
        if self.label is None:
            return None
        if self.label not in derivation.factors:
            factors = ", ".join(derivation.factors)
            raise UsageError(f"data.label: no factor {self.label}; there are: {factors}")
        return derivation.factors[self.label]
