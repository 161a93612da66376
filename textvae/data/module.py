"""Data modules: a corpus, batch by batch, for Lightning."""

__all__ = ["GrammarData", "SentenceData", "TextData"]

import abc
from collections.abc import Sequence
from functools import cached_property

import numpy as np
import pytorch_lightning as pl
import torch

from ..console import one_line
from ..errors import UsageError, some
from .batching import BatchPlan, OrderedLoader, SentenceLoader, length_batches
from .corpus import Corpus, Source, prepare
from .drawn import GrammarSource
from .english import english
from .pairs import Pairs
from .places import find_source
from .tables import Columns
from .tokenizer import Tokenizer
from .words import WordTokenizer

LEAST = 2
"""The fewest validation sentences of a process, since a single one has nothing to differ from."""

UNSEEN = -1
"""The number of a label that no training sentence has."""


class SentenceData(pl.LightningDataModule, abc.ABC):
    """Abstract corpus with its tokenizer.

    Nothing is read before :meth:`prepare`, or before something is asked for. Evaluation sees every
    sentence of a split, whole; training leaves out those that are too long. To add a kind of
    corpus, implement :meth:`source` and :meth:`floor`.

    Arguments:
        tokenizer: What makes tokens of text, or None for what suits the text.
        batch_size: The largest batch in sentences, which the processes of a run share; 32 if
            neither limit is given.
        batch_tokens: The largest batch in tokens, ``</s>`` and padding counted.
        max_length: The longest training sentence, in tokens.
        num_workers: How many processes put training batches together; 0 for none but this one.
        encoder_tokenizer: What makes the tokens that the encoder reads, where these are others
            than the decoder's.
    """

    def __init__(
        self,
        tokenizer: Tokenizer | None,
        batch_size: int | None,
        batch_tokens: int | None,
        max_length: int,
        num_workers: int,
        encoder_tokenizer: Tokenizer | None = None,
    ) -> None:
        super().__init__()

        if batch_size is not None and batch_size < 2:
            raise ValueError(f"'batch_size' must be at least 2, got {batch_size}.")
        if batch_tokens is not None and batch_tokens < 2:
            raise ValueError(f"'batch_tokens' must be at least 2, got {batch_tokens}.")
        if max_length < 1:
            raise ValueError(f"'max_length' must be at least 1, got {max_length}.")
        if num_workers < 0:
            raise ValueError(f"'num_workers' must not be negative, got {num_workers}.")

        self.given_tokenizer = tokenizer
        self.batch_size = 32 if batch_size is None and batch_tokens is None else batch_size
        self.batch_tokens = batch_tokens
        self.max_length = max_length
        self.num_workers = num_workers
        self.given_encoder_tokenizer = encoder_tokenizer

    @abc.abstractmethod
    def source(self) -> Source:
        """Where the sentences come from."""

    @abc.abstractmethod
    def floor(self, split: str) -> float | None:
        """The best reachable NLL of a split in nats per sentence, where it is known."""

    @cached_property
    def corpus(self) -> Corpus:
        """The sentences and their tokens, on disk."""
        corpus = prepare(self.source(), self.given_tokenizer)
        long = int((corpus.lengths["train"] > self.max_length).sum())
        if long == len(corpus.lengths["train"]):
            raise UsageError(
                f"all training sentences have over {self.max_length} tokens; raise "
                "--data.max_length"
            )
        if long:
            corpus.notes.append(
                f"train: {long:,} sentence{'s' * (long != 1)} of over {self.max_length} tokens "
                "(--data.max_length) left out of training"
            )
        return corpus

    @cached_property
    def read_by_encoder(self) -> Corpus | None:
        """The same sentences in the encoder's tokens, where these are others."""
        if self.given_encoder_tokenizer is None:
            return None
        return prepare(self.source(), self.given_encoder_tokenizer)

    def prepare(self) -> None:
        """Reads and tokenises the corpus, or finds it in the cache.

        Raises:
            UsageError: If the text is not as it should be.
        """
        _ = self.corpus, self.read_by_encoder

    def prepare_data(self) -> None:
        self.prepare()

    def setup(self, stage: str) -> None:
        self.prepare()

    @property
    def tokenizer(self) -> Tokenizer:
        """The fitted tokenizer."""
        return self.corpus.tokenizer

    @property
    def vocab_size(self) -> int:
        """How many tokens there are."""
        return self.tokenizer.vocab_size

    @property
    def encoder_tokenizer(self) -> Tokenizer | None:
        """The encoder's own fitted tokenizer, if it has one."""
        return None if self.read_by_encoder is None else self.read_by_encoder.tokenizer

    @property
    def encoder_vocab_size(self) -> int:
        """How many tokens the encoder may read."""
        return (self.encoder_tokenizer or self.tokenizer).vocab_size

    @property
    def notes(self) -> list[str]:
        """What a user may want to know about the corpus, in one line each."""
        sizes = ", ".join(f"{len(texts):,} {split}" for split, texts in self.corpus.texts.items())
        kind = type(self.tokenizer).__name__
        return [f"{sizes} sentences; {kind} with {self.vocab_size:,} tokens", *self.corpus.notes]

    def texts(self, split: str) -> Sequence[str]:
        """The sentences of train, valid or test."""
        return self.corpus.texts[split]

    def labels(self, split: str) -> Sequence[str] | None:
        """Their labels, or None where they have none."""
        return self.corpus.labels[split]

    @cached_property
    def label_names(self) -> list[str]:
        """The different labels of the training sentences, in the order of their numbers."""
        return sorted({label for label in self.labels("train") or () if label is not None})

    def sentences(self, split: str) -> Sequence[Sequence[int]]:
        """Their tokens, without ``<s>`` and ``</s>``, with the numbers of their labels if any."""
        targets, read, labels = self.corpus.tokens[split], self.read_by_encoder, self.labels(split)
        if read is None and labels is None:
            return targets
        known = {name: number for number, name in enumerate(self.label_names)}
        numbers = None if labels is None else [known.get(label, UNSEEN) for label in labels]
        return Pairs(targets, read and read.tokens[split], numbers)

    @cached_property
    def order_seed(self) -> int:
        """The seed of the run at the first call: later, each of its processes has its own."""
        return torch.initial_seed()

    def train_dataloader(self) -> SentenceLoader:
        """The training batches, in an order that follows from the seed of the run."""
        rank, processes = self._place()
        plan = BatchPlan(
            self.corpus.lengths["train"],
            max_sentences=self.batch_size,
            max_tokens=self.batch_tokens,
            max_length=self.max_length,
            seed=self.order_seed,
            rank=rank,
            world_size=processes,
        )
        return SentenceLoader(self.sentences("train"), plan, self.num_workers)

    def val_dataloader(self) -> OrderedLoader:
        """The validation sentences, each once."""
        return self._ordered("valid")

    def test_dataloader(self) -> OrderedLoader:
        """The test sentences, each once."""
        return self._ordered("test")

    def check_lengths(self, encoder: int | None, decoder: int | None) -> None:
        """Says before training, and not after it, that a sentence has no room.

        Arguments:
            encoder: The most tokens that the encoder reads, ``</s>`` counted, or None.
            decoder: The same for the decoder.

        Raises:
            UsageError: If a sentence has more.
        """
        own = self.corpus
        readers = (("encoder", self.read_by_encoder or own, encoder), ("decoder", own, decoder))
        for reader, corpus, limit in readers:
            for split, lengths in corpus.lengths.items() if limit is not None else ():
                read = np.where(own.lengths[split] <= self.max_length, lengths, 0)
                which = int((read if split == "train" else lengths).argmax())
                longest = 1 + int(lengths[which])
                if longest > limit:
                    lower = ", or lower --data.max_length" if split == "train" else ""
                    text = one_line(self.texts(split)[which])
                    begins = text if len(text) <= 40 else f"{text[:36]} ..."
                    raise UsageError(
                        f"{split}: a sentence of {longest} tokens ({begins}) is longer than the "
                        f"{limit} positions of the {reader}; take a model with more{lower}"
                    )

    def check_labels(self) -> None:
        """
        Raises:
            UsageError: If a sentence has no label, or one that no training sentence has.
        """
        names = dict.fromkeys(self.label_names)
        if len(names) < 2:
            raise UsageError(
                f"labels: the training text has {len(names)} of them; name a column of at least "
                "two by --data.label_column of TextData, or set labels to null"
            )
        for split in self.corpus.texts:
            labels = self.labels(split) or [None]
            odd = next((i for i, label in enumerate(labels) if label not in names), None)
            if odd is not None:
                own = "no label" if labels[odd] is None else f"the label {labels[odd]}"
                raise UsageError(
                    f"{split}: sentence {odd + 1} has {own}, and training has: "
                    f"{some(names)}; leave it out, or label it so"
                )

    def check_processes(self, processes: int) -> None:
        """
        Raises:
            UsageError: If a batch cannot be shared by so many processes.
        """
        if self.batch_size is not None and self.batch_size < processes:
            raise UsageError(
                f"data.batch_size: {processes} processes share a batch of {self.batch_size} "
                f"sentences; raise it to {processes} or more, or lower --trainer.devices"
            )
        for split, least in {"train": processes, "valid": LEAST * processes}.items():
            if processes > 1 and len(self.corpus.lengths[split]) < least:
                raise UsageError(
                    f"{split}: {len(self.corpus.lengths[split])} sentences are too few for "
                    f"{processes} processes; lower --trainer.devices"
                )

    def _ordered(self, split: str) -> OrderedLoader:
        """This process's share of a split, whose batches are those of a single process."""
        rank, processes = self._place()
        lengths = self.corpus.lengths[split]
        batches = length_batches(lengths, self.batch_tokens, self.batch_size)
        if processes > 1 and len(batches) < LEAST * processes:
            most = max(1, len(lengths) // (LEAST * processes))
            batches = length_batches(lengths, self.batch_tokens, most)
        return OrderedLoader(self.sentences(split), batches[rank::processes])

    def _place(self) -> tuple[int, int]:
        """The number of this process, and of how many."""
        return (self.trainer.global_rank, self.trainer.world_size) if self.trainer else (0, 1)


class TextData(SentenceData):
    """Your own text: files with one sentence a line, tables, or a data set of the hub.

    Arguments:
        text: A file, several, or a pattern such as "corpus/*.txt.gz", which are split by a seeded
            hash of each sentence; or a folder with train, valid and test, such as train.txt; or
            hf:owner/name:subset. By their names, files are text, TSV, CSV, JSON Lines or Parquet,
            plain or compressed by gzip, bzip2, xz or zstd.
        text_column: The column of the sentences in a table: its name, or its number from 1 where
            a TSV or CSV file has no header. None takes the only column, or text or sentence.
        label_column: The column of labels, if there is one.
        tokenizer: What makes tokens of text. None takes SentencePieceTokenizer, or
            CharacterTokenizer where under 1 % of the characters are spaces.
        batch_size: The largest batch in sentences; 32 if neither limit is given.
        batch_tokens: The largest batch in tokens, </s> and padding counted.
        max_length: The longest training sentence, in tokens; evaluation has no such limit.
        fractions: The shares for validation and test where the text is not split already.
        seed: The seed of that split; the order of batches follows the run's own.
        num_workers: How many processes put training batches together; 0 for none but this one.
        encoder_tokenizer: What makes the tokens that the encoder reads, where these are others
            than the decoder's, as with a pretrained encoder.
    """

    def __init__(
        self,
        text: str | list[str] | None = None,
        text_column: str | None = None,
        label_column: str | None = None,
        tokenizer: Tokenizer | None = None,
        batch_size: int | None = None,
        batch_tokens: int | None = None,
        max_length: int = 256,
        fractions: tuple[float, float] = (0.05, 0.05),
        seed: int = 0,
        num_workers: int = 0,
        encoder_tokenizer: Tokenizer | None = None,
    ) -> None:
        super().__init__(
            tokenizer, batch_size, batch_tokens, max_length, num_workers, encoder_tokenizer
        )

        if not (min(fractions) > 0 and sum(fractions) < 1):
            raise ValueError(f"'fractions' must be positive, their sum under 1, got {fractions}.")

        self.text = text
        self.columns = Columns(text_column, label_column)
        self.fractions = fractions
        self.seed = seed

    def source(self) -> Source:
        texts = [self.text] if isinstance(self.text, str) else self.text
        if not texts:
            raise UsageError("no text: name a file, one sentence a line, by --data.text")
        unk_token = self.given_tokenizer.unk_token if self.given_tokenizer else None
        return find_source(texts, self.fractions, self.seed, self.columns, unk_token)

    def floor(self, split: str) -> float | None:
        return None


class GrammarData(SentenceData):
    """The embedded default: English-like sentences from a grammar whose entropy is known.

    Arguments:
        train_size: How many sentences to draw for training.
        valid_size: How many for validation.
        test_size: How many for the test.
        tokenizer: What makes tokens of text; None takes WordTokenizer, which loses nothing here.
        batch_size: The largest batch in sentences; 32 if neither limit is given.
        batch_tokens: The largest batch in tokens, </s> and padding counted.
        seed: The seed of the draw; the order of batches follows the run's own.
        num_workers: How many processes put training batches together; 0 for none but this one.
        encoder_tokenizer: What makes the tokens that the encoder reads, where these are others
            than the decoder's, as with a pretrained encoder.
        label: The factor that is the label of each sentence: topic, mood, tense, number, polarity
            ...; null for none.
    """

    def __init__(
        self,
        train_size: int = 12_000,
        valid_size: int = 1_000,
        test_size: int = 1_000,
        tokenizer: Tokenizer | None = None,
        batch_size: int | None = None,
        batch_tokens: int | None = None,
        seed: int = 0,
        num_workers: int = 0,
        encoder_tokenizer: Tokenizer | None = None,
        label: str | None = None,
    ) -> None:
        longest = 256  # no sentence of the grammar comes near
        super().__init__(
            tokenizer or WordTokenizer(),
            batch_size,
            batch_tokens,
            longest,
            num_workers,
            encoder_tokenizer,
        )

        self.sizes = {"train": train_size, "valid": valid_size, "test": test_size}
        for split, size in self.sizes.items():
            if size < 2:
                raise ValueError(f"'{split}_size' must be at least 2, got {size}.")
        self.label = label
        self.seed = seed

    def source(self) -> Source:
        return GrammarSource(english(), self.sizes, self.seed, self.label)

    def floor(self, split: str) -> float | None:
        texts = self.texts(split)
        return -sum(map(english().log_prob, texts)) / len(texts)

    def factors(self, split: str) -> dict[str, list[str]]:
        """What each sentence of a split says: its topic, mood, tense, subject and so on."""
        parses = [english().parse(text)[0].factors for text in self.texts(split)]
        return {name: [parse[name] for parse in parses] for name in parses[0]}
