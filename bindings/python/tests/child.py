"""Records what cannot be sent, until it is killed: `python -m tests.child URL FOLDER SECONDS [KEY]`."""

import sys
import time

import glasslink.sync
from glasslink import Pcm

url, folder, seconds, *key = sys.argv[1:]
key = bytes.fromhex(key[0]) if key else None
link = glasslink.sync.connect(url, token="right", journal_folder=folder, journal_key=key)
stream = link.open(Pcm(16_000))
for _ in range(int(seconds) * 100):
    stream.push(bytes(320))
# What is pushed is written by a thread of the library.
while link.stats.captured < int(seconds) * 100:
    time.sleep(0.01)
print("recorded", flush=True)
time.sleep(600)
