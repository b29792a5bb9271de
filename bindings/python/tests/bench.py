"""What the bridge costs in Python: `python -m tests.bench`."""

import time

import glasslink.sync
from glasslink import Pcm

from .rig import TOKEN, Rig

FRAMES = 20_000


def main():
    rig = Rig()
    with glasslink.sync.connect(rig.url, token=TOKEN, on_event=lambda _: None) as link:
        link.wait_live(60)
        stream = link.open(Pcm(16_000, None))
        frame = bytes(320)
        began = time.thread_time()
        for _ in range(FRAMES):
            stream.push(frame)
        each = (time.thread_time() - began) / FRAMES
    rig.close()
    print(f"python: a push of 10 ms costs its thread {each * 1e6:.1f} us: {each * 100 * 100:.3f} % of a core")


if __name__ == "__main__":
    main()
