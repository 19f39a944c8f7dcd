"""Does one piece of work on many files in a few threads, without holding all of them at once."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from os import cpu_count
from typing import TypeVar

from core.progress import OnCount

Item = TypeVar("Item")
Result = TypeVar("Result")

BATCH_SIZE = 256


def map_in_batches(
    work: Callable[[Item], Result],
    items: Sequence[Item],
    num_threads: int = 0,
    progress: OnCount | None = None,
) -> Iterator[Result]:
    """Yield the result for each item in order; 0 threads means one per core.

    Only one batch is under way at a time, so that memory does not grow with the number of items and a
    `progress` that raises ends the work soon.
    """
    with ThreadPoolExecutor(num_threads or cpu_count() or 1) as pool:
        for start in range(0, len(items), BATCH_SIZE):
            batch = items[start : start + BATCH_SIZE]
            yield from pool.map(work, batch)
            if progress:
                progress(start + len(batch), len(items))
