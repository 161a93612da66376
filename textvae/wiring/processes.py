"""The processes of a run: how many there are, what they need, and which of them speaks."""

__all__ = ["check_precision", "end_children", "is_first", "one_voice", "settle_processes"]

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from subprocess import TimeoutExpired
from typing import Any

import pytorch_lightning as pl
import torch
import torch.distributed as dist
from pytorch_lightning.accelerators import CPUAccelerator
from pytorch_lightning.utilities import rank_zero_only

from ..console import note
from ..errors import TrainingError, UsageError
from ..nn.precision import emulates_bf16
from ..training.callbacks import Interrupted

STRATEGIES = {
    "auto": "ddp_find_unused_parameters_true",
    "ddp": "ddp_find_unused_parameters_true",  # some updates leave parameters without gradient
    "ddp_find_unused_parameters_true": "ddp_find_unused_parameters_true",
    "ddp_find_unused_parameters_false": "ddp_find_unused_parameters_false",
}
"""What a run in several processes may ask for, and what it gets."""

PRECISIONS = ("None", "32", "32-true", "16", "16-mixed", "bf16", "bf16-mixed")
"""Those in which weights are float32: likelihoods, latents and what is saved rely on it."""

GRACE = 3.0
"""The seconds that other processes have to end by themselves, or to speak first."""


def is_first() -> bool:
    """Whether this is the process that writes and speaks, or the only one."""
    return rank_zero_only.rank == 0


def settle_processes(options: dict[str, Any]) -> None:
    """Makes the options of a trainer agree with whoever has started this process.

    Arguments:
        options: The options, which are changed in place.

    Raises:
        UsageError: If they contradict each other, or the processes could not find each other.
    """
    started = started_processes()
    asked = devices_asked(options), options["num_nodes"]
    if started is not None and asked != started and asked == (1, 1):
        options["devices"], options["num_nodes"] = started
        asked = started
    if started is not None and asked != started:
        raise UsageError(
            f"trainer.devices: {asked[0]} on {asked[1]} node(s), but {started[0]} processes were "
            f"started on each of {started[1]}; leave out --trainer.devices and --trainer.num_nodes"
        )
    if asked == (1, 1):
        return
    check_rendezvous(asked[1])
    strategy = options["strategy"]
    if not isinstance(strategy, str) or strategy not in STRATEGIES:
        raise UsageError(f"trainer.strategy: {strategy} is not for several processes; use ddp")
    options["strategy"] = STRATEGIES[strategy]


def started_processes() -> tuple[int, int] | None:
    """The processes on each node, and the nodes, where torchrun or SLURM has started them."""
    env = os.environ
    if dist.is_available() and dist.is_torchelastic_launched():
        local = int(env["LOCAL_WORLD_SIZE"])
        return local, int(env["WORLD_SIZE"]) // local
    if "SLURM_STEP_NUM_TASKS" in env:  # which srun sets, and no batch script has
        nodes = int(env.get("SLURM_STEP_NUM_NODES", 1))
        return int(env["SLURM_STEP_NUM_TASKS"]) // nodes, nodes
    return None


def devices_asked(options: dict[str, Any]) -> int:
    """How many devices each node gives.

    Raises:
        UsageError: If there are not so many.
    """
    devices, accelerator = options["devices"], options["accelerator"]
    gpus = torch.cuda.device_count()
    on_gpu = accelerator in ("gpu", "cuda") or (accelerator == "auto" and gpus > 0)
    text = str(devices)
    if text in ("auto", "-1"):
        return max(1, gpus) if on_gpu else 1
    listed = [str(number).strip() for number in devices] if isinstance(devices, list) else []
    listed = listed or [number.strip() for number in text.split(",") if number.strip()]
    if not listed or not all(number.isdecimal() for number in listed):
        return 1  # and Lightning says what is wrong with it
    if isinstance(devices, list) or "," in text:
        count, highest = len(listed), max(map(int, listed), default=-1) + 1
    else:
        count = highest = int(text)
    if on_gpu and highest > gpus:
        raise UsageError(
            f"trainer.devices: {text} asks for {highest} GPU(s), but there are {gpus} here; use "
            + (f"--trainer.devices {gpus}" if gpus else "--trainer.accelerator cpu")
        )
    cores = os.cpu_count() or 1
    if not on_gpu and accelerator in ("cpu", "auto") and count > cores:
        raise UsageError(
            f"trainer.devices: {count} processes, but there are {cores} cores here; use at most "
            f"--trainer.devices {cores}"
        )
    return count


def check_rendezvous(nodes: int) -> None:
    """
    Raises:
        UsageError: If processes were started by hand, and do not know where to meet.
    """
    if dist.is_torchelastic_launched() or "SLURM_STEP_NUM_TASKS" in os.environ:
        return
    if int(os.environ.get("SLURM_NTASKS", 1)) > 1:
        raise UsageError(
            "trainer.devices: this SLURM job has several tasks, which only srun starts; "
            "prepend it: srun textvae train ..."
        )
    needed = ["MASTER_ADDR", "MASTER_PORT"] + ["NODE_RANK"] * (nodes > 1)
    missing = [name for name in needed if name not in os.environ]
    if missing and (nodes > 1 or "LOCAL_RANK" in os.environ):
        raise UsageError(
            f"trainer.num_nodes: {', '.join(missing)} not set, so that the processes cannot find "
            "each other; start them by torchrun or srun, or set them"
        )


def check_precision(trainer: pl.Trainer, precision: Any) -> None:
    """Says so where the hardware only emulates it.

    Raises:
        UsageError: If it is none of ours, or the hardware lacks it.
    """
    if str(precision) not in PRECISIONS:
        raise UsageError(
            f"trainer.precision: {precision} is not supported, since weights stay float32; use "
            "32-true, bf16-mixed or 16-mixed"
        )
    on_cpu = isinstance(trainer.accelerator, CPUAccelerator)
    if on_cpu and str(precision).startswith("16"):
        raise UsageError(
            f"trainer.precision: {precision} needs a GPU; use bf16-mixed or 32-true on a processor"
        )
    if on_cpu and str(precision).startswith("bf16") and emulates_bf16() and is_first():
        note(
            f"trainer.precision: this processor has no bf16 instructions, so that {precision} is "
            "emulated, and may be slower than 32-true"
        )
    if (
        str(precision).startswith("bf16")
        and trainer.strategy.root_device.type == "cuda"
        and not torch.cuda.is_bf16_supported(including_emulation=False)
    ):
        raise UsageError(
            f"trainer.precision: this GPU has no bf16; use 16-mixed or 32-true, not {precision}"
        )


@contextmanager
def one_voice() -> Iterator[None]:
    """Of the processes of a run, lets the first that fails say why, and the others end in silence.

    Raises:
        UsageError: As it was.
        TrainingError: For every other failure.
        SystemExit: Where another process speaks.
    """
    try:
        yield
    except Interrupted:
        if not is_first():
            raise SystemExit(0) from None
        raise
    except KeyboardInterrupt:
        if not is_first():
            raise SystemExit(130) from None
        raise
    except Exception as error:
        if is_first() and not dist.is_initialized():
            raise
        if not speaks():
            raise SystemExit(1) from None
        raise told(error) from error


def speaks() -> bool:
    """Whether no other process has spoken."""
    if not is_first():
        # Where all make the same mistake, the first tells of it, and whoever started them ends
        # the others.
        time.sleep(GRACE / 3)
    if not dist.is_initialized():
        return True
    try:
        return dist.distributed_c10d._get_default_store().add("textvae/failed", 1) == 1
    except RuntimeError:  # the first process, which keeps the store, has gone
        return is_first()


def told(error: Exception) -> Exception:
    """What a process of several says of its failure."""
    who = "" if is_first() else f"process {rank_zero_only.rank}: "
    if isinstance(error, (UsageError, TrainingError)):
        return type(error)(f"{who}{error}")
    if isinstance(error, RuntimeError) and "Connection" in str(error):
        return TrainingError(
            "another process of this run has ended without a word, killed perhaps where memory "
            "ran out; mend that and continue with --resume"
        )
    reason = (str(error).strip() or "no reason given").splitlines()[0]
    return TrainingError(f"{who}{type(error).__name__}: {reason} (TEXTVAE_DEBUG=1 shows where)")


def end_children(trainer: pl.Trainer) -> None:
    """Ends the processes that Lightning has started, if they do not end by themselves."""
    for process in getattr(trainer.strategy.launcher, "procs", []):
        with suppress(TimeoutExpired):
            process.wait(GRACE)
        process.kill()  # of one that has ended it does nothing
