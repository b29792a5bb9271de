"""The README's examples, word for word, against a relay with a speech engine: `python -m tests.guide SPEECH.wav`."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

WANTED = {"fail", "better", "matter"}


def main():
    speech = sys.argv[1]
    readme = Path(__file__).parents[1] / "README.md"
    programs = [code for code in re.findall(r"```python\n(.*?)```", readme.read_text(), re.S) if "talk.wav" in code]
    assert len(programs) == 2, programs
    assert len([line for line in programs[0].splitlines() if line]) <= 10, "the guide has ten lines"
    relay = subprocess.Popen(
        [os.environ["GLASSLINK_RELAY"], "serve", "--listen", "127.0.0.1:0"], stdout=subprocess.PIPE, text=True
    )
    try:
        for line in relay.stdout:
            if "listening on " in line:
                url = line.split("listening on ", 1)[1].strip()
                break
        with tempfile.TemporaryDirectory() as folder:
            shutil.copy(speech, Path(folder) / "talk.wav")
            for program in programs:
                program = program.replace("http://127.0.0.1:7700", url)
                said = subprocess.run(
                    [sys.executable, "-c", program], cwd=folder, capture_output=True, text=True, timeout=240
                )
                print(said.stdout, end="")
                words = set(re.findall(r"[a-z]+", said.stdout.lower()))
                assert said.returncode == 0 and not said.stderr, said.stderr
                assert WANTED <= words, words
    finally:
        relay.kill()
        relay.wait()
    print("guide: passed")


if __name__ == "__main__":
    main()
