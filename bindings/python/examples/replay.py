"""Captions of an audio file: `python replay.py FILE [URL]`."""

import asyncio
import sys

import glasslink


async def main(path, url="http://127.0.0.1:7700", token=None):
    async with glasslink.connect(url, token=token, on_event=told) as link:
        file = await link.attach_file(path)
        async for said in link.finals(until=file.transcribed()):
            print(said.text)


def told(event):
    match event:
        case glasslink.StateChanged(state=glasslink.LinkState.WAITING(cause=cause)):
            print(f"({cause.reason}; {cause.remedy})")
        case glasslink.TranscriptGap(gap=gap):
            print(f"[{gap.duration.total_seconds():.1f} s: {gap.words}]")


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
