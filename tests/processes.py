"""Several processes that train together, forked from the one of the tests, which is quick."""

import multiprocessing
import os
import socket
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from pytorch_lightning.utilities import rank_zero_only

TIMEOUT = 240.0
"""The seconds after which processes hang rather than compute."""


def in_processes(
    work: Callable[..., Any], folder: Path, *arguments: Any, count: int = 2
) -> list[Any]:
    """What `work` returns in each of some processes, or None where it ended by itself.

    Arguments:
        work: What to do, as the rank says that :func:`torch.distributed.get_rank` gives.
        folder: Where the processes leave their results.
        arguments: Those of `work`.
        count: How many processes there are.
    """
    folder.mkdir(exist_ok=True)
    with socket.socket() as free:
        free.bind(("", 0))
        port = free.getsockname()[1]
    context = multiprocessing.get_context("fork")
    children = [
        context.Process(target=child, args=(rank, count, port, folder, work, arguments))
        for rank in range(count)
    ]
    for process in children:
        process.start()
    for process in children:
        process.join(TIMEOUT)
        process.kill()
    print(*((folder / f"{rank}.err").read_text() for rank in range(count)))
    files = [folder / f"{rank}.pt" for rank in range(count)]
    return [torch.load(file, weights_only=False) if file.is_file() else None for file in files]


def child(
    rank: int,
    count: int,
    port: int,
    folder: Path,
    work: Callable[..., Any],
    arguments: tuple[Any, ...],
) -> None:
    torch.set_num_threads(1)
    rank_zero_only.rank = rank
    os.environ |= {
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
        "LOCAL_RANK": str(rank),
        "NODE_RANK": "0",
    }
    sys.stdout = (folder / f"{rank}.out").open("w", buffering=1)
    sys.stderr = (folder / f"{rank}.err").open("w", buffering=1)
    try:
        dist.init_process_group("gloo", rank=rank, world_size=count)
        torch.save(work(*arguments), folder / f"{rank}.pt")
    except BaseException:
        traceback.print_exc()
        raise
    finally:
        sys.stderr.flush()
