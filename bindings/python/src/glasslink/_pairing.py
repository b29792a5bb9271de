from __future__ import annotations

from . import _bridge
from ._bridge import Pairing
from ._loop import on_bridge


async def pair_with_qr(offer: str, name: str) -> Pairing:
    """Pairs this device with a relay by what its QR code holds. ``name``: what a person calls the device."""
    return await on_bridge(_bridge.pair_with_qr(offer, name))


async def pair_with_code(url: str, code: str, name: str) -> Pairing:
    """Pairs this device with the relay at ``url`` by the code that it shows."""
    return await on_bridge(_bridge.pair_with_code(url, code, name))
