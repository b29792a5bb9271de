"""Events, from the library's threads to whoever takes them."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from typing import AsyncIterator, Callable, Deque, Iterator, List, Optional

from . import _bridge
from ._bridge import LinkEvent

#: Events that wait here; those behind wait in the core, which is bounded too and tells how many it left out.
MAX_WAITING = 1_024


class _Inbox(_bridge.EventListener):
    """Events for one consumer, in a loop or in a thread."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._waiting: Deque[LinkEvent] = deque()
        self._ended = False
        self._closed = False
        self._waiter: Optional[Callable[[], None]] = None

    # Called by the library.

    def events(self, events: List[LinkEvent]) -> None:
        with self._changed:
            while len(self._waiting) >= MAX_WAITING and not self._closed:
                self._changed.wait()
            self._waiting.extend(events)
            self._tell()

    def ended(self) -> None:
        with self._changed:
            self._ended = True
            self._tell()

    def _tell(self) -> None:
        self._changed.notify_all()
        waiter, self._waiter = self._waiter, None
        if waiter is not None:
            waiter()

    # Called by the consumer.

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._waiting.clear()
            self._tell()

    def _take(self) -> Optional[LinkEvent]:
        if not self._waiting:
            return None
        event = self._waiting.popleft()
        self._changed.notify_all()
        return event

    @property
    def _is_over(self) -> bool:
        return self._closed or (self._ended and not self._waiting)

    def take(self, timeout: Optional[float]) -> Optional[LinkEvent]:
        """The next event; nothing at the end, or when none came in time."""
        with self._changed:
            self._changed.wait_for(lambda: bool(self._waiting) or self._is_over, timeout)
            return self._take()

    async def next(self) -> Optional[LinkEvent]:
        """The next event; nothing at the end."""
        loop = asyncio.get_running_loop()
        while True:
            with self._changed:
                event = self._take()
                if event is not None or self._is_over:
                    return event
                came = loop.create_future()
                self._waiter = lambda: _resolve(loop, came)
            await came


def _resolve(loop: asyncio.AbstractEventLoop, came: "asyncio.Future[None]") -> None:
    def resolve() -> None:
        if not came.done():
            came.set_result(None)

    try:
        loop.call_soon_threadsafe(resolve)
    except RuntimeError:
        pass  # The loop is closed, and nobody waits.


class Events:
    """What happens on a link, in order, from the subscription on.

    Iterate over it, with ``async for`` or, in a program without a loop, with ``for``. It ends with the link. Whoever is
    too slow loses the oldest events and is told how many (:class:`Lagged`); nobody else notices.
    """

    def __init__(self, link: _bridge.Link) -> None:
        self._inbox = _Inbox()
        self.subscription = link.subscribe(self._inbox)

    def __aiter__(self) -> AsyncIterator[LinkEvent]:
        return self

    async def __anext__(self) -> LinkEvent:
        event = await self._inbox.next()
        if event is None:
            raise StopAsyncIteration
        return event

    def __iter__(self) -> Iterator[LinkEvent]:
        return self

    def __next__(self) -> LinkEvent:
        event = self._inbox.take(None)
        if event is None:
            raise StopIteration
        return event

    def take(self, timeout: Optional[float] = None) -> Optional[LinkEvent]:
        """Waits for the next event, ``timeout`` seconds at most; nothing at the end, or when none came."""
        return self._inbox.take(timeout)

    def end(self) -> None:
        """Nothing more comes: what is here is still taken."""
        self._inbox.ended()

    def close(self) -> None:
        """Takes no more. Iterations end."""
        self.subscription.cancel()
        self._inbox.close()

    def __enter__(self) -> "Events":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        if hasattr(self, "subscription"):
            self.close()


class Callback(_bridge.EventListener):
    """Calls a function for each event. What it raises is logged, and it is called for the next one."""

    def __init__(self, function: Callable[[LinkEvent], object]) -> None:
        self._function = function

    def events(self, events: List[LinkEvent]) -> None:
        failure: Optional[Exception] = None
        for event in events:
            try:
                self._function(event)
            except Exception as error:  # noqa: BLE001
                failure = failure or error
        if failure is not None:
            raise _bridge.ListenerError.Failed(repr(failure)) from failure

    def ended(self) -> None:
        pass
