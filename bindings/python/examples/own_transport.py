"""A Bluetooth stack of one's own under the drivers: here one that tells what passes. `python own_transport.py`"""

import asyncio

from glasslink.glasses import (
    BluetoothConnection,
    BluetoothLink,
    BluetoothTransport,
    Glasses,
    VirtualGlasses,
    discover,
)


class Telling(BluetoothTransport):
    """Over a real stack, these methods would call it: bleak, for one."""

    def __init__(self, stack):
        self.stack = stack

    async def start_scan(self, listener):
        await self.stack.start_scan(listener)

    async def stop_scan(self):
        await self.stack.stop_scan()

    async def connect(self, peripheral, listener):
        print("connects to", peripheral)
        made = await self.stack.connect(peripheral, listener)
        return BluetoothConnection(link=TellingLink(made.link))


class TellingLink(BluetoothLink):
    def __init__(self, link):
        self.link = link

    async def bond(self):
        await self.link.bond()

    async def request_mtu(self, wanted):
        return await self.link.request_mtu(wanted)

    async def notify(self, characteristic, on):
        await self.link.notify(characteristic, on)

    async def read(self, characteristic):
        return await self.link.read(characteristic)

    async def write(self, characteristic, value, kind):
        print("writes", value.hex(), "to", characteristic)
        await self.link.write(characteristic, value, kind)

    async def disconnect(self):
        await self.link.disconnect()


async def main(*_):
    transport = Telling(VirtualGlasses("even-g1").transport())
    found = await discover(transport, 0.5)
    async with Glasses(transport, found[0].remembered) as glasses:
        await glasses.wait_ready()
        glasses.show(["Hello"])


if __name__ == "__main__":
    asyncio.run(main())
