"""``textvae plot``."""

__all__ = ["DESCRIPTION", "add_arguments", "run"]

from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

from ..console import note
from ..errors import UsageError
from .common import add_run, at_least, load, print_json, read_given
from .corpora import add_corpus, read_corpus, refuse_label

if TYPE_CHECKING:
    from ..api import TextVAE

DESCRIPTION = """Draws a latent space, as PNG or SVG: a map of sentences, the divergence of each
dimension, or how likely each line of an interpolation is on the way.

  textvae plot mine map --out map.png --color-by length
  textvae plot mine kl --out kl.svg
  textvae plot mine interpolation "the cat sat ." "a dog ran ." --out way.png"""


def add_arguments(parser: ArgumentParser) -> None:
    """Declares the options."""
    add_run(parser)
    parser.add_argument("figure", choices=["map", "kl", "interpolation"], help="what to draw")
    parser.add_argument("sentences", nargs="*", metavar="SENTENCE", help="both ends of the way")
    parser.add_argument("--out", required=True, metavar="FILE", help="a .png or .svg file")
    parser.add_argument(
        "--color-by", choices=["label", "length"], help="of a map; label where there are labels"
    )
    parser.add_argument("--method", choices=["pca", "umap"], default="pca", help="of a map (pca)")
    parser.add_argument("--steps", type=at_least(int, 2), default=9, help="of the way (9)")
    parser.add_argument("--seed", type=at_least(int, 0), default=0, help="of umap (0)")
    add_corpus(parser, "test")


def run(arguments: Namespace) -> None:
    """Runs the command."""
    from ..operations.plot import check_name

    check_name(arguments.out)
    if arguments.figure == "interpolation":
        sentences = read_given(arguments)
        if len(sentences) != 2:
            raise UsageError(f"the way goes between two sentences, got {len(sentences)}")
        draw_way(load(arguments, sentences), sentences, arguments)
    elif arguments.sentences:
        raise UsageError(f"sentences are for interpolation; a {arguments.figure} takes --text")
    else:
        by_label = arguments.figure == "map" and arguments.color_by == "label"
        texts, labels = read_corpus(arguments, labelled=by_label)
        refuse_label(arguments, labels)
        vae = load(arguments)
        if arguments.figure == "map":
            draw_map(vae, texts, labels, arguments)
        else:
            draw_kl(vae, texts, labels, arguments)
    note(f"wrote {arguments.out}")
    if arguments.json:
        print_json({"file": arguments.out})


def draw_map(
    vae: "TextVAE", texts: list[str], labels: list[str] | None, arguments: Namespace
) -> None:
    """Draws the latents of sentences in two dimensions."""
    from ..operations.plot import plot_map

    kind = arguments.color_by or ("length" if labels is None else "label")
    lengths = [len(tokens) for tokens in vae.tokenizer.encode(texts)]
    values, name = (labels, "label") if kind == "label" else (lengths, "tokens")
    z = vae.encode(texts, vae.wanted(labels)).cpu().numpy()
    plot_map(arguments.out, z, values, name, arguments.method, arguments.seed)


def draw_kl(
    vae: "TextVAE", texts: list[str], labels: list[str] | None, arguments: Namespace
) -> None:
    """Draws the mean divergence of each dimension."""
    from ..operations.lines import kl_per_dim
    from ..operations.plot import plot_kl

    plot_kl(arguments.out, kl_per_dim(vae, texts, vae.wanted(labels)).tolist())


def draw_way(vae: "TextVAE", sentences: list[str], arguments: Namespace) -> None:
    """Draws an interpolation."""
    from ..operations.lines import way
    from ..operations.plot import plot_interpolation

    lines, log_probs = way(vae, *sentences, steps=arguments.steps)
    plot_interpolation(arguments.out, lines, log_probs.numpy())
