"""Measure settings in turn, and choose one of them."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

from multimodal_keras.cli.tuning.clients import Load, ask
from multimodal_keras.cli.tuning.settings import Setting

_WARM_UP_SHARE = 0.25


@dataclass(frozen=True)
class Row:
    """One measurement.

    Attributes:
        setting: of the server.
        clients: that asked at the same time.
        round: counted from 0.
        load: what came back.
    """

    setting: Setting
    clients: int
    round: int
    load: Load


def measure(
    settings: Sequence[Setting],
    bodies: Sequence[bytes],
    clients: Sequence[int],
    seconds: float,
    rounds: int,
    start: Callable[[Setting], AbstractContextManager[int]],
    tell: Callable[[str], None],
) -> list[Row]:
    """Each round starts a server with each setting, so that what else the machine does meets all of them.

    Args:
        settings: the default first.
        bodies: requests.
        clients: numbers of clients.
        seconds: of each measurement.
        rounds: how many.
        start: a server with a setting; gives its port.
        tell: what is being done.

    Returns:
        A row for each setting, number of clients and round.
    """
    rows = []
    for number in range(rounds):
        for place, setting in enumerate(settings, 1):
            tell(f"round {number + 1} of {rounds}, setting {place} of {len(settings)}: {setting}")
            with start(setting) as port:
                for count in clients:
                    ask(port, bodies, count, _WARM_UP_SHARE * seconds)
                    rows.append(Row(setting, count, number, ask(port, bodies, count, seconds)))
    return rows


def best(rows: Sequence[Row]) -> Setting:
    """The setting with the highest rate over all numbers of clients, which count alike.

    It is another one than the first only if that one was behind it in every round: anything less is noise. A setting with
    errors is never chosen.
    """
    first = rows[0].setting
    rounds = sorted({row.round for row in rows})
    scores = {
        setting: [_score(rows, setting, number) for number in rounds]
        for setting in dict.fromkeys(row.setting for row in rows)
        if not any(row.load.errors for row in rows if row.setting == setting)
    }
    if first not in scores:
        return max(scores, key=lambda setting: statistics.median(scores[setting]), default=first)
    winners = [
        setting
        for setting, reached in scores.items()
        if all(mine > other for mine, other in zip(reached, scores[first], strict=True))
    ]
    return max(winners, key=lambda setting: statistics.median(scores[setting]), default=first)


def _score(rows: Sequence[Row], setting: Setting, number: int) -> float:
    """The geometric mean of the rates, so that many clients do not outweigh one."""
    rates = [row.load.rate for row in rows if (row.setting, row.round) == (setting, number)]
    return math.prod(rates) ** (1 / len(rates))


def table(rows: Sequence[Row]) -> str:
    """Medians over the rounds, a line for each setting and number of clients."""
    head = f"{'max_batch':>9}{'max_waiting':>13}{'threads':>9}{'intra_op':>10}"
    lines = [f"{head}{'clients':>9}{'p50 ms':>9}{'p99 ms':>9}{'per second':>12}{'busy':>7}{'errors':>8}"]
    for setting, clients in sorted({(row.setting, row.clients) for row in rows}, key=lambda key: (key[1], str(key[0]))):
        loads = [row.load for row in rows if (row.setting, row.clients) == (setting, clients)]
        p50, p99 = (1e3 * statistics.median(load.quantile(share) for load in loads) for share in (0.5, 0.99))
        rate = statistics.median(load.rate for load in loads)
        busy, errors = sum(load.busy for load in loads), sum(load.errors for load in loads)
        values = f"{setting.max_batch:9}{setting.max_waiting:13}{setting.threads:9}{setting.intra_op_threads:10}"
        lines.append(f"{values}{clients:9}{p50:9.1f}{p99:9.1f}{rate:12.1f}{busy:7}{errors:8}")
    return "\n".join(lines)
