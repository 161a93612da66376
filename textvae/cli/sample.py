"""``textvae sample``."""

__all__ = ["DESCRIPTION", "add_arguments", "run"]

from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING, Any

from ..errors import UsageError
from .common import add_decoding, add_run, at_least, decoding_of, load, print_lines
from .corpora import add_corpus, read_corpus

if TYPE_CHECKING:
    from ..api import TextVAE

DESCRIPTION = """Writes new sentences, each from a latent that is drawn from the prior.

With --label a conditional model writes sentences of that label. For any other model a classifier
learns the label from the latents of a labelled corpus, and what is drawn is p(z | label).

  textvae sample mine -n 5
  textvae sample reviews --label positive
  textvae sample mine --label positive --text reviews.tsv --label-column stars"""


def add_arguments(parser: ArgumentParser) -> None:
    """Declares the options."""
    add_run(parser)
    parser.add_argument("-n", type=at_least(int, 1), default=10, help="how many (10)")
    parser.add_argument(
        "--strength",
        type=at_least(float, 0),
        help="of a classifier: over 1 leaves out what is in doubt (1)",
    )
    add_corpus(parser, "train")
    parser.set_defaults(split=None)  # so that one that is given can be told
    add_decoding(parser, default="sample")


def run(arguments: Namespace) -> None:
    """Runs the command."""
    options = decoding_of(arguments)
    label, arguments.label = arguments.label, None  # which load would refuse another model
    vae = load(arguments)
    if label is not None and not vae.labels:
        print_lines(arguments, classified(vae, label, arguments, options))
        return
    for name in ("text", "split", "text_column", "label_column", "strength"):
        if getattr(arguments, name) is not None:
            option = name.replace("_", "-")
            raise UsageError(f"--{option} is for a --label that the model itself does not know")
    print_lines(arguments, vae.sample(arguments.n, label=label, **options))


def classified(
    vae: "TextVAE", label: str, arguments: Namespace, options: dict[str, Any]
) -> list[str]:
    """Samples of a label by a classifier of latents."""
    arguments.split = arguments.split or "train"
    texts, labels = read_corpus(arguments, labelled=True)

    from ..operations import fit_classifier, sample_label

    classifier = fit_classifier(vae, texts, labels, label, options["seed"])
    strength = 1.0 if arguments.strength is None else arguments.strength
    return sample_label(vae, classifier, arguments.n, strength, **options)
