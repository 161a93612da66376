"""A model as a transformer of scikit-learn."""

__all__ = ["SentenceEncoder"]

import json
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from .api import TextVAE
from .errors import UsageError


class SentenceEncoder(TransformerMixin, BaseEstimator):
    """Turns sentences into latent vectors, in a pipeline of scikit-learn.

    Without `run`, :meth:`fit` trains a model on the sentences that it is given.

    Arguments:
        run: A trained run, a model folder, or a model of the hub.
        options: Those of ``textvae train``, such as ``["--trainer.max_epochs", "5"]``.
        device: Where to compute.

    Example:
        >>> from sklearn.linear_model import LogisticRegression
        >>> from sklearn.pipeline import make_pipeline
        >>> from textvae.sklearn import SentenceEncoder
        >>> model = make_pipeline(SentenceEncoder("runs/mine"), LogisticRegression())
    """

    def __init__(
        self, run: str | None = None, options: Sequence[str] = (), device: str = "cpu"
    ) -> None:
        self.run = run
        self.options = options
        self.device = device

    def fit(self, X: Iterable[str], y: Any = None) -> Self:
        """Loads the model, or trains one on the sentences `X`."""
        if self.run is not None and self.options:
            raise UsageError("'options' are for training: leave them out, or 'run'")
        model = TextVAE.load(self.run) if self.run is not None else self._train(list(X))
        self.model_ = model.to(self.device)
        return self

    def transform(self, X: Iterable[str]) -> np.ndarray:
        """The modes of the posteriors of the sentences, with shape (N, D)."""
        check_is_fitted(self)
        return self.model_.encode(X if isinstance(X, str) else list(X)).cpu().numpy()

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """The names of the latent dimensions."""
        check_is_fitted(self)
        return np.array([f"z{i}" for i in range(self.model_.latent_dim)], dtype=object)

    def _train(self, texts: list[str]) -> TextVAE:
        from .wiring.request import parse
        from .wiring.train import train

        with tempfile.TemporaryDirectory() as place:
            folder = Path(place)
            # As JSON, in which a sentence with a line break is still one.
            rows = (json.dumps({"text": text}) + "\n" for text in texts)
            (folder / "text.jsonl").write_text("".join(rows), encoding="utf-8")
            argv = ["--text", str(folder / "text.jsonl"), "--name", str(folder / "run")]
            request = parse([*argv, *self.options])
            train(request.config, request.run)
            return TextVAE.load(folder / "run")
