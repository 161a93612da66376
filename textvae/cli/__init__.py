"""The command line: ``textvae COMMAND ...``.

Nothing heavy is imported before a command needs it, so that help answers at once.
"""

__all__ = ["COMMANDS", "main"]

import difflib
import importlib
import os
import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Sequence
from typing import NoReturn

from .. import __version__
from ..errors import TrainingError, UsageError

COMMANDS = {
    "train": "train a model on a text file and report its numbers",
    "evaluate": "report the numbers of a trained model",
    "compare": "train several methods alike and say which to take",
    "reconstruct": "encode sentences and decode them again",
    "interpolate": "decode the way from one sentence to another",
    "sample": "write new sentences",
    "encode": "turn sentences into latent vectors",
    "decode": "turn latent vectors into sentences",
    "neighbors": "find the sentences of a corpus nearest to one",
    "analogy": "write what is to C as B is to A",
    "traverse": "walk along one direction of the latent space",
    "perturb": "write sentences around one",
    "infill": "fill the blank of a sentence",
    "transfer": "give sentences another label",
    "novelty": "say how much of what a model writes is copied",
    "probe": "say how well latents tell labels",
    "export": "write sentences and latents into one file",
    "plot": "draw a latent space",
    "data": "show what a text file holds and how it is read",
}
"""Each command is the module of that name: ``DESCRIPTION``, ``add_arguments`` and ``run``."""


class Parser(ArgumentParser):
    """A parser whose errors are one line each, with the nearest name that exists."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(message)

    def nearest(self, arguments: Sequence[str]) -> str:
        """The options that the first of `arguments` may have meant, for an error message."""
        options = [name for action in self._actions for name in action.option_strings]
        near = difflib.get_close_matches(arguments[0].split("=")[0], options, 1)
        return f"; did you mean {near[0]}?" if near else ""


def main(argv: Sequence[str] | None = None) -> int:
    """Runs a command and returns its exit code: 0, 1 failed, 2 misused, 130 interrupted."""
    argv = list(sys.argv[1:] if argv is None else argv)
    name = f"textvae {argv[0]}" if argv and argv[0] in COMMANDS else "textvae"
    debug = os.environ.get("TEXTVAE_DEBUG") == "1"
    try:
        return dispatch(argv)
    except (UsageError, TrainingError) as error:
        if debug:
            raise
        print(f"{name}: {' '.join(str(error).split())}", file=sys.stderr)
        return 2 if isinstance(error, UsageError) else 1
    except KeyboardInterrupt:
        print(f"{name}: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader, head for one, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def dispatch(argv: Sequence[str]) -> int:
    """Runs the command that the first argument names."""
    for number, argument in enumerate(argv, 1):
        try:
            argument.encode()
        except UnicodeEncodeError as error:
            raise UsageError(
                f"argument {number}, {argument!a}, is not UTF-8; set the terminal to it, or "
                "convert the text (iconv -f LATIN1 -t UTF-8, say)"
            ) from error
    if not argv or argv[0] in ("-h", "--help"):
        print(overview())
        return 0
    if argv[0] == "--version":
        print(f"textvae {__version__}")
        return 0
    if argv[0] not in COMMANDS:
        near = difflib.get_close_matches(argv[0], COMMANDS, 1)
        mend = f"did you mean {near[0]}?" if near else f"commands: {', '.join(COMMANDS)}"
        raise UsageError(f"no command {argv[0]}; {mend}")

    command = importlib.import_module(f".{argv[0]}", __name__)
    if argv[0] in ("train", "compare"):  # their options follow from the parts of a model
        return command.run(list(argv[1:]))
    parser = Parser(
        prog=f"textvae {argv[0]}",
        description=command.DESCRIPTION,
        formatter_class=RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    command.add_arguments(parser)
    arguments, unknown = parser.parse_known_intermixed_args(argv[1:])
    if unknown:
        raise UsageError(f"no option {unknown[0]}{parser.nearest(unknown)}")
    try:
        command.run(arguments)
    except (MemoryError, RuntimeError) as error:
        if not lacks_memory(error):
            raise
        raise UsageError(
            "this needs more memory than there is; ask for less at once, such as a smaller -n, "
            "--steps or --beam-size, or fewer sentences"
        ) from error
    sys.stdout.flush()
    return 0


def lacks_memory(error: Exception) -> bool:
    """Whether memory did not suffice, for which torch has no class of its own on a CPU."""
    told = ("can't allocate memory", "not enough memory", "out of memory")
    return isinstance(error, MemoryError) or any(words in str(error) for words in told)


def overview() -> str:
    """What ``textvae --help`` prints."""
    width = max(map(len, COMMANDS))
    lines = [f"  {name:<{width}}  {summary}" for name, summary in COMMANDS.items()]
    return "\n".join(
        [
            "Sentence variational auto-encoders: train, measure, interpolate.",
            "",
            "usage: textvae COMMAND ...    (textvae COMMAND --help explains one)",
            "",
            *lines,
            "",
            "textvae train with no argument trains on an embedded corpus in about a minute.",
        ]
    )
