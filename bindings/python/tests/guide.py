"""The README's examples, word for word, against a relay with a speech engine: `python -m tests.guide SPEECH.wav`."""

import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

#: Where the guide says that the relay is.
GUIDE = "127.0.0.1:7700"

WANTED = {"fail", "better", "matter"}


def start(address):
    """A relay that listens there, and its URL; nothing if it cannot."""
    relay = subprocess.Popen(
        [os.environ["GLASSLINK_RELAY"], "serve", "--listen", address], stdout=subprocess.PIPE, text=True
    )
    for line in relay.stdout:
        if "listening on " in line:
            return relay, line.split("listening on ", 1)[1].strip()
    relay.wait()
    return None


def main():
    speech = sys.argv[1]
    readme = Path(__file__).parents[1] / "README.md"
    programs = [code for code in re.findall(r"```python\n(.*?)```", readme.read_text(), re.S) if "talk.wav" in code]
    assert len(programs) == 2, programs
    assert len([line for line in programs[0].splitlines() if line]) <= 10, "the guide has ten lines"
    there = [package.name for package in importlib.metadata.distributions()]
    assert there == ["glasslink"], there
    started = start(GUIDE) or start("127.0.0.1:0")
    assert started, "no relay"
    relay, url = started
    if url != f"http://{GUIDE}":
        print(f"{GUIDE} is somebody else's here: the guide runs with {url}")
    failed = 0
    try:
        with tempfile.TemporaryDirectory() as folder:
            shutil.copy(speech, Path(folder) / "talk.wav")
            for name, program in zip(["the guide", "the guide without a loop"], programs):
                program = program.replace(f"http://{GUIDE}", url)
                said = subprocess.run(
                    [sys.executable, "-I", "-c", program], cwd=folder, capture_output=True, text=True, timeout=240
                )
                print(said.stdout, end="")
                words = set(re.findall(r"[a-z]+", said.stdout.lower()))
                passed = said.returncode == 0 and not said.stderr and WANTED <= words
                failed += not passed
                print(f"test {name}: {'passed' if passed else f'FAILED: {words} {said.stderr}'}", flush=True)
    finally:
        relay.kill()
        relay.wait()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
