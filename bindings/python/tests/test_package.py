"""What is Python's own; what all languages share is in `scenarios.py`."""

import asyncio
import gc
import importlib.metadata
import inspect
import logging
import runpy
import threading
import time
import tomllib
import unittest
import weakref
from pathlib import Path

import glasslink
import glasslink.glasses
import glasslink.sync
from glasslink import Pcm

from .rig import TOKEN, Rig

HERE = Path(__file__).parents[1]
PATIENCE = 60


class Records(logging.Handler):
    def __init__(self):
        super().__init__()
        self.lines = []

    def emit(self, record):
        self.lines.append(record.getMessage())


class Package(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.rig = Rig()
        cls.records = Records()
        logger = logging.getLogger("glasslink")
        logger.addHandler(cls.records)
        logger.setLevel(logging.DEBUG)
        assert glasslink.log_to(level=glasslink.LogLevel.TRACE)

    @classmethod
    def tearDownClass(cls):
        cls.rig.close()

    def connect(self, **how):
        return glasslink.sync.connect(self.rig.url, token=TOKEN, **how)

    def test_its_version_is_the_cores(self):
        core = tomllib.loads((HERE.parents[1] / "Cargo.toml").read_text())["workspace"]["package"]["version"]
        self.assertEqual(glasslink.__version__, core)

    def test_it_names_the_software_of_other_people(self):
        files = importlib.metadata.files("glasslink")
        there = {file.name: file.locate().read_text() for file in files if "licenses" in file.parts}
        self.assertLessEqual({"LICENSE-APACHE", "LICENSE-MIT", "THIRD-PARTY.txt"}, there.keys())
        self.assertIn("uniffi_core", there["THIRD-PARTY.txt"])
        self.assertIn("Mozilla Public License", there["THIRD-PARTY.txt"])

    def test_its_types_are_told(self):
        self.assertTrue((Path(glasslink.__file__).parent / "py.typed").is_file())
        self.assertIn("Final", str(inspect.signature(glasslink.Link.finals)))

    def test_what_is_public_is_documented(self):
        for name in glasslink.__all__:
            documented = getattr(glasslink, name)
            if inspect.isclass(documented) and "TokenProvider" not in name:
                self.assertTrue(inspect.getdoc(documented), name)

    def test_without_a_loop_the_same_things_happen(self):
        with self.connect() as link:
            link.wait_live(PATIENCE)
            with link.events() as events, link.open(Pcm(16_000)) as stream:
                for _ in range(200):
                    stream.push(bytes(320))
                stream.end()
                link.finish()
                said = []
                while len(said) < 2:
                    event = events.take(PATIENCE)
                    if isinstance(event, glasslink.FinalTranscript):
                        said.append(event.said.text)
            self.assertEqual(said, ["second-0", "second-1"])
            self.assertIn("second-1", link.export_transcript(glasslink.TranscriptFormat.SRT))
        self.assertIsInstance(link.state, glasslink.LinkState.CLOSED)

    def test_errors_are_typed_and_say_what_to_do(self):
        with self.assertRaises(glasslink.ConnectError.Address) as wrong:
            glasslink.sync.connect("nonsense://")
        self.assertEqual(wrong.exception.code, "address")
        self.assertTrue(wrong.exception.remedy)
        with self.connect() as link:
            with self.assertRaises(glasslink.AudioError.File):
                link.attach_file("/nowhere.wav")
            with self.assertRaises(glasslink.AudioError.Format):
                link.open(Pcm(7))
            stream = link.open(Pcm(16_000))
            with self.assertRaises(glasslink.AudioError.Format):
                stream.push(b"odd")
            stream.end()
            with self.assertRaises(glasslink.AudioError.Stopped):
                stream.push(bytes(320))

    def test_a_slow_consumer_slows_nobody_and_is_told_what_it_missed(self):
        with self.connect() as link:
            slow = link.events()
            release = threading.Event()
            handle = link.on_event(lambda _: release.wait(PATIENCE))
            link.wait_live(PATIENCE)
            stream = link.open(Pcm(16_000))
            for _ in range(300):
                stream.push(bytes(320))
            stream.end()
            link.finish()
            self.assertEqual(link.stats.acknowledged, 300)
            release.set()
            handle.cancel()
            slow.close()

    def test_two_loops_may_use_one_link(self):
        link = glasslink.connect(self.rig.url, token=TOKEN)

        async def live():
            await link.wait_live(PATIENCE)

        asyncio.run(live())
        asyncio.run(live())

        async def close():
            await link.close()

        asyncio.run(close())

    def test_a_provider_that_raises_is_asked_again(self):
        asked = []

        def token():
            asked.append(None)
            if len(asked) == 1:
                raise RuntimeError("the sign-in service is down")
            return TOKEN

        with glasslink.sync.connect(self.rig.url, token_provider=token) as link:
            link.wait_live(PATIENCE)
        self.assertGreater(len(asked), 1)

    def test_a_link_that_is_let_go_of_is_gone(self):
        link = self.connect()
        link.wait_live(PATIENCE)
        gone = weakref.ref(link)
        del link
        gc.collect()
        self.assertIsNone(gone())
        end = time.monotonic() + PATIENCE
        while self.rig.ask("GET", "/connections") != "[]":
            self.assertLess(time.monotonic(), end)
            time.sleep(0.01)

    def test_neither_speech_nor_secrets_are_logged(self):
        self.test_without_a_loop_the_same_things_happen()
        with self.connect() as link:
            throws = link.on_event(lambda _: 1 / 0)
            link.wait_live(PATIENCE)
        end = time.monotonic() + PATIENCE
        while not self.records.lines:
            self.assertLess(time.monotonic(), end, "nothing is logged")
            time.sleep(0.01)
        throws.cancel()
        together = "\n".join(self.records.lines)
        self.assertNotIn("second-", together)
        self.assertNotIn(f"Bearer {TOKEN}", together)

    def test_what_the_first_version_could_do_still_works(self):
        runpy.run_path(str(HERE / "tests/compatibility/v0_1.py"), {"URL": self.rig.url, "TOKEN": TOKEN})

    def test_the_examples_run(self):
        for example in ["pushed", "virtual_glasses", "own_transport"]:
            run = runpy.run_path(str(HERE / "examples" / f"{example}.py"))
            asyncio.run(run["main"](self.rig.url, TOKEN))


if __name__ == "__main__":
    unittest.main()
