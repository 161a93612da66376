"""``textvae transfer``."""

__all__ = ["DESCRIPTION", "add_arguments", "run"]

from argparse import ArgumentParser, Namespace

from ..errors import UsageError
from .common import (
    add_decoding,
    add_given,
    add_run,
    at_least,
    decoding_of,
    load,
    print_lines,
    read_given,
)
from .corpora import add_corpus, read_corpus

DESCRIPTION = """Gives sentences another label. A conditional model encodes them with theirs and
decodes them with the other. Any other model moves latents, by a labelled corpus: by the difference
between the means of the labels, or as little as a classifier asks for.

  textvae transfer reviews "the food was cold ." --from 0 --to 1
  textvae transfer mine "the food was cold ." --from 0 --to 1 \\
      --text reviews.tsv --text-column 2 --label-column 1"""


def add_arguments(parser: ArgumentParser) -> None:
    """Declares the options."""
    add_run(parser)
    add_given(parser)
    parser.add_argument("--from", dest="source", required=True, help="the label that they have")
    parser.add_argument("--to", dest="target", required=True, help="the label to give them")
    parser.add_argument(
        "--by",
        choices=["label", "means", "classifier"],
        help="label for a conditional model, else means or classifier (means)",
    )
    parser.add_argument("--strength", type=at_least(float, 0), help="how far means go (1)")
    parser.add_argument(
        "--confidence", type=at_least(float, 1e-6, 1 - 1e-6), help="of a classifier (0.9)"
    )
    add_corpus(parser, "train")
    add_decoding(parser)


def run(arguments: Namespace) -> None:
    """Runs the command."""
    options = decoding_of(arguments)
    if arguments.label is not None:
        raise UsageError("--label: name the labels by --from and --to")
    sentences = read_given(arguments)
    vae = load(arguments, sentences)
    by = arguments.by or ("label" if vae.labels else "means")
    if vae.labels and by != "label":
        raise UsageError(f"--by {by} is for a model without labels; leave it out for this one")
    corpus = dict.fromkeys(("text", "text_column", "label_column"), "means or classifier")
    for name, ways in {"strength": "means", "confidence": "classifier", **corpus}.items():
        if getattr(arguments, name) is not None and by not in ways.split():
            raise UsageError(f"--{name.replace('_', '-')} is for --by {ways}, not {by}")

    from ..operations.control import check_seen, fit_classifier, guide
    from ..operations.transfer import means, relabel, transfer

    source, target = arguments.source, arguments.target
    if by == "label":
        lines = relabel(vae, sentences, source, target, **options)
    else:
        texts, labels = read_corpus(arguments, labelled=True)
        if by == "means":
            centres = means(vae, texts, labels)
            strength = 1.0 if arguments.strength is None else arguments.strength
            lines = transfer(vae, sentences, source, target, centres, strength, **options)
        else:
            check_seen(source, labels)
            classifier = fit_classifier(vae, texts, labels, target, options["seed"])
            confidence = 0.9 if arguments.confidence is None else arguments.confidence
            lines = guide(vae, sentences, classifier, confidence, **options)
    print_lines(arguments, lines)
