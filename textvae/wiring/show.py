"""What a model writes, for a reader."""

__all__ = ["show"]

from collections.abc import Sequence

from ..api import TextVAE

SENTENCES, STEPS = 5, 7


def show(vae: TextVAE, texts: Sequence[str]) -> str:
    """Reconstructions and an interpolation of some sentences, and samples from the prior.

    Arguments:
        vae: The model.
        texts: Sentences that it was not trained on.

    Returns:
        Lines of plain text.
    """
    lines = []
    if vae.latent_dim > 0:
        chosen = list(texts[:SENTENCES])
        lines.append("Reconstructions (greedy, from the mode of the posterior)")
        for text, back in zip(chosen, vae.reconstruct(chosen), strict=True):
            lines += [f"  {text}", f"    -> {back}"]
        lines += ["", "Interpolation between the first two"]
        lines += [f"  {text}" for text in vae.interpolate(*chosen[:2], steps=STEPS)]
        lines.append("")
    lines.append("Samples")
    lines += [f"  {text}" for text in vae.sample(SENTENCES)]
    return "\n".join(lines) + "\n"
