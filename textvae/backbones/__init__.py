"""Models and tokenizers of `transformers`, as encoders, decoders and tokenizers need them.

Nothing of that library is imported before one of them is built.
"""

from .models import (
    ATTENTIONS,
    Source,
    check_length,
    load_encoder,
    load_language_model,
    max_positions,
)
from .numbering import find_specials, load_tokenizer, numbering
from .probing import Anatomy, examine
from .tuning import TRAINABLE, checkpoint_activations, make_trainable

__all__ = [
    "ATTENTIONS",
    "TRAINABLE",
    "Anatomy",
    "Source",
    "check_length",
    "checkpoint_activations",
    "examine",
    "find_specials",
    "load_encoder",
    "load_language_model",
    "load_tokenizer",
    "make_trainable",
    "max_positions",
    "numbering",
]
