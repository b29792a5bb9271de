"""Audio of one's own: a tone, pushed in pieces as a microphone would give it. `python pushed.py [URL]`"""

import array
import asyncio
import math
import sys

import glasslink

RATE = 48_000


def tone(seconds):
    samples = (int(8_000 * math.sin(2 * math.pi * 440 * at / RATE)) for at in range(int(seconds * RATE)))
    return array.array("h", samples).tobytes()


async def main(url="http://127.0.0.1:7700", token=None):
    async with glasslink.connect(url, token=token) as link:
        with link.open(glasslink.Pcm(RATE), label="A tone") as stream:
            for _ in range(20):
                stream.push(tone(0.1))
                await asyncio.sleep(0.1)
        try:
            await link.finish()
        except glasslink.WaitError.NoEngine as without:
            print(without.reason, without.remedy)
        stats = link.stats
        print(f"captured {stats.captured} = acknowledged {stats.acknowledged} + lost {stats.lost}")


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
