"""Two ways to number tokens: ours, which reserves 0 to 3, and that of a pretrained model."""

__all__ = ["find_specials", "its_tokenizer", "load_tokenizer", "numbering", "public_name"]

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import UsageError
from .quiet import first_line, quiet, refusals

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


def load_tokenizer(name: str, trust_remote_code: bool = False) -> Any:
    """The tokenizer of that name or in that folder.

    Raises:
        UsageError: If there is none.
    """
    # Here, because the import takes a second.
    from transformers import AutoTokenizer

    try:
        with quiet():
            found = AutoTokenizer.from_pretrained(name, trust_remote_code=trust_remote_code)
    except refusals() as error:
        told = first_line(error)
        mend = "name a folder that holds one, or a model that is in the cache of the hub"
        if "gated repo" in told:
            mend = "ask for access on its page there, and log in by hf auth login"
        raise UsageError(f"cannot load the tokenizer of {name} ({told}); {mend}") from error
    # Without its files, the library hands out one that knows no word.
    if found.get_vocab().keys() <= set(found.all_special_tokens):
        raise UsageError(
            f"{name} holds no vocabulary of a tokenizer; copy its files there, such as "
            "tokenizer.json"
        )
    return found


def find_specials(tokenizer: "PreTrainedTokenizerBase", name: str) -> list[int]:
    """The model's numbers for padding, start, end and unknown, found by rule.

    The end is the end of a sentence, or else the separator; the start is what the tokenizer puts
    before a text, or else the start of a sentence, or the class token, or padding, as T5 has it;
    padding is its own, or else the end; unknown is its own, or else padding.

    Arguments:
        tokenizer: The tokenizer.
        name: What to call it in an error.

    Raises:
        UsageError: If nothing ends a sentence.
    """
    found = {
        kind: getattr(tokenizer, f"{kind}_token_id", None)
        for kind in ("pad", "bos", "cls", "eos", "sep", "unk")
    }
    eos = _first(found["eos"], found["sep"])
    if eos is None:
        raise UsageError(
            f"the tokenizer of {name} has no end-of-sentence token; set eos_token in its "
            "tokenizer_config.json, or take another"
        )
    pad = _first(found["pad"], eos)
    start = _first(_put_first(tokenizer), found["bos"], found["cls"], pad)
    return [pad, start, eos, _first(found["unk"], pad)]


def numbering(specials: Sequence[int], size: int) -> list[int]:
    """The model's number of each of ours: the four special ones, then all others in their order.

    Arguments:
        specials: The model's numbers for padding, start, end and unknown; some may be the same.
        size: How many numbers the model has.
    """
    reserved = set(specials)
    return [*specials, *(i for i in range(size) if i not in reserved)]


def its_tokenizer(name: str) -> str:
    """How to ask for the tokenizer of a pretrained model."""
    return (
        f"--data.tokenizer PretrainedTokenizer --data.tokenizer.name {name}, or the same with "
        "--data.encoder_tokenizer where only the encoder is pretrained"
    )


def public_name(name: str) -> str:
    """A name on the hub as it is, and of a folder here the last part."""
    return Path(name).resolve().name if Path(name).exists() else name


def _put_first(tokenizer: "PreTrainedTokenizerBase") -> int | None:
    """The number that a tokenizer puts before a text, if it puts one."""
    text = tokenizer("a", add_special_tokens=False)["input_ids"]
    whole = tokenizer("a")["input_ids"]
    return whole[0] if text and whole[0] != text[0] else None


def _first(*numbers: int | None) -> int | None:
    return next((number for number in numbers if number is not None), None)
