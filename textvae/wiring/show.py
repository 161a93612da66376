"""What a model writes, for a reader."""

__all__ = ["show"]

from collections.abc import Sequence

from ..api import TextVAE
from ..console import one_line

SENTENCES, LABELS, STEPS = 5, 10, 7
"""How many are shown; of labels the first."""


def show(vae: TextVAE, texts: Sequence[str], labels: Sequence[str] | None = None) -> str:
    """Reconstructions and an interpolation of some sentences, and samples from the prior.

    Arguments:
        vae: The model.
        texts: Sentences that it was not trained on.
        labels: Their labels, if the model is conditional.

    Returns:
        Lines of plain text.
    """
    lines = []
    if vae.latent_dim > 0:
        chosen, of = list(texts[:SENTENCES]), labels and list(labels[:SENTENCES])
        lines.append("Reconstructions (greedy, from the mode of the posterior)")
        for text, back in zip(chosen, vae.reconstruct(chosen, label=of), strict=True):
            lines += [f"  {text}", f"    -> {back}"]
        lines += ["", "Interpolation between the first two"]
        way = vae.interpolate(*chosen[:2], steps=STEPS, label=of and of[:2])
        lines += [f"  {text}" for text in way]
        lines.append("")
    for label in vae.labels[:LABELS] or [None]:
        lines.append("Samples" if label is None else f"Samples of {label}")
        lines += [f"  {text}" for text in vae.sample(SENTENCES, label=label)]
    return "\n".join(map(one_line, lines)) + "\n"
