"""The synchronous face: the same, for programs without a loop.

Never call it from within an ``async`` function, whose loop it would hold up.
"""

from __future__ import annotations

import os
from typing import Callable, Iterator, List, Optional

from . import _bridge, _link
from ._bridge import (
    AccessToken,
    FileOptions,
    Final,
    LinkEvent,
    Recovered,
    StreamOptions,
    WhenFull,
)
from ._events import Callback, Events
from ._link import AudioStream, Path, options, seconds
from ._loop import started, submit

__all__ = ["AttachedSource", "AudioStream", "Link", "connect", "recover"]


class _Tokens(_bridge.TokenProvider):
    def __init__(self, provider: Callable[[], "str | AccessToken"]) -> None:
        self._provider = provider

    async def token(self) -> AccessToken:
        given = self._provider()
        return AccessToken(text=given) if isinstance(given, str) else given


def connect(
    url: str,
    *,
    token_provider: "Optional[Callable[[], str | AccessToken]]" = None,
    on_event: Optional[Callable[[LinkEvent], object]] = None,
    **how: object,
) -> "Link":
    """Starts a link to the relay at ``url`` and returns at once. See :func:`glasslink.connect`."""
    started()
    tokens = None if token_provider is None else _Tokens(token_provider)
    listener = None if on_event is None else Callback(on_event)
    return Link(_bridge.Link.connect(options(url, **how), tokens, listener))  # type: ignore[arg-type]


def recover(
    url: str, *, token_provider: "Optional[Callable[[], str | AccessToken]]" = None, **how: object
) -> List[Recovered]:
    """Finishes every recording in ``journal_folder`` that an earlier process left, however old."""
    tokens = None if token_provider is None else _Tokens(token_provider)
    return submit(_bridge.recover(options(url, **how), tokens)).result()  # type: ignore[arg-type]


class Link(_link.Link):
    """A link to a relay: one session that outlives its connections. See :class:`glasslink.Link`."""

    def __enter__(self) -> "Link":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def finals(self, until: "Optional[AttachedSource]" = None) -> Iterator[Final]:  # type: ignore[override]
        """What is said, as it is settled; until everything of ``until`` is transcribed, or the link ends."""
        with self.events() as events:
            if until is not None:
                submit(until._transcribed(events))
            for event in events:
                if isinstance(event, LinkEvent.FINAL_TRANSCRIPT):
                    yield event.said

    def attach_file(  # type: ignore[override]
        self,
        path: Path,
        *,
        speed: Optional[float] = None,
        frame_bytes: Optional[int] = None,
        label: Optional[str] = None,
        when_full: Optional[WhenFull] = None,
    ) -> "AttachedSource":
        """Opens a stream of what is in an audio file: WAV, FLAC, MP3 or Ogg Vorbis."""
        file = FileOptions(speed=speed, frame_bytes=frame_bytes)
        made = StreamOptions(label=label, when_full=when_full)
        return AttachedSource(submit(self._bridge.attach_file(os.fspath(path), file, made)).result(), self)

    def wait_live(self, within: Optional[float] = None) -> None:  # type: ignore[override]
        """Waits until the link is live, ``within`` seconds at most."""
        submit(self._bridge.wait_live(seconds(within))).result()

    def finish(self) -> None:  # type: ignore[override]
        """Ends every stream, and waits until the relay keeps all of it and the last final is in."""
        submit(self._bridge.finish()).result()

    def close(self) -> None:  # type: ignore[override]
        """Ends the session: the relay may forget it, and what it does not keep yet is lost."""
        submit(self._bridge.end()).result()


class AttachedSource(_link.AttachedSource):
    """A source whose frames are taken and sent."""

    def ended(self) -> None:  # type: ignore[override]
        """Waits for the source's end."""
        submit(self._bridge.ended()).result()

    def transcribed(self) -> None:  # type: ignore[override]
        """Waits for the source's end, and then as :meth:`Link.finish` does."""
        self.ended()
        self._link.finish()  # type: ignore[unused-coroutine]

    async def _transcribed(self, events: Events) -> None:
        try:
            await self._bridge.ended()
            await self._link._bridge.finish()
        finally:
            await events.subscription.flush()
            events.end()
