"""The library's log, in Python's."""

from __future__ import annotations

import logging
from typing import Optional

from . import _bridge
from ._bridge import LogLevel, LogRecord

_LEVELS = {
    LogLevel.ERROR: logging.ERROR,
    LogLevel.WARN: logging.WARNING,
    LogLevel.INFO: logging.INFO,
    LogLevel.DEBUG: logging.DEBUG,
    LogLevel.TRACE: logging.DEBUG,
}


class _Sink(_bridge.LogSink):
    def __init__(self, logger: logging.Logger) -> None:
        self._logger = logger

    def log(self, record: LogRecord) -> None:
        self._logger.log(_LEVELS[record.level], "%s: %s", record.target, record.message)


def log_to(logger: Optional[logging.Logger] = None, level: LogLevel = LogLevel.INFO) -> bool:
    """Hands the library's lines of ``level`` and graver to ``logger``, without speech or secrets.

    The first call in a program counts; says whether this was it.
    """
    return _bridge.set_log_sink(level, _Sink(logger or logging.getLogger("glasslink")))
