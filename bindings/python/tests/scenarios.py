"""Runs `bindings/scenarios.txt`. `python -m tests.scenarios` prints a line for each, as the other languages do."""

import asyncio
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import glasslink
from glasslink import Pcm
from glasslink.glasses import (
    BluetoothConnection,
    BluetoothLink,
    BluetoothTransport,
    Glasses,
    VirtualGlasses,
    discover,
)

from .rig import TOKEN, Rig

#: A machine with other work to do takes longer; nothing here waits without it.
PATIENCE = 60.0
STATES = Path(os.environ.get("GLASSLINK_SCENARIOS", Path(__file__).parents[2] / "scenarios.txt"))


def scenarios():
    """Name and steps of each."""
    found = {}
    steps = []
    for line in STATES.read_text().splitlines():
        if line.startswith("scenario "):
            steps = found.setdefault(line.split(" ", 1)[1], [])
        elif line.startswith("  "):
            steps.append(line.strip())
    return found


class CountingTransport(BluetoothTransport):
    """A Bluetooth stack in Python, over that of the virtual glasses."""

    def __init__(self, inner, failures=0):
        self.inner = inner
        self.calls = 0
        self.failures = failures

    async def start_scan(self, listener):
        self.calls += 1
        await self.inner.start_scan(listener)

    async def stop_scan(self):
        await self.inner.stop_scan()

    async def connect(self, peripheral, listener):
        self.calls += 1
        if self.failures > 0:
            self.failures -= 1
            raise RuntimeError("raised on purpose")
        made = await self.inner.connect(peripheral, listener)
        return BluetoothConnection(link=CountingLink(made.link, self))


class CountingLink(BluetoothLink):
    def __init__(self, inner, transport):
        self.inner = inner
        self.transport = transport

    async def bond(self):
        await self.inner.bond()

    async def request_mtu(self, wanted):
        return await self.inner.request_mtu(wanted)

    async def notify(self, characteristic, on):
        await self.inner.notify(characteristic, on)

    async def read(self, characteristic):
        return await self.inner.read(characteristic)

    async def write(self, characteristic, value, kind):
        self.transport.calls += 1
        await self.inner.write(characteristic, value, kind)

    async def disconnect(self):
        await self.inner.disconnect()


class Scenario:
    def __init__(self, rig):
        self.rig = rig
        self.link = None
        self.glasses = None
        self.given = TOKEN
        self.seen = []
        self.handles = []
        self.key = None
        self.journal = tempfile.TemporaryDirectory(prefix="glasslink-")

    async def run(self, steps):
        self.rig.ask("POST", "/reset")
        try:
            for step in steps:
                verb, *words = step.split(" ")
                try:
                    await asyncio.wait_for(getattr(self, "do_" + verb)(*words), 4 * PATIENCE)
                except Exception as error:
                    state = self.link and self.link.state
                    raise AssertionError(f"{step}: {error!r} ({state})") from error
        finally:
            if self.glasses is not None:
                await self.glasses.disconnect()
            if self.link is not None:
                await self.link.close()
            self.rig.ask("POST", "/reset")
            self.journal.cleanup()

    async def until(self, what, holds):
        end = time.monotonic() + PATIENCE
        while not holds():
            if time.monotonic() > end:
                raise TimeoutError(what)
            await asyncio.sleep(0.01)

    async def token_now(self):
        return self.given

    async def do_connect(self, *words):
        how = dict(word.split("=") for word in words)
        if how.pop("journal", None):
            how["journal_folder"] = self.journal.name
        if "buffer_bytes" in how:
            how["buffer_bytes"] = int(how["buffer_bytes"])
        self.link = glasslink.connect(
            self.rig.url, token_provider=self.token_now, on_event=self.seen.append, **how
        )

    async def do_state(self, name):
        await self.until(name, lambda: word(self.link.state) == name)

    async def do_cause(self, code):
        assert self.link.state.cause.code == code, self.link.state
        assert self.link.state.cause.remedy

    async def do_open(self, rate):
        self.rate = int(rate)
        self.stream = self.link.open(Pcm(self.rate), label="test")

    async def do_push(self, seconds):
        frame = bytes(self.rate // 100 * 2)
        for _ in range(int(seconds) * 100):
            self.stream.push(frame)

    async def do_pause(self):
        self.stream.pause()

    async def do_end_stream(self):
        self.stream.end()

    async def do_fault(self, rule):
        self.rig.ask("POST", "/rules", rule)

    async def do_heal(self):
        self.rig.ask("DELETE", "/rules")

    async def do_cut(self):
        assert json.loads(self.rig.ask("DELETE", "/connections"))["closed"] > 0

    async def do_token(self, text):
        self.given = text
        if self.link is not None:
            self.link.credentials_changed()

    async def do_network(self):
        self.link.network_changed()

    async def do_finish(self):
        await asyncio.wait_for(self.link.finish(), PATIENCE)

    def finals(self):
        said = [event.said.text for event in self.seen if isinstance(event, glasslink.FinalTranscript)]
        return said

    async def do_heard(self, count):
        await self.until(f"{count} finals", lambda: len(self.finals()) >= int(count))
        said = self.finals()
        assert said == [f"second-{number}" for number in range(len(said))], said

    async def do_gap(self, cause):
        def told():
            return any(
                isinstance(event, glasslink.AudioGap) and word(event.gap.cause) == cause
                for event in self.seen
            )

        await self.until(f"gap {cause}", told)

    async def do_stats(self, *words):
        stats = self.link.stats
        assert stats.captured == stats.acknowledged + stats.buffered + stats.lost, stats
        for word in words:
            if ">" in word:
                name, value = word.split(">")
                assert getattr(stats, name) > int(value), (word, stats)
            else:
                name, value = word.split("=")
                assert getattr(stats, name) == int(value), (word, stats)

    async def do_give_up(self):
        waiting = asyncio.ensure_future(self.link.wait_live())
        await self.do_state("waiting")
        waiting.cancel()
        try:
            await waiting
        except asyncio.CancelledError:
            return
        raise AssertionError("it was not cancelled")

    async def do_throwing(self):
        calls = []

        def throws(event):
            calls.append(event)
            raise ValueError("thrown on purpose")

        self.handles.append(self.link.on_event(throws))
        await self.do_open("16000")
        await self.do_push("1")
        self.stream.end()
        await self.until("a second call", lambda: len(calls) > 1)
        await self.do_finish()
        self.seen.clear()

    async def do_glasses(self, model, failures=0):
        self.virtual = VirtualGlasses(model)
        self.transport = CountingTransport(self.virtual.transport(), int(failures))
        found = await discover(self.transport, 0.5)
        self.glasses = Glasses(self.transport, found[0].remembered)
        await asyncio.wait_for(self.glasses.wait_ready(), PATIENCE)
        assert self.transport.calls > 3 and self.transport.failures == 0, self.transport.calls

    async def do_listen(self):
        self.source = self.glasses.attach_microphone(self.link, label="glasses")

    async def do_captions(self):
        self.handles.append(self.glasses.show_captions(self.link))

    async def do_speak(self, seconds):
        self.virtual.speak([1000] * (int(seconds) * 16_000))

    async def do_shown(self, text):
        def shows():
            return any(text in line for lens in self.virtual.lenses for line in lens.lines)

        await self.until(f"{text} on the lenses", shows)
        await self.until("the end of speech", lambda: self.virtual.is_silent)

    async def do_quiet(self):
        self.glasses.stop_listening()
        await asyncio.wait_for(self.source.ended(), PATIENCE)

    async def do_seal(self):
        self.key = glasslink.new_journal_key()

    async def do_killed(self, seconds):
        key = [] if self.key is None else [self.key.hex()]
        child = subprocess.Popen(
            [sys.executable, "-m", "tests.child", self.rig.url, self.journal.name, seconds, *key],
            cwd=Path(__file__).parents[1],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert child.stdout.readline() == "recorded\n"
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdout.close()

    async def recovered(self, key):
        return await glasslink.recover(
            self.rig.url,
            token_provider=self.token_now,
            journal_folder=self.journal.name,
            journal_key=key,
        )

    async def do_locked(self):
        found = await self.recovered(None)
        assert len(found) == 1 and "encrypted" in found[0].trouble, found

    async def do_recover(self, count):
        found = await self.recovered(self.key)
        assert len(found) == 1 and found[0].trouble is None, found
        said = [entry for entry in found[0].transcript if isinstance(entry, glasslink.TranscriptEntry.SPEECH)]
        assert len(said) >= int(count), found
        assert found[0].stats.lost == 0, found

    async def do_cycles(self, count):
        # What grows with the first few is not a leak: pools, caches, threads that stay.
        warm, before = int(count) // 4, None
        for number in range(int(count)):
            if number == warm:
                before = held()
            async with glasslink.connect(self.rig.url, token=TOKEN) as link:
                await asyncio.wait_for(link.wait_live(), PATIENCE)
        after = held()
        assert after["threads"] <= before["threads"] + 4, (before, after)
        assert after["files"] <= before["files"] + 4, (before, after)
        assert after["bytes"] <= before["bytes"] + (16 << 20), (before, after)

    async def do_end(self):
        await self.link.close()


def word(variant):
    """`live` of `LinkState.LIVE`."""
    return type(variant).__name__.rsplit(".", 1)[-1].lower()


def held():
    """What this process holds."""
    if not Path("/proc/self").exists():
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return {"threads": threading.active_count(), "files": 0, "bytes": peak}
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return {
        "threads": int(status["Threads"]),
        "files": len(os.listdir("/proc/self/fd")),
        "bytes": int(status["VmRSS"].split()[0]) << 10,
    }


def main():
    rig = Rig()
    failed = 0
    chosen = sys.argv[1:]
    for name, steps in scenarios().items():
        if chosen and name not in chosen:
            continue
        began = time.monotonic()
        try:
            asyncio.run(Scenario(rig).run(steps))
            outcome = "passed"
        except Exception as error:  # noqa: BLE001
            outcome = f"FAILED: {error}"
            failed += 1
        print(f"scenario {name}: {outcome}, {time.monotonic() - began:.1f} s", flush=True)
    rig.close()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
