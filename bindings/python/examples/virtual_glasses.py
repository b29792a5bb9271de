"""Captions on the lenses of glasses that are not there: `python virtual_glasses.py [URL]`."""

import asyncio
import sys

import glasslink
from glasslink.glasses import Glasses, VirtualGlasses, discover


async def main(url="http://127.0.0.1:7700", token=None, speech=(1_000,) * 48_000):
    virtual = VirtualGlasses("even-g1")
    transport = virtual.transport()
    found = await discover(transport, 0.5)
    async with glasslink.connect(url, token=token) as link, Glasses(transport, found[0].remembered) as glasses:
        await glasses.wait_ready()
        microphone = glasses.attach_microphone(link, label=found[0].name)
        captions = glasses.show_captions(link)
        virtual.speak(speech)
        while not virtual.is_silent:
            await asyncio.sleep(0.25)
            print([lens.lines for lens in virtual.lenses])
        glasses.stop_listening()
        await microphone.transcribed()
        captions.cancel()
        print(link.export_transcript())


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
