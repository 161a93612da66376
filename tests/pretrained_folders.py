"""Folders of small pretrained models and tokenizers, made here; nothing is downloaded."""

from pathlib import Path
from typing import Any

import torch

from .transformer_pairs import DECODERS, ENCODERS

TEXTS = ["the cat sat", "a dog ran", "the dog sat </s>", "Zoë  slept"]


def write_tokenizer(folder: Path, specials: dict[str, str], byte_level: bool) -> Any:
    """A tokenizer of words, or of bytes, saved as a pretrained one is."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    marks = list(dict.fromkeys(specials.values()))
    if byte_level:
        alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
        vocabulary = {token: i for i, token in enumerate([*alphabet, *marks])}
        backend = Tokenizer(models.BPE(vocabulary, []))
        backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        backend.decoder = decoders.ByteLevel()
    else:
        words = sorted({word for text in TEXTS[:3] for word in text.split()[:3]})
        vocabulary = {token: i for i, token in enumerate([*words, *marks])}
        backend = Tokenizer(models.WordLevel(vocabulary, unk_token=specials["unk_token"]))
        backend.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, **specials)
    tokenizer.save_pretrained(folder)
    return tokenizer


def load(folder: Path) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(folder)


def write_gpt2(folder: Path) -> Path:
    """A byte-level GPT-2, whose one special token stands for all, with spare embeddings."""
    from transformers import GPT2Config, GPT2LMHeadModel

    mark = "<|endoftext|>"
    tokenizer = write_tokenizer(folder, {"bos_token": mark, "eos_token": mark}, byte_level=True)
    options = {k: v for k, v in DECODERS["gpt2"].items() if k != "model_type"}
    options |= {"n_positions": 64, "initializer_range": 0.5}
    torch.manual_seed(0)
    GPT2LMHeadModel(GPT2Config(vocab_size=len(tokenizer) + 7, **options)).save_pretrained(folder)
    return folder


def write_roberta(folder: Path) -> Path:
    """A RoBERTa by words, with special tokens at the end and padding that moves positions."""
    from transformers import RobertaConfig, RobertaModel

    specials = {
        "pad_token": "<pad>",
        "cls_token": "<s>",
        "sep_token": "</s>",
        "unk_token": "<unk>",
    }
    tokenizer = write_tokenizer(folder, specials, byte_level=False)
    options = {k: v for k, v in ENCODERS["roberta"].items() if k != "model_type"}
    options |= {"max_position_embeddings": 40, "initializer_range": 0.5}
    torch.manual_seed(0)
    config = RobertaConfig(
        vocab_size=len(tokenizer), pad_token_id=tokenizer.pad_token_id, **options
    )
    RobertaModel(config).save_pretrained(folder)
    return folder
