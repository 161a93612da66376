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
from .data.batching import collate, length_batches
from .data.pairs import Pairs
from .data.tokenizer import Tokenizer
from .decoding import STRATEGIES, decode
from .errors import UsageError
from .metrics import Evaluation, evaluate, score
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
    ) -> None:
        self.vae = vae.eval()
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

    def to(self, device: torch.device | str) -> "TextVAE":
        """Moves the model to a device."""
        self.vae.to(device)
        return self

    @torch.no_grad()
    def encode(self, texts: Sequence[str]) -> Tensor:
        """The mode of the posterior of each sentence.

        Arguments:
            texts: N sentences.

        Returns:
            The latents, with shape (N, D), on the model's device.

        Raises:
            UsageError: If the model is a language model.
        """
        self._check_latent("encode")
        sentences = self.tokens(texts)
        z = torch.zeros(len(sentences), self.latent_dim, device=self.device)
        lengths = [len(sentence) + 1 for sentence in sentences]
        for rows in length_batches(lengths, max_tokens=BATCH_TOKENS):
            batch = collate([sentences[row] for row in rows], rows).to(self.device)
            z[rows] = self.vae.encode(batch).float()
        return z

    def decode(self, z: Tensor, strategy: STRATEGIES = "greedy", **options: Any) -> list[str]:
        """Writes a sentence for each latent.

        Arguments:
            z: The latents, with shape (N, D).
            strategy: greedy, beam or sample.
            options: Those of :func:`textvae.decoding.decode`: max_length, beam_size, temperature,
                top_k, top_p, seed ...

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
        return self.tokenizer.decode(decode(self.vae.decoder, z, strategy, **options))

    def reconstruct(
        self, texts: Sequence[str], strategy: STRATEGIES = "greedy", **options: Any
    ) -> list[str]:
        """Encodes each sentence and decodes its latent; options as for :meth:`decode`."""
        return self.decode(self.encode(texts), strategy, **options)

    def interpolate(
        self,
        start: str,
        end: str,
        steps: int = 7,
        path: interpolation.PATHS | None = None,
        strategy: STRATEGIES = "greedy",
        **options: Any,
    ) -> list[str]:
        """Writes the sentences on the way from one to another.

        Arguments:
            start: The sentence to start from.
            end: The sentence to end at.
            steps: The number of sentences, both ends included, which are decoded too.
            path: linear or spherical; None takes that of the prior's space.
            strategy: greedy, beam or sample.
            options: As for :meth:`decode`.

        Raises:
            UsageError: If a sentence is empty, or both stand opposite on a sphere.
        """
        for text in (start, end):
            if not text.strip():
                raise UsageError("cannot interpolate an empty sentence; give two sentences")
        self._check_latent("interpolate")
        z_start, z_end = self.encode([start, end])
        kind = path or self.vae.prior.path
        return self.decode(interpolation.path(z_start, z_end, steps, kind), strategy, **options)

    @torch.no_grad()
    def sample(
        self, n: int = 10, strategy: STRATEGIES = "sample", seed: int = 0, **options: Any
    ) -> list[str]:
        """Draws latents from the prior and writes a sentence for each.

        Arguments:
            n: The number of sentences.
            strategy: greedy, beam or sample.
            seed: The seed of the latents and of sampling.
            options: As for :meth:`decode`.
        """
        with torch.random.fork_rng([]):
            torch.default_generator.manual_seed(seed)  # and no GPU's, whose state is not kept
            z = torch.zeros(n, 0) if self.vae.prior is None else self._prior_on_cpu((n,))
            # Another seed for the words: the same one would draw them by the numbers behind z.
            seed = int(torch.randint(2**31, ()))
        return self.decode(z, strategy, seed=seed, **options)

    def _prior_on_cpu(self, shape: tuple[int, ...]) -> Tensor:
        """Draws from the prior with the CPU's generator, so that a seed means one thing."""
        device = self.device
        z = self.vae.prior.cpu()().sample(shape)
        self.vae.prior.to(device)
        return z

    def score(self, texts: Sequence[str], samples: int = 500, seed: int = 0) -> Tensor:
        """The importance-weighted negative log-likelihood of each sentence.

        Arguments:
            texts: N sentences.
            samples: The latent samples S of each; the bound tightens as S grows.
            seed: The seed of the samples.

        Returns:
            Nats per sentence, ``</s>`` included, with shape (N,).
        """
        return score(self.vae, self.tokens(texts), samples=samples, seed=seed)

    def evaluate(
        self,
        texts: Sequence[str],
        samples: int = 500,
        seed: int = 0,
        split: str = "text",
        floor: float | None = None,
        precision: str = "32",
        progress: Callable[[float], None] | None = None,
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
        """
        return evaluate(
            self.vae,
            self.tokens(texts),
            texts,
            self.decode,
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

    def tokens(self, texts: Sequence[str]) -> Sequence[Sequence[int]]:
        """The tokens of each sentence, those that the encoder reads beside them where it has its
        own."""
        if isinstance(texts, str):  # else each of its characters would be a sentence
            raise TypeError("Sentences come in a list: put a single one into brackets.")
        tokens = self.tokenizer.encode(list(texts))
        if self.encoder_tokenizer is None:
            return tokens
        return Pairs(tokens, self.encoder_tokenizer.encode(list(texts)))

    def _check_latent(self, verb: str) -> None:
        if self.latent_dim == 0:
            raise UsageError(f"a language model has no latents, so there is nothing to {verb}")


load = TextVAE.load
