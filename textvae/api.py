"""What a user calls: a model with its tokenizer, on strings."""

__all__ = ["TextVAE", "load"]

import json
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from . import hub, interpolation
from .card import model_card
from .data.batching import check_room, collate, length_batches
from .data.pairs import Pairs
from .data.tokenizer import Tokenizer
from .decoding import STRATEGIES, decode
from .errors import UsageError
from .labels import Label, numbered
from .metrics import Evaluation, evaluate, score
from .nn import PRECISIONS, mixed
from .runs import read_report, write_json, write_text
from .storage import load_model, save_model
from .vae import SentenceVAE

BATCH_TOKENS = 16_384
"""The padded tokens that are encoded at once."""


class TextVAE:
    """A sentence VAE that reads and writes strings.

    Everything is batched: sentences are sorted by length inside, and results come in the order
    of the arguments.

    Arguments:
        vae: The model.
        tokenizer: Its tokenizer.
        encoder_tokenizer: The encoder's own, where it reads other tokens than the decoder writes.
        label: What a conditional model takes for the label of every sentence of which none is
            named; see :meth:`given`.

    Example:
        >>> import textvae
        >>> vae = textvae.load("runs/mine")  # doctest: +SKIP
        >>> vae.interpolate("the cat sat .", "a dog ran .", steps=5)  # doctest: +SKIP
    """

    def __init__(
        self,
        vae: SentenceVAE,
        tokenizer: Tokenizer,
        encoder_tokenizer: Tokenizer | None = None,
        label: str | None = None,
    ) -> None:
        self.vae = vae.eval()
        self.label = label
        self.tokenizer = tokenizer
        self.encoder_tokenizer = encoder_tokenizer
        self.report: dict[str, Any] | None = None
        """The report of the run that the model is of, where it has one."""

    @property
    def device(self) -> torch.device:
        """Where the model computes."""
        return next(self.vae.parameters()).device

    @property
    def latent_dim(self) -> int:
        """The number of latent dimensions; 0 for a language model."""
        return self.vae.latent_dim

    @property
    def labels(self) -> list[str]:
        """The labels that a conditional model knows; none for another."""
        return [] if self.vae.labels is None else self.vae.labels.names

    def given(self, label: str) -> "TextVAE":
        """The conditional model given a label: all that is asked of it is asked for that label.

        Raises:
            UsageError: If training did not know the label, or the model takes none.
        """
        self._numbers(1, label)
        model = TextVAE(self.vae, self.tokenizer, self.encoder_tokenizer, label)
        model.report = self.report
        return model

    def wanted(self, labels: Sequence[str] | None) -> Sequence[str] | None:
        """The labels of sentences where the model is conditional on them, else None."""
        return labels if self.labels else None

    def to(self, device: torch.device | str) -> "TextVAE":
        """Moves the model to a device."""
        self.vae.to(device)
        return self

    @torch.no_grad()
    def encode(
        self, texts: Sequence[str], label: Label = None, precision: PRECISIONS = "32"
    ) -> Tensor:
        """The mode of the posterior of each sentence.

        Arguments:
            texts: N sentences.
            label: Their label, or the label of each, in a conditional model.
            precision: 32; or bf16-mixed, or on a GPU 16-mixed, to be faster.

        Returns:
            The latents, with shape (N, D), on the model's device.

        Raises:
            UsageError: If the model is a language model, the labels are not such as it takes, or
                the device has no such precision.
        """
        self._check_latent("encode")
        sentences = self.tokens(texts, label)
        z = torch.zeros(len(sentences), self.latent_dim, device=self.device)
        lengths = [len(sentence) + 1 for sentence in sentences]
        with mixed(self.device, precision):
            for rows in length_batches(lengths, max_tokens=BATCH_TOKENS):
                batch = collate([sentences[row] for row in rows], rows).to(self.device)
                z[rows] = self.vae.encode(batch).float()
        return z

    def decode(
        self,
        z: Tensor,
        strategy: STRATEGIES = "greedy",
        label: Label = None,
        **options: Any,
    ) -> list[str]:
        """Writes a sentence for each latent.

        Arguments:
            z: The latents, with shape (N, D).
            strategy: greedy, beam or sample.
            label: Their label, or the label of each, in a conditional model.
            options: Those of :func:`textvae.decoding.decode`: max_length, beam_size, temperature,
                top_k, top_p, seed ...; and precision, which is 32, or bf16-mixed to write faster
                what is all but the same.

        Returns:
            N sentences.

        Raises:
            UsageError: If the latents have the wrong shape.
        """
        z = torch.as_tensor(z, dtype=torch.float32, device=self.device)
        if z.ndim != 2 or z.shape[1] != self.latent_dim:
            raise UsageError(
                f"latents have shape (N, {self.latent_dim}) for this model, got {tuple(z.shape)}"
            )
        return self._write(self.for_decoder(z, label), strategy, **options)

    def _write(
        self,
        given: Tensor,
        strategy: STRATEGIES = "greedy",
        precision: PRECISIONS = "32",
        **options: Any,
    ) -> list[str]:
        with mixed(given.device, precision):
            tokens = decode(self.vae.decoder, given, strategy, **options)
        return self.tokenizer.decode(tokens)

    def for_decoder(self, z: Tensor, label: Label = None) -> Tensor:
        """Latents as the decoder takes them: with their labels, if the model is conditional."""
        numbers = self._numbers(len(z), label)
        return z if numbers is None else self.vae.given(z, torch.tensor(numbers).to(z.device))

    def reconstruct(
        self,
        texts: Sequence[str],
        strategy: STRATEGIES = "greedy",
        label: Label = None,
        **options: Any,
    ) -> list[str]:
        """Encodes each sentence and decodes its latent; arguments as for :meth:`decode`."""
        return self.decode(self.encode(texts, label), strategy, label, **options)

    def interpolate(
        self,
        start: str,
        end: str,
        steps: int = 7,
        path: interpolation.PATHS | None = None,
        strategy: STRATEGIES = "greedy",
        label: Label = None,
        **options: Any,
    ) -> list[str]:
        """Writes the sentences on the way from one to another.

        Arguments:
            start: The sentence to start from.
            end: The sentence to end at.
            steps: The number of sentences, both ends included, which are decoded too.
            path: linear or spherical; None takes that of the prior's space.
            strategy: greedy, beam or sample.
            label: As for :meth:`encode`; on the way stands the label of the nearer end.
            options: As for :meth:`decode`.

        Raises:
            UsageError: If a sentence is empty, or both stand opposite on a sphere.
        """
        for text in (start, end):
            if not text.strip():
                raise UsageError("cannot interpolate an empty sentence; give two sentences")
        self._check_latent("interpolate")
        z_start, z_end = self.encode([start, end], label)
        z = interpolation.path(z_start, z_end, steps, path or self.vae.prior.path)
        if label is not None and not isinstance(label, str):
            label = [label[0]] * (steps - steps // 2) + [label[1]] * (steps // 2)
        return self.decode(z, strategy, label, **options)

    @torch.no_grad()
    def sample(
        self,
        n: int = 10,
        strategy: STRATEGIES = "sample",
        seed: int = 0,
        label: Label = None,
        **options: Any,
    ) -> list[str]:
        """Draws latents from the prior and writes a sentence for each.

        Arguments:
            n: The number of sentences.
            strategy: greedy, beam or sample.
            seed: The seed of the latents and of sampling.
            label: As for :meth:`encode`, but that None takes all labels in turn.
            options: As for :meth:`decode`.
        """
        if label is None and self.label is None and self.labels:
            label = [self.labels[i % len(self.labels)] for i in range(n)]
        with torch.random.fork_rng([]):
            torch.default_generator.manual_seed(seed)  # and no GPU's, whose state is not kept
            z = torch.zeros(n, 0) if self.vae.prior is None else self.draw(n, label)
            # Another seed for the words: the same one would draw them by the numbers behind z.
            seed = int(torch.randint(2**31, ()))
        return self.decode(z, strategy, label, seed=seed, **options)

    @torch.no_grad()
    def draw(self, n: int, label: Label = None) -> Tensor:
        """Draws n latents from p(z), or p(z | y), by the CPU's generator on any device, so that a
        seed means one thing: with shape (N, D), on the CPU."""
        numbers, device = self._numbers(n, label), self.device
        parts = [part for part in (self.vae.prior, self.vae.labels) if part is not None]
        for part in parts:
            part.cpu()
        p = self.vae.prior_of(None if numbers is None else torch.tensor(numbers))
        z = p.sample(() if p.batch_shape else (n,))
        for part in parts:
            part.to(device)
        return z

    def score(
        self,
        texts: Sequence[str],
        samples: int = 500,
        seed: int = 0,
        label: Label = None,
    ) -> Tensor:
        """The importance-weighted negative log-likelihood of each sentence.

        Arguments:
            texts: N sentences.
            samples: The latent samples S of each; the bound tightens as S grows.
            seed: The seed of the samples.
            label: As for :meth:`encode`; the likelihood is then that given the label.

        Returns:
            Nats per sentence, ``</s>`` included, with shape (N,).
        """
        sentences = self._tokens_to_score(texts, label)
        return score(self.vae, sentences, samples=samples, seed=seed)

    def evaluate(
        self,
        texts: Sequence[str],
        samples: int = 500,
        seed: int = 0,
        split: str = "text",
        floor: float | None = None,
        precision: PRECISIONS = "32",
        progress: Callable[[float], None] | None = None,
        label: Label = None,
    ) -> Evaluation:
        """Every number of the protocol, over the whole of `texts`.

        Arguments:
            texts: The sentences of a split.
            samples: The latent samples S of the importance-weighted likelihood.
            seed: The seed of everything random.
            split: What the protocol calls these sentences.
            floor: The best reachable NLL of these sentences in nats, where it is known.
            precision: 32; or bf16-mixed, or on a GPU 16-mixed, to be faster.
            progress: Called with the share that is done.
            label: As for :meth:`encode`; every number is then given the label.
        """
        return evaluate(
            self.vae,
            self._tokens_to_score(texts, label),
            texts,
            self._write,
            samples=samples,
            seed=seed,
            split=split,
            floor=floor,
            precision=precision,
            lost=self.tokenizer.count_lost(texts),
            progress=progress,
        )

    def save(self, folder: str | Path) -> None:
        """Writes the model into a folder that is complete in itself."""
        save_model(folder, self.vae, self.tokenizer, self.encoder_tokenizer)

    def save_pretrained(self, folder: str | Path, name: str | None = None) -> None:
        """Writes the model into a folder for others, with its report and a model card.

        Arguments:
            folder: Where to.
            name: What the card calls it; the folder's name if None.
        """
        folder = Path(folder)
        self.save(folder)
        described = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        parts = {key: value for key, value in described.items() if key != "format"}
        card = model_card(name or folder.name, parts, self.latent_dim, self.report)
        write_text(folder / "README.md", card)
        if self.report is not None:
            write_json(folder / "report.json", self.report)

    def save_sentence_transformer(self, folder: str | Path) -> bool:
        """Writes the encoder as a folder for sentence-transformers, which embeds by ``q.mode``.

        Returns:
            Whether that library loads it as it is; else it does with ``trust_remote_code=True``,
            where textvae is installed.
        """
        # Here, because only this needs it.
        from .sentence_folder import write_sentence_folder

        return write_sentence_folder(
            Path(folder), self.vae, self.tokenizer, self.encoder_tokenizer
        )

    @classmethod
    def load(cls, folder: str | Path, foreign: bool = False) -> "TextVAE":
        """Reads the model of a run, of a model folder, of the name of a run, or of a repository of
        the Hugging Face hub, such as someone/something, where there is no such folder.

        Arguments:
            folder: The folder or name.
            foreign: Whether it is a stranger's, as a model of the hub always is. It runs no code
                but ours: a part of another module must be imported before.

        Raises:
            UsageError: If there is none, or it is damaged.
        """
        found, from_hub = hub.locate(str(folder))
        model = cls(*load_model(found, foreign or from_hub))
        model.report = read_report(found)
        return model

    from_pretrained = load
    """The name that users of `transformers` know."""

    def push_to_hub(self, repository: str, private: bool = False) -> str:
        """Uploads the model to the Hugging Face hub, as the user who is logged in there.

        Arguments:
            repository: Its name, such as someone/something; it is made if need be.
            private: Whether a new repository is private.

        Returns:
            Its address.
        """
        with tempfile.TemporaryDirectory() as folder:
            self.save_pretrained(Path(folder) / "model", repository)
            return hub.upload(Path(folder) / "model", repository, private)

    def tokens(self, texts: Sequence[str], label: Label = None) -> Sequence[Sequence[int]]:
        """The tokens of each sentence; beside them those that the encoder reads where it has its
        own, and the number of its label where the model is conditional."""
        if isinstance(texts, str):  # else each of its characters would be a sentence
            raise TypeError("Sentences come in a list: put a single one into brackets.")
        texts = list(texts)
        for i, text in enumerate(texts):
            if not isinstance(text, str):
                raise TypeError(f"Sentence {i + 1} is no text: {text!r}.")
        tokens, numbers = self.tokenizer.encode(texts), self._numbers(len(texts), label)
        read = self.encoder_tokenizer and self.encoder_tokenizer.encode(texts)
        check_room(read or tokens, self.vae.encoder and self.vae.encoder.max_tokens, "encoder")
        return tokens if read is None and numbers is None else Pairs(tokens, read, numbers)

    def _tokens_to_score(self, texts: Sequence[str], label: Label) -> Sequence[Sequence[int]]:
        sentences = self.tokens(texts, label)
        check_room(sentences, self.vae.decoder.max_tokens, "decoder")
        return sentences

    def _numbers(self, count: int, label: Label) -> list[int] | None:
        return numbered(self.vae.labels, count, self.label if label is None else label)

    def _check_latent(self, verb: str) -> None:
        if self.latent_dim == 0:
            raise UsageError(f"a language model has no latents, so there is nothing to {verb}")


load = TextVAE.load
