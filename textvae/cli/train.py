"""``textvae train``."""

__all__ = ["run"]

import os
from collections.abc import Sequence

from ..console import note

HELP = """usage: textvae train [--text FILE] [--name NAME] [--config NAME] [--GROUP.OPTION VALUE]

Trains a model on a text file and reports its numbers, or, without --text, on an embedded corpus.

  --text FILE ...    text, one sentence a line, or TSV, CSV, JSONL, Parquet, compressed or not;
                     a folder with {train,valid,test}.txt; hf:owner/name; - for standard input
  --name NAME        the name of the run: its folder is runs/NAME
  --config NAME      a YAML file, or the name of a shipped configuration; several may be given
  --resume RUN       continue a run
  --seed N           the seed of everything random
  --samples S        the samples of the report's likelihood (500)
  --print_config     print what would run
  --profile          write a trace of some batches, and say in a line where their time goes

The parts of a run are groups of options, each a class and its arguments:
  data encoder posterior prior decoder auxiliary labels objective update optimizer lr_schedule
  trainer

  --posterior VonMisesFisherPosterior --posterior.concentration 80
  --trainer.max_epochs 20 --trainer.precision bf16-mixed
  --posterior.help BatchNormPosterior    explains one class

textvae train --help lists every option, after some seconds."""


def run(argv: Sequence[str]) -> int:
    """Trains as the options say, and prints the report and what the model writes."""
    if "-h" in argv:
        print(HELP)
        return 0

    # Before torch: else it warns of what some updates need, in each process, and of each profile.
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")
    os.environ.setdefault("KINETO_LOG_LEVEL", "6")
    from ..training.callbacks import Interrupted
    from ..wiring.processes import is_first
    from ..wiring.request import parse
    from ..wiring.train import train

    request = parse(argv)
    try:
        evaluation = train(request.config, request.run, request.resume, request.profile)
    except Interrupted:
        note(f"interrupted; continue with: textvae train --resume {request.run.folder}")
        return 130
    if not is_first():
        return 0
    print(evaluation.table())
    print()
    print(request.run.samples.read_text(encoding="utf-8"), end="")
    note(f"wrote {request.run.folder}")
    return 0
