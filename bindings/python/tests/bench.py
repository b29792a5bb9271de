"""What the bridge costs in Python: `python -m tests.bench URL`, the relay being `glasslink-bindings-bench talk`."""

import asyncio
import sys
import time

import glasslink
from glasslink import Pcm

FRAMES = 20_000

#: As many as the relay of `bindings/bench` says at once.
BURST = 4_000
BURSTS = 12
TIMED = 500


async def listen(url):
    rates, latencies = [], []
    began = count = 0
    async with glasslink.connect(url, client_name="listener") as link:
        async for event in link.events():
            if not isinstance(event, glasslink.FinalTranscript):
                continue
            marker, *words = event.said.text.split(" ")
            count += 1
            if marker == "first":
                began, count = int(words[0]), 1
            elif marker == "last":
                assert count == BURST, f"{count} finals of a burst"
                rates.append(count / ((time.time_ns() - began) / 1e9))
            elif marker == "at":
                latencies.append(time.time_ns() - int(words[0]))
            elif marker == "over":
                break
    assert len(rates) >= BURSTS and len(latencies) >= TIMED, "not everything was heard"
    rates = sorted(rates[BURSTS // 3 :])
    latencies.sort()
    p50, p99 = (latencies[len(latencies) * share // 100] / 1e3 for share in (50, 99))
    rate = rates[len(rates) // 2]
    print(f"listener in python: {rate:.0f} finals/s, latency p50 {p50:.0f} us, p99 {p99:.0f} us")


async def push(url):
    async with glasslink.connect(url) as link:
        await link.wait_live(60)
        stream = link.open(Pcm(16_000))
        frame = bytes(320)
        began = time.thread_time()
        for _ in range(FRAMES):
            stream.push(frame)
        each = (time.thread_time() - began) / FRAMES
    print(f"pusher in python: {each * 1e6:.1f} us a frame of 10 ms, {each * 100 * 100:.3f} % of a core")


async def main(url):
    await listen(url)
    await push(url)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
