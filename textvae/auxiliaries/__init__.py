"""Auxiliary losses, one a file."""

from .bag_of_words import BagOfWords
from .base import Auxiliary

__all__ = ["Auxiliary", "BagOfWords"]
