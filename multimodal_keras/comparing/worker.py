"""The program of one process: a task a line on standard input, a reply a line on standard output, both JSON.

It ends when its input does, in the middle of a task too: nobody is left who wants to know.
"""

from __future__ import annotations

import json
import logging
import os
import queue
import sys
import threading
import traceback
from collections.abc import Sequence
from typing import Any

from multimodal_keras.comparing.words import one_line


def main(arguments: Sequence[str]) -> None:
    """Do tasks.

    Args:
        arguments: the folder of the comparison, and the numbers of the cores to use, by commas.
    """
    folder, cores = arguments[0], [int(core) for core in arguments[1].split(",")]
    # What libraries print goes to the log.
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, cores)
    tasks: queue.Queue[Any] = queue.Queue()
    threading.Thread(target=_read, args=(tasks,), daemon=True).start()
    do = _prepared(folder, len(cores))
    while True:
        print(json.dumps(_reply(do, tasks.get())), file=replies, flush=True)


def _read(tasks: queue.Queue[Any]) -> None:
    for line in sys.stdin:
        tasks.put(json.loads(line))
    os._exit(0)


def _prepared(folder: str, threads: int) -> Any:
    import tensorflow as tf  # after the cores are chosen

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    from multimodal_keras.comparing.jobs import Jobs

    return Jobs(folder)


def _reply(do: Any, task: dict[str, Any]) -> dict[str, Any]:
    try:
        return do(task)
    except Exception as error:
        traceback.print_exc()
        return {"error": one_line(error)}


if __name__ == "__main__":
    main(sys.argv[1:])
