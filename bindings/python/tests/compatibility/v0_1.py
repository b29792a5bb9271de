"""A program for version 0.1. Never changed: what it does must go on to work."""

import asyncio

import glasslink
from glasslink import LinkOptions, LinkState, Pcm


async def program(url, token):
    options = LinkOptions(url=url, token=token)
    assert options.token == token
    async with glasslink.connect(url, token=token, client_name="old 1.0", buffer_age=60.0) as link:
        await link.wait_live(60)
        match link.state:
            case LinkState.LIVE():
                pass
            case other:
                raise AssertionError(other)
        stream = link.open(Pcm(16_000, None), label="microphone")
        stream.push(bytes(32_000))
        stream.end()
        await link.finish()
        stats = link.stats
        assert stats.captured == stats.acknowledged + stats.buffered + stats.lost
        assert "second-0" in link.export_transcript()


asyncio.run(program(globals()["URL"], globals()["TOKEN"]))
