"""Models and tokenizers of `transformers`, as encoders, decoders and tokenizers need them.

Nothing of that library is imported before one of them is built.
"""

from .holder import Holder
from .models import ATTENTIONS, Source, check_length, load_encoder, load_language_model
from .numbering import find_specials, load_tokenizer, numbering, public_name
from .probing import Anatomy, examine
from .tuning import TRAINABLE

__all__ = [
    "ATTENTIONS",
    "TRAINABLE",
    "Anatomy",
    "Holder",
    "Source",
    "check_length",
    "examine",
    "find_specials",
    "load_encoder",
    "load_language_model",
    "load_tokenizer",
    "numbering",
    "public_name",
]
