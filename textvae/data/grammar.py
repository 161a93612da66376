"""Probabilistic grammars whose entropy is known."""

__all__ = ["Derivation", "Grammar", "Rule"]

import graphlib
import math
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product


@dataclass(frozen=True)
class Rule:
    """One way to write a symbol.

    Arguments:
        weight: How likely it is, relative to the symbol's other rules.
        symbols: What to write, in order: symbols of the grammar, or words; maybe nothing.
        factors: What the choice of this rule says about the sentence, as (factor, value).
    """

    weight: float
    symbols: tuple[str, ...]
    factors: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Derivation:
    """A sentence, how likely the grammar writes it this way, and what it says.

    Arguments:
        text: Its words, with a space between any two.
        log_prob: The log-probability of all choices made, in nats.
        factors: The value of each factor.
    """

    text: str
    log_prob: float
    factors: dict[str, str]


@dataclass(frozen=True)
class _Part:
    """A derivation of some symbol, or of some symbols in a row."""

    words: tuple[str, ...]
    log_prob: float
    factors: tuple[tuple[str, str], ...]

    def __add__(self, other: "_Part") -> "_Part":
        return _Part(
            self.words + other.words,
            self.log_prob + other.log_prob,
            self.factors + other.factors,
        )


class Grammar:
    r"""A probabilistic context-free grammar without recursion.

    If it is unambiguous, that is, if no sentence has two derivations, then the entropy of its
    derivations is that of its sentences, :math:`H = -\sum_x p(x) \log p(x)`, and no model has a
    lower expected negative log-likelihood.

    Arguments:
        rules: The rules of each symbol; what is not among the symbols is a word.
        start: The symbol of a whole sentence.

    Example:
        >>> coin = Grammar({"toss": [Rule(1, ("heads",)), Rule(1, ("tails",))]}, start="toss")
        >>> round(coin.entropy() / math.log(2), 6)
        1.0
    """

    def __init__(self, rules: Mapping[str, Sequence[Rule]], start: str = "sentence") -> None:
        self.start = start
        self.rules = {symbol: tuple(choices) for symbol, choices in rules.items()}
        uses = {
            symbol: {s for rule in choices for s in rule.symbols if s in rules}
            for symbol, choices in self.rules.items()
        }
        # Raises CycleError, a ValueError, where a symbol leads back to itself.
        self._bottom_up = list(graphlib.TopologicalSorter(uses).static_order())
        self._log_totals = {
            symbol: math.log(sum(rule.weight for rule in choices))
            for symbol, choices in self.rules.items()
        }

    def _log_prob(self, symbol: str, rule: Rule) -> float:
        return math.log(rule.weight) - self._log_totals[symbol]

    def entropy(self) -> float:
        """The entropy of a derivation, in nats."""
        entropies: dict[str, float] = {}
        for symbol in self._bottom_up:
            entropies[symbol] = 0.0
            for rule in self.rules[symbol]:
                log_prob = self._log_prob(symbol, rule)
                below = sum(entropies.get(s, 0.0) for s in rule.symbols)
                entropies[symbol] += math.exp(log_prob) * (below - log_prob)
        return entropies[self.start]

    def sample(self, rng: random.Random) -> Derivation:
        """Draws a sentence."""
        words, log_prob, factors, todo = [], 0.0, {}, [self.start]
        while todo:
            symbol = todo.pop()
            if symbol not in self.rules:
                words.append(symbol)
                continue
            choices = self.rules[symbol]
            (rule,) = rng.choices(choices, [rule.weight for rule in choices])
            log_prob += self._log_prob(symbol, rule)
            factors.update(rule.factors)
            todo.extend(reversed(rule.symbols))
        return Derivation(" ".join(words), log_prob, factors)

    def draw(self, size: int, seed: int | str) -> Iterator[Derivation]:
        """Draws sentences; the same ones for the same seed."""
        rng = random.Random(seed)
        return (self.sample(rng) for _ in range(size))

    def parse(self, text: str) -> list[Derivation]:
        """All derivations of a text: one for a sentence of an unambiguous grammar."""
        words = tuple(text.split())
        memory: dict[tuple[str, int], list[_Part]] = {}

        def parts(symbol: str, start: int) -> list[_Part]:
            """The ways in which `symbol` writes words that begin at `start`."""
            if symbol not in self.rules:
                return [_Part((symbol,), 0.0, ())] if words[start : start + 1] == (symbol,) else []
            if (symbol, start) not in memory:
                memory[symbol, start] = [
                    part for rule in self.rules[symbol] for part in rows(symbol, rule, start)
                ]
            return memory[symbol, start]

        def rows(symbol: str, rule: Rule, start: int) -> list[_Part]:
            found = [_Part((), self._log_prob(symbol, rule), rule.factors)]
            for s in rule.symbols:
                found = [
                    left + right for left in found for right in parts(s, start + len(left.words))
                ]
            return found

        return [_whole(part) for part in parts(self.start, 0) if part.words == words]

    def log_prob(self, text: str) -> float:
        """The log-probability of a text, in nats; -inf for what is no sentence of the grammar."""
        log_probs = [derivation.log_prob for derivation in self.parse(text)]
        top = max(log_probs, default=-math.inf)
        return top + math.log(sum(math.exp(p - top) for p in log_probs)) if log_probs else top

    def derivations(self) -> Iterator[Derivation]:
        """Every derivation: for small grammars only."""
        parts: dict[str, list[_Part]] = {}
        for symbol in self._bottom_up:
            parts[symbol] = [
                sum(row, _Part((), self._log_prob(symbol, rule), rule.factors))
                for rule in self.rules[symbol]
                for row in product(*(parts.get(s, [_Part((s,), 0.0, ())]) for s in rule.symbols))
            ]
        yield from map(_whole, parts[self.start])


def _whole(part: _Part) -> Derivation:
    return Derivation(" ".join(part.words), part.log_prob, dict(part.factors))
