#!/usr/bin/env python3
"""Records a terminal program as an animated SVG.

    pip install pyte
    python3 docs/record.py docs/demo.svg cargo xtask demo

A line of the screen that stays the same is drawn once, for as long as it stands.
"""

import html
import os
import pty
import select
import struct
import sys
import termios
import time
from fcntl import ioctl

import pyte

COLUMNS, ROWS = 100, 30
CELL, LINE, MARGIN = 8.4, 18, 14
# A change that is gone sooner than this was never read.
STEP = 0.1
# How long the last screen stands before everything begins again.
PAUSE = 6.0
COLOURS = {
    "default": "#d8dee9", "black": "#4c566a", "red": "#e06c75", "green": "#98c379", "brown": "#e5c07b",
    "blue": "#61afef", "magenta": "#c678dd", "cyan": "#56b6c2", "white": "#ffffff", "brightblack": "#7f8896",
}


def record(command):
    """Runs the command on a screen of its own: (seconds, rows of runs) whenever the screen changed."""
    screen = pyte.Screen(COLUMNS, ROWS)
    stream = pyte.ByteStream(screen)
    child, terminal = pty.fork()
    if child == 0:
        os.environ.update(TERM="xterm-256color", COLUMNS=str(COLUMNS), LINES=str(ROWS))
        os.execvp(command[0], command)
    ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    began, frames, shown = time.monotonic(), [], None
    while True:
        ready, _, _ = select.select([terminal], [], [], STEP)
        if ready:
            try:
                data = os.read(terminal, 1 << 16)
            except OSError:
                data = b""
            if not data:
                break
            # pyte knows no dimmed text; grey says the same.
            stream.feed(data.replace(b"\x1b[2m", b"\x1b[90m").replace(b"\x1b[22m", b"\x1b[39m"))
        now = time.monotonic() - began
        rows = [runs(screen, row) for row in range(ROWS)]
        if rows != shown and (not frames or now - frames[-1][0] >= STEP):
            frames.append((now, rows))
            shown = rows
    frames.append((time.monotonic() - began, [runs(screen, row) for row in range(ROWS)]))
    _, status = os.waitpid(child, 0)
    return frames, os.waitstatus_to_exitcode(status)


def runs(screen, row):
    """The row as (column, text, colour, bold, dimmed) of like characters, without blanks at the end."""
    line, found = screen.buffer[row], []
    for column in range(COLUMNS):
        cell = line[column]
        style = (cell.fg, cell.bold)
        if found and found[-1][2] == style:
            found[-1][1] += cell.data
        else:
            found.append([column, cell.data, style])
    while found and not found[-1][1].strip():
        found.pop()
    return tuple((column, text.rstrip() if index == len(found) - 1 else text, style)
                 for index, (column, text, style) in enumerate(found))


def standing(frames):
    """(row, runs, from, to) of every line that stood."""
    first = next((seconds for seconds, rows in frames if any(rows)), 0.0)
    end = frames[-1][0] - first + PAUSE
    for row in range(ROWS):
        since, current = 0.0, ()
        for seconds, rows in frames:
            at = max(seconds - first, 0.0)
            if rows[row] != current:
                if current:
                    yield row, current, since, at
                since, current = at, rows[row]
        if current:
            yield row, current, since, end


def colour(name):
    return COLOURS.get(name, f"#{name}" if len(name) == 6 else COLOURS["default"])


def span(column, text, style):
    fg, bold = style
    weight = ' font-weight="bold"' if bold else ""
    return f'<tspan x="{MARGIN + column * CELL:.1f}" fill="{colour(fg)}"{weight}>{html.escape(text)}</tspan>'


def draw(frames):
    end = frames[-1][0] - next((seconds for seconds, rows in frames if any(rows)), 0.0) + PAUSE
    width, height = COLUMNS * CELL + 2 * MARGIN, ROWS * LINE + 2 * MARGIN
    yield (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height}" '
           f'font-family="ui-monospace,Menlo,Consolas,monospace" font-size="14" xml:space="preserve">')
    yield f'<rect width="100%" height="100%" rx="8" fill="#1e222a"><animate id="t" attributeName="x" values="0;0" dur="{end:.1f}s" begin="0s;t.end"/></rect>'
    for row, line, since, until in standing(frames):
        y = MARGIN + (row + 0.8) * LINE
        spans = "".join(span(*run) for run in line if run[1].strip())
        yield (f'<text y="{y:.0f}" visibility="hidden">{spans}<set attributeName="visibility" to="visible" '
               f'begin="t.begin+{since:.1f}s" dur="{max(until - since, STEP):.1f}s"/></text>')
    yield "</svg>"


def main():
    target, *command = sys.argv[1:]
    frames, code = record(command)
    with open(target, "w", encoding="utf-8") as file:
        file.write("\n".join(draw(frames)) + "\n")
    print(f"{target}: {os.path.getsize(target) / 1024:.0f} KiB, {frames[-1][0]:.0f} s, exit code {code}")
    return code


if __name__ == "__main__":
    sys.exit(main())
