"""Smart glasses over a Bluetooth stack of the program's own, and virtual ones."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Callable, List, Optional, Sequence

from . import _bridge
from ._bridge import (
    Arm,
    ArmState,
    ArmStatus,
    BluetoothAdvert,
    BluetoothConnection,
    BluetoothError,
    BluetoothLink,
    BluetoothLinkListener,
    BluetoothLoss,
    BluetoothScanListener,
    BluetoothTransport,
    BluetoothWrite,
    FoundGlasses,
    GlassesError,
    GlassesEvent,
    GlassesState,
    GlassesStatus,
    GlassesTrouble,
    ManufacturerData,
    MicrophoneState,
    RememberedGlasses,
    StreamOptions,
    TaskHandle,
    VirtualFault,
    VirtualLens,
    known_models,
)
from ._link import AttachedSource, Link
from ._loop import on_bridge, on_loop, started

__all__ = [
    "Arm",
    "ArmState",
    "ArmStatus",
    "BluetoothAdvert",
    "BluetoothConnection",
    "BluetoothError",
    "BluetoothLink",
    "BluetoothLinkListener",
    "BluetoothLoss",
    "BluetoothScanListener",
    "BluetoothTransport",
    "BluetoothWrite",
    "FoundGlasses",
    "Glasses",
    "GlassesError",
    "GlassesEvent",
    "GlassesState",
    "GlassesStatus",
    "GlassesTrouble",
    "ManufacturerData",
    "MicrophoneState",
    "RememberedGlasses",
    "VirtualFault",
    "VirtualGlasses",
    "VirtualLens",
    "discover",
    "known_models",
]


class _Called(BluetoothTransport):
    """The program's stack, called on the program's loop."""

    def __init__(self, transport: BluetoothTransport) -> None:
        self._transport = transport
        self._loop = asyncio.get_running_loop()

    async def start_scan(self, listener: BluetoothScanListener) -> None:
        await on_loop(self._loop, self._transport.start_scan(listener))  # type: ignore[arg-type]

    async def stop_scan(self) -> None:
        await on_loop(self._loop, self._transport.stop_scan())  # type: ignore[arg-type]

    async def connect(self, peripheral: str, listener: BluetoothLinkListener) -> BluetoothConnection:
        made = await on_loop(self._loop, self._transport.connect(peripheral, listener))  # type: ignore[arg-type]
        return BluetoothConnection(link=_CalledLink(made.link, self._loop))


class _CalledLink(BluetoothLink):
    def __init__(self, link: BluetoothLink, loop: asyncio.AbstractEventLoop) -> None:
        self._link = link
        self._loop = loop

    async def bond(self) -> None:
        await on_loop(self._loop, self._link.bond())  # type: ignore[arg-type]

    async def request_mtu(self, wanted: int) -> int:
        return await on_loop(self._loop, self._link.request_mtu(wanted))  # type: ignore[arg-type]

    async def notify(self, characteristic: str, on: bool) -> None:
        await on_loop(self._loop, self._link.notify(characteristic, on))  # type: ignore[arg-type]

    async def read(self, characteristic: str) -> bytes:
        return await on_loop(self._loop, self._link.read(characteristic))  # type: ignore[arg-type]

    async def write(self, characteristic: str, value: bytes, kind: BluetoothWrite) -> None:
        await on_loop(self._loop, self._link.write(characteristic, value, kind))  # type: ignore[arg-type]

    async def disconnect(self) -> None:
        await on_loop(self._loop, self._link.disconnect())  # type: ignore[arg-type]


class _Ours(BluetoothTransport):
    """One of the library's stacks, for whoever calls it on a loop of their own."""

    def __init__(self, bridge: BluetoothTransport) -> None:
        self._bridge = bridge

    async def start_scan(self, listener: BluetoothScanListener) -> None:
        await on_bridge(self._bridge.start_scan(listener))  # type: ignore[arg-type]

    async def stop_scan(self) -> None:
        await on_bridge(self._bridge.stop_scan())  # type: ignore[arg-type]

    async def connect(self, peripheral: str, listener: BluetoothLinkListener) -> BluetoothConnection:
        made = await on_bridge(self._bridge.connect(peripheral, listener))  # type: ignore[arg-type]
        return BluetoothConnection(link=_OurLink(made.link))


class _OurLink(BluetoothLink):
    def __init__(self, bridge: BluetoothLink) -> None:
        self._bridge = bridge

    async def bond(self) -> None:
        await on_bridge(self._bridge.bond())  # type: ignore[arg-type]

    async def request_mtu(self, wanted: int) -> int:
        return await on_bridge(self._bridge.request_mtu(wanted))  # type: ignore[arg-type]

    async def notify(self, characteristic: str, on: bool) -> None:
        await on_bridge(self._bridge.notify(characteristic, on))  # type: ignore[arg-type]

    async def read(self, characteristic: str) -> bytes:
        return await on_bridge(self._bridge.read(characteristic))  # type: ignore[arg-type]

    async def write(self, characteristic: str, value: bytes, kind: BluetoothWrite) -> None:
        await on_bridge(self._bridge.write(characteristic, value, kind))  # type: ignore[arg-type]

    async def disconnect(self) -> None:
        await on_bridge(self._bridge.disconnect())  # type: ignore[arg-type]


async def discover(transport: BluetoothTransport, time: float = 5.0) -> List[FoundGlasses]:
    """Scans for ``time`` seconds and returns the glasses in sight, complete pairs first."""
    return await on_bridge(_bridge.discover_glasses(_Called(transport), timedelta(seconds=time)))


class _Listener(_bridge.GlassesListener):
    def __init__(
        self,
        on_status: Optional[Callable[[GlassesStatus], object]],
        on_event: Optional[Callable[[GlassesEvent], object]],
    ) -> None:
        self._on_status = on_status
        self._on_event = on_event

    def status(self, status: GlassesStatus) -> None:
        if self._on_status is not None:
            self._on_status(status)

    def event(self, event: GlassesEvent) -> None:
        if self._on_event is not None:
            self._on_event(event)


class Glasses:
    """A pair of glasses that is kept connected, and in the state that is wanted.

    Nothing here waits for the radio: what is wanted is said, and reached as soon as it can be, again after every
    reconnect. Leaving its ``async with`` turns them off and lets go of them.
    """

    def __init__(self, transport: BluetoothTransport, remembered: RememberedGlasses) -> None:
        started()
        self._bridge = _bridge.Glasses.open(_Called(transport), remembered)

    async def __aenter__(self) -> "Glasses":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.disconnect()

    @property
    def status(self) -> GlassesStatus:
        return self._bridge.status()

    def subscribe(
        self,
        on_status: Optional[Callable[[GlassesStatus], object]] = None,
        on_event: Optional[Callable[[GlassesEvent], object]] = None,
    ) -> TaskHandle:
        """Tells how they are and what their wearer does, on a thread of the library, until the handle is dropped."""
        return self._bridge.subscribe(_Listener(on_status, on_event))

    async def wait_ready(self) -> None:
        """Waits until every arm is up."""
        loop = asyncio.get_running_loop()
        ready = asyncio.Event()

        def look(status: GlassesStatus) -> None:
            if isinstance(status.state, GlassesState.READY):
                loop.call_soon_threadsafe(ready.set)

        handle = self.subscribe(on_status=look)
        try:
            await ready.wait()
        finally:
            handle.cancel()

    def show(self, lines: Sequence[str]) -> None:
        """Shows these lines in place of what was shown; none blanks the display."""
        self._bridge.show(list(lines))

    def attach_microphone(self, link: Link, *, label: Optional[str] = None) -> AttachedSource:
        """Sends what the glasses' microphone hears over ``link``, until :meth:`stop_listening`."""
        options = StreamOptions(label=label)
        return AttachedSource(self._bridge.attach_microphone(link._bridge, options), link)

    def stop_listening(self) -> None:
        """Turns the microphone off. What it heard is still sent."""
        self._bridge.stop_listening()

    def show_captions(self, link: Link) -> TaskHandle:
        """Shows what is said on ``link`` on the lenses, until the handle is cancelled or dropped."""
        return self._bridge.show_captions(link._bridge)

    def retry(self) -> None:
        """Tries arms that are down at once."""
        self._bridge.retry()

    async def disconnect(self) -> None:
        """Turns microphone and display off, and disconnects."""
        await on_bridge(self._bridge.disconnect())


class VirtualGlasses:
    """Glasses without hardware: they behave as the device's firmware does, and can fail as it does."""

    def __init__(self, model: str) -> None:
        self._bridge = _bridge.VirtualGlasses(model)

    def transport(self) -> BluetoothTransport:
        """A Bluetooth stack in whose reach these glasses are, and nothing else."""
        started()
        return _Ours(self._bridge.transport())

    def speak(self, samples: Sequence[int]) -> None:
        """The wearer says these samples (16 kHz) from now on."""
        self._bridge.speak(list(samples))

    @property
    def is_silent(self) -> bool:
        """Whether the wearer is done speaking."""
        return self._bridge.is_silent()

    def fault(self, fault: VirtualFault) -> None:
        """Something goes wrong now."""
        self._bridge.fault(fault)

    @property
    def lenses(self) -> List[VirtualLens]:
        """What the displays show."""
        return self._bridge.lenses()
