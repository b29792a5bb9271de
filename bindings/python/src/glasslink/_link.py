"""The asynchronous face."""

from __future__ import annotations

import asyncio
import os
from datetime import timedelta
from typing import AsyncIterator, Awaitable, Callable, List, Optional, Sequence, Union

from . import _bridge
from ._bridge import (
    AccessToken,
    AudioFormat,
    EngineStatus,
    FileOptions,
    Final,
    JournalStatus,
    LinkEvent,
    LinkOptions,
    LinkState,
    LinkStats,
    LinkTransport,
    Recovered,
    StreamOptions,
    TranscriptEntry,
    TranscriptFormat,
    WhenFull,
)
from ._events import Callback, Events
from ._loop import on_bridge, on_loop, started

#: Gives the token for each connection attempt.
TokenProvider = Callable[[], Awaitable[Union[str, AccessToken]]]

Path = Union[str, "os.PathLike[str]"]


def seconds(time: Optional[float]) -> Optional[timedelta]:
    return None if time is None else timedelta(seconds=time)


class _Tokens(_bridge.TokenProvider):
    def __init__(self, provider: TokenProvider, loop: asyncio.AbstractEventLoop) -> None:
        self._provider = provider
        self._loop = loop

    async def token(self) -> AccessToken:
        given = await on_loop(self._loop, _called(self._provider))
        return AccessToken(text=given) if isinstance(given, str) else given


async def _called(provider: TokenProvider) -> Union[str, AccessToken]:
    return await provider()


def tokens(provider: Optional[TokenProvider]) -> Optional[_bridge.TokenProvider]:
    return None if provider is None else _Tokens(provider, asyncio.get_running_loop())


def options(
    url: str,
    *,
    token: Optional[str] = None,
    pairing: Optional[str] = None,
    client_name: Optional[str] = None,
    session: Optional[str] = None,
    journal_folder: Optional[Path] = None,
    journal_key: Optional[bytes] = None,
    extra_roots: Sequence[str] = (),
    proxy: Optional[str] = None,
    no_proxy: bool = False,
    transport: Optional[LinkTransport] = None,
    remote_speech: bool = False,
    buffer_age: Optional[float] = None,
    buffer_bytes: Optional[int] = None,
    ping_interval: Optional[float] = None,
    connect_timeout: Optional[float] = None,
) -> LinkOptions:
    """What a link is to be. Times are seconds; what is left out is as in the core, which suits speech.

    See :class:`LinkOptions` for what each is.
    """
    return LinkOptions(
        url=url,
        token=token,
        pairing=pairing,
        client_name=client_name,
        session=session,
        journal_folder=None if journal_folder is None else os.fspath(journal_folder),
        journal_key=journal_key,
        extra_roots=list(extra_roots),
        proxy=proxy,
        no_proxy=no_proxy,
        transport=transport,
        remote_speech=remote_speech,
        buffer_age=seconds(buffer_age),
        buffer_bytes=buffer_bytes,
        ping_interval=seconds(ping_interval),
        connect_timeout=seconds(connect_timeout),
    )


def connect(
    url: str,
    *,
    token_provider: Optional[TokenProvider] = None,
    on_event: Optional[Callable[[LinkEvent], object]] = None,
    **how: object,
) -> "Link":
    """Starts a link to the relay at ``url`` and returns at once: whether the relay is there or not.

    ``how`` is what :func:`options` takes. ``on_event`` is called with everything that happens, from the very beginning,
    on a thread of the library. ``token_provider`` is awaited on the running loop, for each attempt.
    """
    started()
    listener = None if on_event is None else Callback(on_event)
    return Link(_bridge.Link.connect(options(url, **how), tokens(token_provider), listener))  # type: ignore[arg-type]


async def recover(
    url: str, *, token_provider: Optional[TokenProvider] = None, **how: object
) -> List[Recovered]:
    """Finishes every recording in ``journal_folder`` that an earlier process left, however old."""
    return await on_bridge(_bridge.recover(options(url, **how), tokens(token_provider)))  # type: ignore[arg-type]


async def _until(over: Awaitable[object], events: Events) -> None:
    try:
        await over
    finally:
        await on_bridge(events.subscription.flush())
        events.end()


class Link:
    """A link to a relay: one session that outlives its connections.

    It connects, notices within 2 s when the connection died, comes back, sends what the relay did not keep, and accounts
    for every frame: ``captured = acknowledged + buffered + lost``. It never gives up by itself. Leaving its ``async with``
    ends the session; call :meth:`finish` first to lose nothing.
    """

    def __init__(self, bridge: _bridge.Link) -> None:
        self._bridge = bridge

    async def __aenter__(self) -> "Link":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def events(self) -> Events:
        """What happens from now on: ``async for event in link.events()``."""
        return Events(self._bridge)

    def on_event(self, function: Callable[[LinkEvent], object]) -> _bridge.Subscription:
        """Calls ``function`` with what happens from now on, until the handle is cancelled or dropped."""
        return self._bridge.subscribe(Callback(function))

    async def finals(self, until: Optional[Awaitable[object]] = None) -> AsyncIterator[Final]:
        """What is said, as it is settled; until ``until`` is done, or the link ends."""
        with self.events() as events:
            over = None if until is None else asyncio.ensure_future(_until(until, events))
            try:
                async for event in events:
                    if isinstance(event, LinkEvent.FINAL_TRANSCRIPT):
                        yield event.said
            finally:
                if over is not None and not over.done():
                    over.cancel()
            if over is not None:
                await over

    def open(
        self,
        audio: AudioFormat,
        *,
        label: Optional[str] = None,
        when_full: Optional[WhenFull] = None,
        continues: Optional[int] = None,
    ) -> "AudioStream":
        """Opens a stream of audio of the program's own, to be pushed: ``link.open(Pcm(16_000))``."""
        made = StreamOptions(label=label, when_full=when_full, continues=continues)
        return AudioStream(self._bridge.open(audio, made))

    async def attach_file(
        self,
        path: Path,
        *,
        speed: Optional[float] = None,
        frame_bytes: Optional[int] = None,
        label: Optional[str] = None,
        when_full: Optional[WhenFull] = None,
    ) -> "AttachedSource":
        """Opens a stream of what is in an audio file: WAV, FLAC, MP3 or Ogg Vorbis.

        ``speed`` is a multiple of real time; 0 is as fast as the link takes it.
        """
        file = FileOptions(speed=speed, frame_bytes=frame_bytes)
        made = StreamOptions(label=label, when_full=when_full)
        return AttachedSource(await on_bridge(self._bridge.attach_file(os.fspath(path), file, made)), self)

    async def wait_live(self, within: Optional[float] = None) -> None:
        """Waits until the link is live. It goes on trying when this gives up, ``within`` seconds being over."""
        await on_bridge(self._bridge.wait_live(seconds(within)))

    async def finish(self) -> None:
        """Ends every stream, and waits until the relay keeps all of it and the last final is in."""
        await on_bridge(self._bridge.finish())

    async def close(self) -> None:
        """Ends the session: the relay may forget it, and what it does not keep yet is lost."""
        await on_bridge(self._bridge.end())

    @property
    def state(self) -> LinkState:
        return self._bridge.state()

    @property
    def is_live(self) -> bool:
        return isinstance(self.state, LinkState.LIVE)

    @property
    def stats(self) -> LinkStats:
        return self._bridge.stats()

    @property
    def transport(self) -> Optional[LinkTransport]:
        """What carries the link's messages now."""
        return self._bridge.transport()

    @property
    def engine(self) -> Optional[EngineStatus]:
        """What the relay last said of its speech engine."""
        return self._bridge.engine()

    @property
    def session(self) -> str:
        """The session's name, 32 hexadecimal digits."""
        return self._bridge.session()

    @property
    def transcript(self) -> List[TranscriptEntry]:
        """What was said and what is missing so far."""
        return self._bridge.transcript()

    def export_transcript(self, format: TranscriptFormat = TranscriptFormat.TXT) -> str:
        """The same as a text, with its gaps."""
        return self._bridge.export_transcript(format)

    @property
    def journal(self) -> Optional[JournalStatus]:
        """Whether what is captured is on disk; nothing without a journal."""
        return self._bridge.journal()

    @property
    def report(self) -> str:
        """What the link saw and did, in JSON: neither speech, nor secrets, nor addresses."""
        return self._bridge.report()

    def take_over(self) -> None:
        """Takes the session back from the program that superseded this one."""
        self._bridge.take_over()

    def retry(self) -> None:
        """Tries again after a refusal, for other reasons than credentials."""
        self._bridge.retry()

    def credentials_changed(self) -> None:
        """The token provider has other tokens: a link that was refused for the old ones goes on."""
        self._bridge.credentials_changed()

    def network_changed(self) -> None:
        """The network came up or changed, or the machine woke: the link tries, or checks, at once."""
        self._bridge.network_changed()

    def set_background(self, is_background: bool) -> None:
        """An idle link in the background spares the radio."""
        self._bridge.set_background(is_background)

    def set_ping_interval(self, interval: float) -> None:
        """How often an idle link asks whether the relay is there, seconds."""
        self._bridge.set_ping_interval(timedelta(seconds=interval))


class AudioStream:
    """Audio of the program's own on its way to the relay. Leaving its ``with`` ends the stream."""

    def __init__(self, bridge: _bridge.AudioStream) -> None:
        self._bridge = bridge

    def __enter__(self) -> "AudioStream":
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    @property
    def id(self) -> int:
        return self._bridge.id()

    def push(self, audio: Union[bytes, bytearray, memoryview]) -> None:
        """Takes what was just captured. Never blocks: what finds no room makes the oldest a gap."""
        self._bridge.push(audio if isinstance(audio, bytes) else bytes(audio))

    def pause(self) -> None:
        """Silence is meant, until the next push."""
        self._bridge.pause()

    def end(self) -> None:
        """The stream ends behind what was pushed."""
        self._bridge.end()


class AttachedSource:
    """A source whose frames are taken and sent: a file, or the microphone of glasses."""

    def __init__(self, bridge: _bridge.AttachedSource, link: Link) -> None:
        self._bridge = bridge
        self._link = link

    @property
    def stream(self) -> int:
        return self._bridge.stream()

    def stop(self) -> None:
        """Takes no more from the source, and ends its stream."""
        self._bridge.stop()

    async def ended(self) -> None:
        """Waits for the source's end."""
        await on_bridge(self._bridge.ended())

    async def transcribed(self) -> None:
        """Waits for the source's end, and then as :meth:`Link.finish` does."""
        await self.ended()
        await self._link.finish()
