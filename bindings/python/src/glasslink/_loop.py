"""The thread on which calls into the library are awaited, whichever loop or thread they come from."""

from __future__ import annotations

import asyncio
import atexit
import threading
from concurrent.futures import Future
from typing import Any, Coroutine, Optional, TypeVar

from . import _bridge
from ._bridge.glasslink import uniffi_set_event_loop

T = TypeVar("T")

_lock = threading.Lock()
_loop: Optional[asyncio.AbstractEventLoop] = None


def _bridge_loop() -> asyncio.AbstractEventLoop:
    global _loop
    with _lock:
        if _loop is None:
            _loop = asyncio.new_event_loop()
            thread = threading.Thread(target=_loop.run_forever, name="glasslink", daemon=True)
            thread.start()
            uniffi_set_event_loop(_loop)
            atexit.register(_end, _loop, thread)
        return _loop


def _end(loop: asyncio.AbstractEventLoop, thread: threading.Thread) -> None:
    # Nothing may call into an interpreter that is gone.
    _bridge.shutdown()
    loop.call_soon_threadsafe(loop.stop)
    thread.join(timeout=2)


def submit(call: Coroutine[Any, Any, T]) -> "Future[T]":
    """Runs a call into the library; for threads without a loop."""
    return asyncio.run_coroutine_threadsafe(call, _bridge_loop())


async def on_bridge(call: Coroutine[Any, Any, T]) -> T:
    """Awaits a call into the library; when it is cancelled, so is the call."""
    return await asyncio.wrap_future(submit(call))


async def on_loop(loop: asyncio.AbstractEventLoop, call: Coroutine[Any, Any, T]) -> T:
    """Awaits a call out of the library on the loop of whoever takes it."""
    return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(call, loop))


def started() -> None:
    """Sees to it that calls out of the library have a loop."""
    _bridge_loop()
