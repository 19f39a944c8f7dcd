"""Work on many files in threads, in order, without queueing them all."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from os import cpu_count
from typing import TypeVar

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")
_LOOK_AHEAD_PER_THREAD = 8


def map_in_threads(
    function: Callable[[_Item], _Result], items: Iterable[_Item], num_threads: int = 0
) -> Iterator[_Result]:
    """Yield `function` of each item in order; only a few items are under way at any time.

    Zero threads means one per core. Closing the iterator drops what has not begun, so that a cancelled
    job ends at once.
    """
    num_threads = num_threads or cpu_count() or 1
    pool = ThreadPoolExecutor(num_threads)
    under_way: deque[Future[_Result]] = deque()
    try:
        for item in items:
            under_way.append(pool.submit(function, item))
            if len(under_way) >= _LOOK_AHEAD_PER_THREAD * num_threads:
                yield under_way.popleft().result()
        while under_way:
            yield under_way.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
