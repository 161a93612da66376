"""The contract of every tokenizer, and what is particular to each."""

import json
import pickle
from collections import Counter
from pathlib import Path

import pytest

from textvae.component import describe
from textvae.data import CharacterTokenizer, SentencePieceTokenizer, Tokenizer, WordTokenizer
from textvae.errors import UsageError
from textvae.types import BOS, EOS, NUM_SPECIALS, PAD, UNK

SHARED = Path(__file__).parents[2] / "shared" / "data"

TRAINING = [
    "the cat sat on the mat .",
    "the dog sat on the cat .",
    "a dog, a cat and a bird",
    "春眠不覺曉，處處聞啼鳥。",
    "夜來風雨聲，花落知多少。",
    "</s> is a word , and so is <unk>",
] * 3

TEXTS = [
    "the cat sat on the mat .",
    "The quick brown fox!",
    "床前明月光，疑是地上霜。",
    "smile 😀 family 👨‍👩‍👧‍👦 flag 🇨🇭",
    "tab\there",
    "two  spaces,   three",
    " spaces at both ends  ",
    "literal </s> <s> <pad> <unk> <0x41> ⁇ \N{REPLACEMENT CHARACTER}",
    "cafe\u0301 is not caf\u00e9, \ufb01 is not fi, \uff21 is not A",
    "sentencepiece writes \u2581 for a space, \u2581\u2581 for two\u2581",
    "zero\u200bwidth, soft\u00adhyphen, no\u00a0break, \u202eright to left\u202c, \ufeffmark",
    "control \x01 \x1f \x7f \r return",
    "\U0010ffff \U00020000 \ufdd0",
    "",
    " ",
]

TOKENIZERS = {
    "words": lambda: WordTokenizer(),
    "words cut": lambda: WordTokenizer(min_count=4, max_size=5, unk_token="<unk>"),
    "characters": lambda: CharacterTokenizer(),
    "characters without bytes": lambda: CharacterTokenizer(min_count=1, byte_fallback=False),
    "unigram": lambda: SentencePieceTokenizer(max_size=400),
    "bpe": lambda: SentencePieceTokenizer(max_size=400, kind="bpe"),
}


@pytest.fixture(params=TOKENIZERS)
def tokenizer(request: pytest.FixtureRequest) -> Tokenizer:
    tokenizer = TOKENIZERS[request.param]()
    assert tokenizer.vocab_size == 0
    tokenizer.fit(iter(TRAINING))
    return tokenizer


def test_no_text_becomes_a_control_token(tokenizer: Tokenizer) -> None:
    for tokens in tokenizer.encode(TEXTS + TRAINING):
        assert not {PAD, BOS, EOS} & set(tokens)
        assert all(0 <= token < tokenizer.vocab_size for token in tokens)


def test_lossless_is_lossless(tokenizer: Tokenizer) -> None:
    back = tokenizer.decode(tokenizer.encode(TEXTS))
    lost = tokenizer.count_lost(TEXTS)
    assert (back == TEXTS) == tokenizer.lossless
    assert (lost == 0) == tokenizer.lossless


def test_training_text_that_is_not_cut_is_kept(tokenizer: Tokenizer) -> None:
    if tokenizer.count_lost(TRAINING) == 0:
        assert tokenizer.decode(tokenizer.encode(TRAINING)) == TRAINING
    else:
        assert tokenizer.init_args["max_size"] == 5


def test_decoding_leaves_out_control_tokens(tokenizer: Tokenizer) -> None:
    (tokens,) = tokenizer.encode(["the cat"])
    padded = [BOS, *tokens, EOS, PAD, PAD]
    assert tokenizer.decode([padded, tokens, [], [PAD]])[0] == tokenizer.decode([tokens])[0]
    assert tokenizer.decode([[], [PAD]]) == ["", ""]


def test_anything_can_be_decoded(tokenizer: Tokenizer) -> None:
    """A model may write any token after any other."""
    for token in range(tokenizer.vocab_size):
        (text,) = tokenizer.decode([[token, NUM_SPECIALS]])
        text.encode("utf-8")


def test_a_saved_tokenizer_is_the_same(tokenizer: Tokenizer, tmp_path: Path) -> None:
    tokenizer.save(tmp_path)
    arguments = json.loads(json.dumps(describe(tokenizer)))["init_args"]
    loaded = type(tokenizer).load(tmp_path, **arguments)

    assert loaded.vocab_size == tokenizer.vocab_size
    assert loaded.lossless == tokenizer.lossless
    tokens = tokenizer.encode(TEXTS)
    assert loaded.encode(TEXTS) == tokens
    assert loaded.decode(tokens) == tokenizer.decode(tokens)


def test_fitting_again_gives_the_same(tokenizer: Tokenizer) -> None:
    again = type(tokenizer)(**tokenizer.init_args)
    again.fit(TRAINING)
    assert again.encode(TEXTS) == tokenizer.encode(TEXTS)


def test_processes_can_share_it(tokenizer: Tokenizer) -> None:
    copy = pickle.loads(pickle.dumps(tokenizer))
    assert copy.encode(TEXTS) == tokenizer.encode(TEXTS)


def test_missing_and_damaged_files_are_refused(tokenizer: Tokenizer, tmp_path: Path) -> None:
    cls, arguments = type(tokenizer), tokenizer.init_args
    with pytest.raises(UsageError, match="missing; copy the whole folder"):
        cls.load(tmp_path, **arguments)
    tokenizer.save(tmp_path)
    (file,) = tmp_path.iterdir()
    content = file.read_bytes()
    for damaged in (
        b"",
        b"junk",
        content[: len(content) // 2],
        b"\xff" * 100,
        b'{"a": 1}',
        b"[1]",
    ):
        file.write_bytes(damaged)
        with pytest.raises(UsageError, match=f"{file.name}: not .*; save the model again"):
            cls.load(tmp_path, **arguments)


def test_frequent_words_come_first_and_rare_ones_are_unknown() -> None:
    tokenizer = WordTokenizer(min_count=2)
    tokenizer.fit(["b b b a a c", "d d a"])

    assert tokenizer.vocab_size == NUM_SPECIALS + 3
    assert tokenizer.encode(["a b d c"]) == [[4, 5, 6, UNK]]
    assert tokenizer.count_lost(["a b d c", "e a"]) == 2
    assert tokenizer.decode([[4, UNK, 5]]) == ["a <unk> b"]


def test_max_size_keeps_the_most_frequent() -> None:
    words, characters = WordTokenizer(max_size=1), CharacterTokenizer(max_size=1)
    for tokenizer in (words, characters):
        tokenizer.fit(["x yyy x yyy yyy"])
    assert words.encode(["x yyy"]) == [[UNK, 4]]
    assert characters.encode(["y"]) == [[260]]


def test_the_unknown_word_of_the_text_is_the_unknown_word() -> None:
    tokenizer = WordTokenizer(unk_token="<unk>")
    tokenizer.fit(["a <unk> b"])
    assert tokenizer.encode(["<unk> a"]) == [[UNK, 4]]
    assert tokenizer.decode([[UNK, 4]]) == ["<unk> a"]
    assert tokenizer.count_lost(["<unk> a"]) == 0
    assert tokenizer.vocab_size == NUM_SPECIALS + 2


def test_lookalikes_are_words_like_any_other() -> None:
    tokenizer = WordTokenizer()
    tokenizer.fit(["a <unk> </s> <s> <pad>"])
    (tokens,) = tokenizer.encode(["<unk> </s> <s> <pad>"])
    assert min(tokens) >= NUM_SPECIALS and len(set(tokens)) == 4
    assert tokenizer.decode([tokens]) == ["<unk> </s> <s> <pad>"]


def test_rare_characters_are_spelt_in_bytes() -> None:
    tokenizer = CharacterTokenizer(min_count=2)
    tokenizer.fit(["aab"])
    assert tokenizer.encode(["ab€"]) == [[260, *(NUM_SPECIALS + byte for byte in "b€".encode())]]
    assert tokenizer.decode([[260, NUM_SPECIALS + 0xE2, 260]]) == ["a\N{REPLACEMENT CHARACTER}a"]


def test_small_corpora_get_fewer_pieces() -> None:
    tokenizer = SentencePieceTokenizer(max_size=8000)
    tokenizer.fit(TRAINING)
    assert 260 < tokenizer.vocab_size < 400


def test_pieces_of_a_text_full_of_lookalikes() -> None:
    texts = ["he </s> she <unk> it <s> x <pad> <0x41>"] * 200
    for kind in ("unigram", "bpe"):
        tokenizer = SentencePieceTokenizer(kind=kind)
        tokenizer.fit(texts)
        assert tokenizer.decode(tokenizer.encode(texts[:1])) == texts[:1]
        assert min(min(tokens) for tokens in tokenizer.encode(texts)) >= NUM_SPECIALS


def test_pieces_need_room_for_the_characters() -> None:
    texts = [chr(0x4E00 + i) for i in range(500)]
    with pytest.raises(UsageError, match="too many characters for 300 pieces; .* max_size to"):
        SentencePieceTokenizer(max_size=300).fit(texts)


def test_pieces_need_something_to_learn_from() -> None:
    with pytest.raises(UsageError, match="nothing but tabs .*; take CharacterTokenizer"):
        SentencePieceTokenizer().fit(["\u2581\u2581"] * 3)


@pytest.mark.parametrize(
    ("cls", "arguments", "message"),
    [
        (WordTokenizer, {"min_count": 0}, "'min_count' must be at least 1, got 0"),
        (WordTokenizer, {"max_size": 0}, "'max_size' must be at least 1, got 0"),
        (CharacterTokenizer, {"min_count": -1}, "'min_count' must be at least 1, got -1"),
        (CharacterTokenizer, {"max_size": 0}, "'max_size' must be at least 1, got 0"),
        (SentencePieceTokenizer, {"max_size": 299}, "'max_size' must be at least 300"),
        (SentencePieceTokenizer, {"kind": "word"}, "'kind' must be unigram or bpe, got 'word'"),
        (SentencePieceTokenizer, {"character_coverage": 1.1}, "'character_coverage' must be in"),
        (SentencePieceTokenizer, {"train_sentences": 0}, "'train_sentences' must be at least 1"),
    ],
)
def test_impossible_values_are_refused(cls: type, arguments: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        cls(**arguments)


@pytest.mark.skipif(not (SHARED / "ptb").is_dir(), reason="Penn Treebank is not there")
def test_the_words_of_penn_treebank() -> None:
    lines = (SHARED / "ptb" / "train.txt").read_text().splitlines()
    tokenizer = WordTokenizer(unk_token="<unk>")
    tokenizer.fit(lines)
    assert tokenizer.vocab_size == 9_999 - 1 + NUM_SPECIALS

    tokens = [token for line in tokenizer.encode(lines) for token in line]
    assert len(tokens) == 929_589 - len(lines)
    assert Counter(tokens)[UNK] == sum(line.split().count("<unk>") for line in lines)
