"""Sends a file of audio through Deepgram's SDK, and prints what comes, an object a line."""

import json
import os
import sys
import threading
import time

from deepgram import DeepgramClient
from deepgram.core.events import EventType
from deepgram.environment import DeepgramClientEnvironment

relay = os.environ["RELAY"]
pieces = int(os.environ.get("PIECE", "3200"))
pause = float(os.environ.get("PAUSE", "0")) / 1000
query = json.loads(os.environ.get("QUERY", "{}"))


def say(on, **rest):
    print(json.dumps({"on": on, **rest}), flush=True)


def cut(audio):
    return (audio[start : start + pieces] for start in range(0, len(audio), pieces))


def packets(audio):
    """Each is preceded by its length."""
    while audio:
        length = int.from_bytes(audio[:2], "little")
        yield audio[2 : 2 + length]
        audio = audio[2 + length :]


def listen(client):
    with client.listen.v1.connect(model="nova-3", **query) as connection:
        finalized, closed = threading.Event(), threading.Event()

        def message(message):
            message = message.dict()
            say("message", message=message)
            if message.get("from_finalize"):
                finalized.set()

        def end(_):
            say("closed", code=connection._websocket.protocol.close_code)
            closed.set()

        connection.on(EventType.MESSAGE, message)
        connection.on(EventType.ERROR, lambda error: say("error", error=str(error)))
        connection.on(EventType.CLOSE, end)
        threading.Thread(target=connection.start_listening, daemon=True).start()
        say("open")
        if os.environ.get("WAIT"):
            sys.stdin.readline()
        with open(os.environ["AUDIO"], "rb") as file:
            audio = file.read()
        connection.send_keep_alive()
        messages = list(packets(audio) if os.environ.get("PACKETS") else cut(audio))
        middle = len(messages) // 2 if os.environ.get("FINALIZE") else 0
        for number, media in enumerate(messages):
            if number == middle > 0:
                connection.send_finalize()
                finalized.wait(60)
            connection.send_media(media)
            time.sleep(pause)
        connection.send_close_stream()
        closed.wait(100)


def main():
    environment = DeepgramClientEnvironment(base="http://127.0.0.1:1", production=relay, agent=relay, agent_rest=relay)
    client = DeepgramClient(api_key=os.environ["KEY"], environment=environment)
    # This SDK does not come back by itself: programs do.
    for attempt in range(int(os.environ.get("ATTEMPTS", "1"))):
        try:
            listen(client)
            return
        except Exception as error:
            say("broken", attempt=attempt, error=str(error))


main()
