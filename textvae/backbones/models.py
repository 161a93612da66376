"""Models of `transformers`, from a configuration or with pretrained weights."""

__all__ = [
    "ATTENTIONS",
    "FLASH",
    "Loaded",
    "Source",
    "check_length",
    "load_encoder",
    "load_language_model",
    "max_positions",
    "take_attention",
]

import difflib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, get_args

import torch
import torch.nn as nn

from ..errors import UsageError, some
from ..types import BOS, EOS, PAD
from .numbering import find_specials, its_tokenizer, load_tokenizer, numbering, public_name
from .quiet import first_line, quiet, refusals

if TYPE_CHECKING:
    from transformers import PreTrainedConfig, PreTrainedModel

ATTENTIONS = Literal["eager", "sdpa", "flash_attention_2"]
FLASH = "flash_attention_2"

SPECIALS = {
    "pad_token_id": PAD,
    "bos_token_id": BOS,
    "eos_token_id": EOS,
    "decoder_start_token_id": BOS,
}


@dataclass(frozen=True)
class Source:
    """Where a model comes from: exactly one of `config` and `pretrained`.

    Arguments:
        vocab_size: How many tokens there are, in our numbers.
        config: A configuration of `transformers`: model_type and its options.
        pretrained: The name or folder of a model with its tokenizer.
        specials: The model's numbers for padding, start, end and unknown, where it does not number
            tokens as we do.
        attention: The implementation of attention, or None for what the library chooses.
        trust_remote_code: Whether code that comes with the model may run.
    """

    vocab_size: int
    config: dict[str, Any] | None
    pretrained: str | None
    specials: list[int] | None
    attention: ATTENTIONS | None
    trust_remote_code: bool

    def __post_init__(self) -> None:
        if (self.config is None) == (self.pretrained is None):
            raise ValueError(
                "Exactly one of 'config' and 'pretrained' must be given; bert, gpt2 and the like "
                "have a config, TransformerEncoder and TransformerDecoder have none."
            )
        # Any other name would be that of code on the hub.
        if self.attention not in (None, *get_args(ATTENTIONS)):
            known = ", ".join(get_args(ATTENTIONS))
            raise ValueError(f"'attention' must be one of {known}, got '{self.attention}'.")


@dataclass(frozen=True)
class Loaded:
    """A model, and what it takes to build it again without its source.

    Arguments:
        model: The model.
        config: Its configuration, as plain data.
        specials: As for :class:`Source`.
        ids: The model's number of each of our tokens, with shape (V,), or None if they are ours.
        attention: The implementation of attention that was asked for.
        vocabulary: The number of each of the model's tokens; None where it has no tokenizer.
    """

    model: "PreTrainedModel"
    config: dict[str, Any]
    specials: list[int] | None
    ids: torch.Tensor | None
    attention: ATTENTIONS | None
    vocabulary: dict[str, int] | None

    def stored(self) -> dict[str, Any]:
        """The arguments of a part that is built anew, with weights of its own."""
        return {
            "config": self.config,
            "pretrained": None,
            "specials": self.specials,
            "attention": None,  # that of another machine may not be there
            "trust_remote_code": False,
        }


def load_encoder(source: Source) -> Loaded:
    """The model that turns tokens into hidden states: of a pair, its encoder."""
    from transformers import MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING, AutoModel

    loaded = _load(source, AutoModel, spare=("pooler", "decoder."))
    model = loaded.model
    # The configuration of an encoder that was saved alone says that it is no pair; built, it is.
    if model.config.is_encoder_decoder or (
        type(model.config) in MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING
    ):
        model = model.get_encoder()
    if isinstance(getattr(model, "pooler", None), nn.Module):
        model.pooler = None  # pooling is ours
    if getattr(model.config, "use_cache", False):
        model.config.use_cache = False  # nothing follows that would read it
    return replace(loaded, model=model)


def load_language_model(source: Source) -> Loaded:
    """A causal language model, or a sequence-to-sequence model.

    Raises:
        UsageError: If the model can be neither.
    """
    from transformers import (
        MODEL_FOR_CAUSAL_LM_MAPPING,
        MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING,
        AutoModelForCausalLM,
        AutoModelForSeq2SeqLM,
    )

    config = _config_of(source)
    if config.is_encoder_decoder and type(config) in MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING:
        loaded = _load(source, AutoModelForSeq2SeqLM)
        if loaded.ids is not None and config.decoder_start_token_id is not None:
            loaded.ids[BOS] = config.decoder_start_token_id  # what such a decoder was trained with
        return loaded
    known = type(config) in MODEL_FOR_CAUSAL_LM_MAPPING or "auto_map" in vars(config)
    # Encoders such as BERT have a causal variant too, which nobody has trained.
    if not known or _reads_both_ways(config):
        raise UsageError(
            f"{_name(source)} is an encoder, and a decoder is wanted; take a causal language "
            "model such as gpt2 or llama, or a pair such as t5 or bart"
        )
    return _load(source, AutoModelForCausalLM)


def max_positions(model: nn.Module) -> int | None:
    """How many tokens a model has positions for; None where it knows no limit."""
    limit = getattr(model.config.get_text_config(), "max_position_embeddings", None)
    for name, part in model.named_modules():
        # RoBERTa and its kin number positions from behind padding's.
        if name.endswith("position_embeddings") and getattr(part, "padding_idx", None) is not None:
            return part.num_embeddings - part.padding_idx - 1
    return limit


def check_length(reader: str, tokens: int, limit: int | None) -> None:
    """
    Raises:
        UsageError: If an encoder or decoder has no room for a sentence.
    """
    if limit is not None and tokens > limit:
        raise UsageError(
            f"a sentence of {tokens} tokens is longer than the {limit} positions of the {reader}; "
            "leave it out, or take a model with more"
        )


def take_attention(model: "PreTrainedModel", name: str) -> None:
    """Has a model attend by another implementation, if it is another."""
    if model.config._attn_implementation != name:
        model.set_attn_implementation(name)


def _reads_both_ways(config: "PreTrainedConfig") -> bool:
    from transformers.models.auto.modeling_auto import MODEL_FOR_MASKED_LM_MAPPING_NAMES

    is_masked = config.model_type in MODEL_FOR_MASKED_LM_MAPPING_NAMES
    return is_masked and not config.is_encoder_decoder


def _name(source: Source) -> str:
    return source.pretrained or f"model_type {source.config.get('model_type')}"


def _load(source: Source, auto: Any, spare: Sequence[str] = ("pooler",)) -> Loaded:
    """Builds a model, all of it with weights of its own but for what is spare."""
    flash = source.attention == FLASH
    options: dict[str, Any] = {
        # Flash attention cannot run where a model is built, which is not on a GPU.
        "attn_implementation": None if flash else source.attention,
        "trust_remote_code": source.trust_remote_code,
        "dtype": torch.get_default_dtype(),
    }
    specials, missing = source.specials, []
    config = _config_of(source)
    if source.pretrained is None and source.specials is None:
        # Before it is built, at its whole size: a model of texts and images has several parts.
        rows = getattr(config.get_text_config(), "vocab_size", source.vocab_size)
        if rows != source.vocab_size:
            raise _other_vocabulary(source, rows)
    try:
        with quiet():
            if source.pretrained is None:
                model = auto.from_config(config, **options)
            else:
                model, told = auto.from_pretrained(
                    source.pretrained, config=config, output_loading_info=True, **options
                )
                # What is missing was drawn at random.
                unknown = sorted(told["missing_keys"])
                missing = [key for key in unknown if not any(part in key for part in spare)]
            if flash:
                plain = model.config._attn_implementation
                take_attention(model, FLASH)  # or it says why not
                take_attention(model, plain)
    except refusals() as error:
        raise _refusal(source, error) from error
    if missing:
        raise UsageError(
            f"{source.pretrained} has no weights for {some(missing)} of a {type(model).__name__}; "
            "take a model that was trained as one"
        )
    vocabulary = None
    if source.pretrained is not None:
        tokenizer = load_tokenizer(source.pretrained, source.trust_remote_code)
        specials, vocabulary = find_specials(tokenizer, source.pretrained), tokenizer.get_vocab()
        _fit_vocabulary(source, model, max(vocabulary.values()) + 1)
    ids, rows = None, model.get_input_embeddings().num_embeddings
    if specials is not None:
        ids = torch.tensor(numbering(specials, rows))
        rows = len(ids)
    if rows != source.vocab_size:
        raise _other_vocabulary(source, rows)
    plain = json.loads(model.config.to_json_string(use_diff=False))
    if source.pretrained is not None:
        # To tell of it; nothing is read from there again.
        plain["_name_or_path"] = public_name(source.pretrained)
    return Loaded(model, plain, specials, ids, source.attention, vocabulary)


def _fit_vocabulary(source: Source, model: "PreTrainedModel", size: int) -> None:
    """Cuts off embeddings that stand for no token; some models have them for speed."""
    rows = model.get_input_embeddings().num_embeddings
    if rows < size:
        raise UsageError(
            f"{source.pretrained} has embeddings for {rows} tokens, and its tokenizer {size}; "
            "resize the embeddings, or take the tokenizer that it was trained with"
        )
    if rows > size:
        with quiet():
            model.resize_token_embeddings(size)


def _other_vocabulary(source: Source, size: int) -> UsageError:
    differs = f"has {size:,} tokens, and the text's tokenizer {source.vocab_size:,}"
    if source.pretrained is None:
        return UsageError(
            f"{_name(source)} {differs}; take the model_type of its text alone, such as "
            "gemma3_text for gemma3"
        )
    return UsageError(
        f"{_name(source)} {differs}; take its own by {its_tokenizer(source.pretrained)}"
    )


def _refusal(source: Source, error: Exception) -> UsageError:
    told = first_line(error)
    mend = "name a folder that holds the model, or one that is in the cache of the hub"
    if source.pretrained is None:
        mend = "see the options of its configuration in the documentation of transformers"
    if "gated repo" in told:
        mend = "ask for access on its page there, and log in by hf auth login"
    if "trust_remote_code" in told or "custom code" in told:
        told, mend = "it comes with code of its own", "allow that by trust_remote_code: true"
    kinds = ("flash", "attn_implementation", "attention implementation")
    if source.attention is not None and any(kind in told.lower() for kind in kinds):
        mend = "choose another attention: eager or sdpa"
    return UsageError(f"cannot build {_name(source)} ({told}); {mend}")


def _config_of(source: Source) -> "PreTrainedConfig":
    from transformers import AutoConfig

    if source.pretrained is None:
        return _config_from(dict(source.config), source)
    try:
        with quiet():
            return AutoConfig.from_pretrained(
                source.pretrained, trust_remote_code=source.trust_remote_code
            )
    except refusals() as error:
        raise _refusal(source, error) from error


def _config_from(options: dict[str, Any], source: Source) -> "PreTrainedConfig":
    from transformers import CONFIG_MAPPING

    kind = options.pop("model_type", None)
    if kind not in CONFIG_MAPPING:
        near = difflib.get_close_matches(str(kind), CONFIG_MAPPING.keys(), 1)
        mend = f"did you mean {near[0]}?" if near else "such as gpt2, llama, bert or t5"
        raise UsageError(f"transformers knows no model_type {kind}; {mend}")
    cls = CONFIG_MAPPING[kind]
    if source.specials is None:
        options |= {"vocab_size": source.vocab_size, **SPECIALS}
    try:
        with quiet():
            config = cls.from_dict(options)
    except refusals() as error:
        raise _refusal(source, error) from error
    known = {*cls().to_dict(), *cls.attribute_map, *SPECIALS, "auto_map"}
    # A configuration keeps what it does not know, and nobody reads it. Some know more than they
    # list, so that only what looks like a slip is one.
    for option in options.keys() & vars(config).keys() - known:
        if near := difflib.get_close_matches(option, known, 1, cutoff=0.8):
            raise UsageError(f"config: {kind} has no option {option}; did you mean {near[0]}?")
    return config
