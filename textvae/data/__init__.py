"""Text: tokenizers, corpora, batches.

Names are imported when they are first used, so that a tokenizer costs neither Lightning nor
`datasets`.
"""

__all__ = ["TextData", "Tokenizer", "WordTokenizer"]

import importlib
from typing import Any

_HOME = {"TextData": "module", "Tokenizer": "tokenizer", "WordTokenizer": "words"}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f".{_HOME[name]}", __name__), name)
