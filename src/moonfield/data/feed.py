"""Blocks of a stream's batches, read ahead while steps run."""

import threading
from collections.abc import Sequence

from .batcher import Batcher, Stack
from .prefetch import Prefetch
from .streamed import Streamed

_STEPS, _FRESH = 0, 1  # words that tell the order of steps' batches from that of fresh ones


class Feed:
    """Block b holds the batches of steps `b * steps` to `(b + 1) * steps`.

    From the first block that is asked for on, a thread reads ahead; another block than the next is
    read where it is asked for. Blocks -1, -2, ... hold batches of an order of their own, which no
    step sees; they are kept.
    """

    def __init__(self, streamed: Streamed, words: Sequence[int], batch_size: int, steps: int):
        self._streamed, self._steps, self._size = streamed, steps, batch_size
        self._words = [_STEPS, *map(int, words)]
        self._ahead: Prefetch | None = None
        self._next = 0
        self._fresh: dict[int, Stack] = {}

    def block(self, number: int) -> Stack:
        """The batches of a block; errors of reading are raised here."""
        if number < 0:
            if number not in self._fresh:
                self._fresh[number] = self._read([_FRESH, *self._words[1:]], -1 - number)
            return self._fresh[number]
        if self._ahead is not None and number < self._next:
            return self._read(self._words, number)
        if self._ahead is None or number > self._next:
            self._read_ahead(number)
        assert self._ahead is not None
        self._next = number + 1
        return self._ahead.next()

    def close(self) -> None:
        """End the thread."""
        if self._ahead is not None:
            self._ahead.close()
            self._ahead = None

    def _read_ahead(self, first: int) -> None:
        self.close()
        stop = threading.Event()
        batcher = Batcher(self._streamed, self._words, self._size, stop)

        def make(number: int) -> Stack:
            return batcher.stack((first + number) * self._steps, self._steps)

        self._ahead = Prefetch(make, batcher.close, stop)

    def _read(self, words: Sequence[int], block: int) -> Stack:
        batcher = Batcher(self._streamed, words, self._size)
        try:
            return batcher.stack(block * self._steps, self._steps)
        finally:
            batcher.close()
