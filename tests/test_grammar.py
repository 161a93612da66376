"""The grammar: its entropy, its floor, and that no sentence has two derivations."""

import math
import random
import runpy
import sys
from collections import Counter, defaultdict
from pathlib import Path

import pytest

from textvae.data.english import english
from textvae.data.grammar import Grammar, Rule

SMALL = Grammar(
    {
        "sentence": [
            Rule(3, ("some", "noun", "verb")),
            Rule(1, ("no", "noun", "verb", "time"), (("mood", "gloomy"),)),
        ],
        "noun": [Rule(5, ("dog",)), Rule(2, ("big", "dog")), Rule(1, ("old", "cat"))],
        "verb": [Rule(1, ("barks",)), Rule(1, ("sleeps", "time"))],
        "time": [Rule(4, ()), Rule(1, ("all", "day"))],
    }
)


def test_entropy_is_that_of_the_enumerated_sentences() -> None:
    # "no dog sleeps all day" has its time from either of two places: count sentences once.
    grammar = Grammar({**SMALL.rules, "verb": [Rule(1, ("barks",)), Rule(1, ("sleeps", "now"))]})
    sentences = Counter(derivation.text for derivation in grammar.derivations())
    log_probs = {derivation.text: derivation.log_prob for derivation in grammar.derivations()}

    assert set(sentences.values()) == {1} and len(sentences) == 18
    assert math.fsum(map(math.exp, log_probs.values())) == pytest.approx(1, abs=1e-12)
    entropy = -math.fsum(p * math.exp(p) for p in log_probs.values())
    assert grammar.entropy() == pytest.approx(entropy, abs=1e-12)


def test_parsing_finds_every_derivation() -> None:
    found = defaultdict(list)
    for derivation in SMALL.derivations():
        found[derivation.text].append(derivation)

    assert {len(derivations) for derivations in found.values()} == {1, 2}  # it is ambiguous
    for text, derivations in found.items():
        parses = SMALL.parse(text)
        assert sorted(p.log_prob for p in parses) == pytest.approx(
            sorted(d.log_prob for d in derivations)
        )
        total = math.log(math.fsum(math.exp(d.log_prob) for d in derivations))
        assert SMALL.log_prob(text) == pytest.approx(total, abs=1e-12)


@pytest.mark.parametrize("text", ["", "dog", "some dog", "some dog barks barks", "some x barks"])
def test_what_is_no_sentence_has_no_probability(text: str) -> None:
    assert SMALL.parse(text) == [] and SMALL.log_prob(text) == -math.inf


def test_samples_have_the_stated_probabilities() -> None:
    rng, n = random.Random(0), 20_000
    counts = Counter(SMALL.sample(rng).text for _ in range(n))
    for derivation in {d.text: d for d in SMALL.derivations()}.values():
        p = math.exp(SMALL.log_prob(derivation.text))
        assert abs(counts[derivation.text] - n * p) <= 5 * math.sqrt(n * p * (1 - p))


def test_a_symbol_that_leads_to_itself_is_refused() -> None:
    with pytest.raises(ValueError, match="cycle"):
        Grammar({"sentence": [Rule(1, ("very", "sentence")), Rule(1, ("dull",))]})


def quotient(grammar: Grammar) -> Grammar:
    """The grammar with one word for all words that stand in exactly the same places.

    Swapping two such words turns the derivations of one sentence into those of another, one to
    one: the grammar is unambiguous if its quotient is.
    """
    alone, elsewhere = defaultdict(set), set()
    for symbol, rules in grammar.rules.items():
        for rule in rules:
            for word in set(rule.symbols) - grammar.rules.keys():
                if len(rule.symbols) == 1:
                    alone[word].add(symbol)
                else:
                    elsewhere.add(word)
    kept, places = set(), set()
    for word, symbols in alone.items():
        if word in elsewhere or frozenset(symbols) not in places:
            kept.add(word)
            places |= set() if word in elsewhere else {frozenset(symbols)}
    return Grammar(
        {
            symbol: [
                rule
                for rule in rules
                if len(rule.symbols) != 1 or rule.symbols[0] in kept | grammar.rules.keys()
            ]
            for symbol, rules in grammar.rules.items()
        }
    )


def test_no_embedded_sentence_has_two_derivations() -> None:
    small = quotient(english())
    texts = [derivation.text for derivation in small.derivations()]
    assert len(texts) == len(set(texts)) > 10_000


def test_the_quotient_would_show_an_ambiguity() -> None:
    """As if the words of one topic also belonged to another."""
    rules = english().rules
    rules = {symbol: rules[symbol.replace("kitchen ", "farm ")] for symbol in rules}
    texts = [derivation.text for derivation in quotient(Grammar(rules)).derivations()]
    assert len(texts) > len(set(texts))


def test_the_embedded_entropy_is_that_of_a_large_sample() -> None:
    log_probs = [sentence.log_prob for sentence in english().draw(20_000, seed="entropy")]
    mean = math.fsum(log_probs) / len(log_probs)
    deviation = math.sqrt(math.fsum((p - mean) ** 2 for p in log_probs) / len(log_probs))

    assert 12 < english().entropy() < 18
    assert abs(-mean - english().entropy()) <= 4 * deviation / math.sqrt(len(log_probs))


def test_embedded_sentences_parse_as_they_were_drawn() -> None:
    for sentence in english().draw(300, seed=1):
        (parse,) = english().parse(sentence.text)
        assert parse.log_prob == pytest.approx(sentence.log_prob, abs=1e-9)
        assert parse.factors == sentence.factors


def test_verbs_agree() -> None:
    seen = Counter()
    for sentence in english().draw(3_000, seed=2):
        words, factors = set(sentence.text.split()), sentence.factors
        tense, number = factors["tense"], factors["number"]
        plain = factors["mood"] != "question" and factors["polarity"] == "positive"
        auxiliaries = {"did": "past", "do": "present", "does": "present", "will": "future"}
        found = words & auxiliaries.keys()
        if plain and tense != "future":
            assert not found
            if tense == "present":
                seen[number] += 1
                assert (factors["verb"] in words) == (number == "plural")
        else:
            assert [auxiliaries[word] for word in found] == [tense]
            assert factors["verb"] in words
            assert ("does" in found) == (tense == "present" and number == "singular")
        assert ("not" in words) == (factors["polarity"] == "negative")
        assert sentence.text.endswith("?") == (factors["mood"] == "question")
    assert min(seen["singular"], seen["plural"]) > 100


def test_the_script_writes_what_is_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = Path(__file__).parents[1] / "data_scripts" / "grammar.py"
    sizes = ["--train", "20", "--valid", "5", "--test", "5"]
    monkeypatch.setattr(sys, "argv", [str(script), "--out", str(tmp_path), *sizes])
    runpy.run_path(str(script), run_name="__main__")

    lines = (tmp_path / "train.txt").read_text().splitlines()
    drawn = list(english().draw(20, seed="0 train"))
    assert lines == [sentence.text for sentence in drawn]
    header, *rows = (tmp_path / "train.factors.tsv").read_text().splitlines()
    assert [dict(zip(header.split("\t"), row.split("\t"), strict=True)) for row in rows] == [
        sentence.factors for sentence in drawn
    ]
