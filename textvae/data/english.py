"""The embedded grammar: English-like sentences whose every choice is known.

    the young farmers did not feed a goat near the barn last week .
    will this captain paint the small boats ?
    perhaps the cook burned some pies .

A sentence has a topic, a mood, a tense, a polarity and the number of its subject; subject, verb,
object and place belong to the topic, the verb agrees with tense and number, and the time with the
tense. Two sentences that differ in any of these differ in their words: the grammar is unambiguous.
"""

__all__ = ["english"]

from functools import cache
from itertools import product
from math import prod

from .grammar import Grammar, Rule

FACTORS = {
    "topic": {"farm": 1, "kitchen": 1, "school": 1, "harbour": 1},
    "mood": {"statement": 3, "question": 1, "guess": 1},
    "tense": {"past": 2, "present": 1, "future": 1},
    "number": {"singular": 1, "plural": 1},
    "polarity": {"positive": 3, "negative": 1},
}
"""What holds for a whole sentence, and how likely each value is."""

NUMBERS = tuple(FACTORS["number"])

# Nouns: singular/plural. Verbs: base/present singular/past. All nouns and adjectives start with a
# consonant, so that "a" is right before each.
SUBJECTS = {
    "farm": "farmer/farmers shepherd/shepherds milkmaid/milkmaids ploughman/ploughmen",
    "kitchen": "cook/cooks baker/bakers waiter/waiters butler/butlers",
    "school": "teacher/teachers student/students librarian/librarians schoolboy/schoolboys",
    "harbour": "sailor/sailors captain/captains pirate/pirates fisherman/fishermen",
}
VERBS = {
    "farm": "feed/feeds/fed wash/washes/washed chase/chases/chased count/counts/counted",
    "kitchen": "bake/bakes/baked taste/tastes/tasted burn/burns/burned serve/serves/served",
    "school": "write/writes/wrote copy/copies/copied forget/forgets/forgot quote/quotes/quoted",
    "harbour": "paint/paints/painted repair/repairs/repaired steer/steers/steered sink/sinks/sank",
}
OBJECTS = {
    "farm": "horse/horses goat/goats duck/ducks sheepdog/sheepdogs",
    "kitchen": "cake/cakes pie/pies potato/potatoes pancake/pancakes",
    "school": "poem/poems letter/letters song/songs story/stories",
    "harbour": "boat/boats ship/ships canoe/canoes raft/rafts",
}
PLACES = {
    "farm": ("near the barn", "in the meadow", "behind the mill"),
    "kitchen": ("in the kitchen", "at the market", "on the terrace"),
    "school": ("in the library", "at the blackboard", "behind the school"),
    "harbour": ("on the lake", "near the lighthouse", "at the harbour"),
}
TIMES = {
    "past": ("yesterday", "last week", "long ago"),
    "present": ("every day", "on sundays", "all the time"),
    "future": ("tomorrow", "next week", "very soon"),
}
DETERMINERS = {"singular": "the a this", "plural": "the some these"}
PERSON = "young tall clever tired"
THING = "small big new strange"


@cache
def english() -> Grammar:
    """The embedded grammar."""
    rules = {"sentence": [_sentence(*values) for values in product(*FACTORS.values())]}
    for topic in FACTORS["topic"]:
        rules |= _nouns(topic, "subject", SUBJECTS[topic], "person")
        rules |= _nouns(topic, "object", OBJECTS[topic], "thing")
        rules |= _verbs(topic)
        rules[f"{topic} object"] = [
            Rule(1, (f"{topic} object {number}",), (("object_number", number),))
            for number in NUMBERS
        ]
        rules[f"{topic} place"] = _optional("place", PLACES[topic])
    for tense, times in TIMES.items():
        rules[f"{tense} time"] = _optional("time", times)
    for number, words in DETERMINERS.items():
        rules[f"{number} determiner"] = [Rule(1, (word,)) for word in words.split()]
    for symbol, words in {"person": PERSON, "thing": THING}.items():
        rules[symbol] = [Rule(1, (word,)) for word in words.split()]
    return Grammar(rules)


def _sentence(topic: str, mood: str, tense: str, number: str, polarity: str) -> Rule:
    values = dict(zip(FACTORS, (topic, mood, tense, number, polarity), strict=True))
    weight = prod(FACTORS[name][value] for name, value in values.items())
    present = "does" if number == "singular" else "do"
    auxiliary = {"past": "did", "present": present, "future": "will"}[tense]
    negation = ("not",) * (polarity == "negative")
    subject, base = f"{topic} subject {number}", f"{topic} verb base"
    rest = (f"{topic} object", f"{topic} place", f"{tense} time")

    if mood == "question":
        symbols = (auxiliary, subject, *negation, base, *rest, "?")
    elif negation or tense == "future":
        symbols = (subject, auxiliary, *negation, base, *rest, ".")
    elif tense == "present" and number == "plural":
        symbols = (subject, base, *rest, ".")
    else:
        symbols = (subject, f"{topic} verb {tense}", *rest, ".")
    opening = ("perhaps",) * (mood == "guess")
    return Rule(weight, (*opening, *symbols), tuple(values.items()))


def _nouns(topic: str, role: str, nouns: str, adjective: str) -> dict[str, list[Rule]]:
    """Noun phrases of either number: a determiner, perhaps an adjective, a noun."""
    rules = {}
    pairs = [noun.split("/") for noun in nouns.split()]
    for which, number in enumerate(NUMBERS):
        phrase, noun = f"{topic} {role} {number}", f"{topic} {role} noun {number}"
        determiner = f"{number} determiner"
        rules[phrase] = [Rule(2, (determiner, noun)), Rule(1, (determiner, adjective, noun))]
        rules[noun] = [Rule(1, (pair[which],), ((role, pair[0]),)) for pair in pairs]
    return rules


def _verbs(topic: str) -> dict[str, list[Rule]]:
    forms = [verb.split("/") for verb in VERBS[topic].split()]
    return {
        f"{topic} verb {form}": [Rule(1, (verb[i],), (("verb", verb[0]),)) for verb in forms]
        for i, form in enumerate(("base", "present", "past"))
    }


def _optional(factor: str, phrases: tuple[str, ...]) -> list[Rule]:
    """Nothing half of the time, else one of the phrases."""
    nothing = Rule(len(phrases), (), ((factor, "none"),))
    return [nothing, *(Rule(1, tuple(p.split()), ((factor, p),)) for p in phrases)]
