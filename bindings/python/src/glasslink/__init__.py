"""Keeps speech flowing to a relay, whatever the network does, and brings back what was said.

>>> async with glasslink.connect("http://127.0.0.1:7700") as link:
...     file = await link.attach_file("talk.wav")
...     async for said in link.finals(until=file.transcribed()):
...         print(said.text)

:mod:`glasslink.sync` is the same for programs without a loop, :mod:`glasslink.glasses` has smart glasses.
"""

from ._bridge import (
    AccessToken,
    AudioError,
    AudioFormat,
    Cause,
    CauseKind,
    ConnectError,
    EngineState,
    EngineStatus,
    Final,
    Gap,
    GapCause,
    JournalStatus,
    LinkEvent,
    LinkOptions,
    LinkState,
    LinkStats,
    LinkTransport,
    LogLevel,
    LogRecord,
    Pairing,
    PairError,
    Partial,
    Recovered,
    TaskHandle,
    TokenError,
    TranscriptEntry,
    TranscriptFormat,
    WaitError,
    WhenFull,
    Word,
    new_journal_key,
    version,
)
from ._events import Events
from ._link import AttachedSource, AudioStream, Link, TokenProvider, connect, recover
from ._log import log_to
from ._pairing import pair_with_code, pair_with_qr

__version__ = version()

# What is pushed.
Pcm = AudioFormat.PCM
Lc3 = AudioFormat.LC3
Opus = AudioFormat.OPUS

# What happens, for `match` and `isinstance`.
StateChanged = LinkEvent.STATE_CHANGED
PartialTranscript = LinkEvent.PARTIAL_TRANSCRIPT
FinalTranscript = LinkEvent.FINAL_TRANSCRIPT
TranscriptGap = LinkEvent.TRANSCRIPT_GAP
AudioGap = LinkEvent.AUDIO_GAP
AudioStalled = LinkEvent.AUDIO_STALLED
AudioRecovered = LinkEvent.AUDIO_RECOVERED
AudioLost = LinkEvent.AUDIO_LOST
SamplesWanted = LinkEvent.SAMPLES_WANTED
EngineChanged = LinkEvent.ENGINE_CHANGED
StreamContinued = LinkEvent.STREAM_CONTINUED
Lagged = LinkEvent.LAGGED

__all__ = [
    "AccessToken",
    "AttachedSource",
    "AudioError",
    "AudioFormat",
    "AudioGap",
    "AudioLost",
    "AudioRecovered",
    "AudioStalled",
    "AudioStream",
    "Cause",
    "CauseKind",
    "ConnectError",
    "EngineChanged",
    "EngineState",
    "EngineStatus",
    "Events",
    "Final",
    "FinalTranscript",
    "Gap",
    "GapCause",
    "JournalStatus",
    "Lagged",
    "Lc3",
    "Link",
    "LinkEvent",
    "LinkOptions",
    "LinkState",
    "LinkStats",
    "LinkTransport",
    "LogLevel",
    "LogRecord",
    "Opus",
    "PairError",
    "Pairing",
    "Partial",
    "PartialTranscript",
    "Pcm",
    "Recovered",
    "SamplesWanted",
    "StateChanged",
    "StreamContinued",
    "TaskHandle",
    "TokenError",
    "TokenProvider",
    "TranscriptEntry",
    "TranscriptFormat",
    "TranscriptGap",
    "WaitError",
    "WhenFull",
    "Word",
    "connect",
    "log_to",
    "new_journal_key",
    "pair_with_code",
    "pair_with_qr",
    "recover",
]
