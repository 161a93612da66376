"""Sentences drawn from a grammar."""

__all__ = ["GrammarSource"]

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .corpus import Source, Splits, write_sentences
from .grammar import Grammar


class GrammarSource(Source):
    """Independent draws from a grammar.

    Arguments:
        grammar: The grammar.
        sizes: How many sentences each split has.
        seed: The seed of the draw.
    """

    def __init__(self, grammar: Grammar, sizes: Mapping[str, int], seed: int = 0) -> None:
        self.grammar = grammar
        self.sizes = dict(sizes)
        self.seed = seed

    def identity(self) -> Any:
        rules = {symbol: repr(rules) for symbol, rules in self.grammar.rules.items()}
        return [rules, self.grammar.start, self.sizes, self.seed]

    def read(self, folder: Path) -> tuple[Splits, list[str]]:
        splits = {}
        for split, size in self.sizes.items():
            derivations = self.grammar.draw(size, seed=f"{self.seed} {split}")
            rows = ((derivation.text, None) for derivation in derivations)
            splits[split] = write_sentences(folder / f"{split}.arrow", rows)
        return splits, []
