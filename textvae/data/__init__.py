"""Text: readers, tokenizers, corpora, batches.

Names are imported when they are first used, so that a tokenizer costs neither Lightning nor
`datasets`.
"""

import importlib
from typing import Any

_HOMES = {
    "CharacterTokenizer": "characters",
    "GrammarData": "module",
    "PretrainedTokenizer": "pretrained",
    "SentenceData": "module",
    "SentencePieceTokenizer": "pieces",
    "StreamData": "stream_data",
    "TextData": "module",
    "Tokenizer": "tokenizer",
    "WordTokenizer": "words",
}

__all__ = list(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)
