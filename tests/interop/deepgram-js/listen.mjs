// Sends a file of audio through Deepgram's SDK, and prints what comes, an object a line.
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";

import { DeepgramClient } from "@deepgram/sdk";

const { RELAY, KEY, AUDIO, PIECE = "3200", QUERY = "{}", FINALIZE, PACKETS, PAUSE, WAIT } = process.env;
const say = (on, rest = {}) => console.log(JSON.stringify({ on, ...rest }));

const environment = { base: "http://127.0.0.1:1", production: RELAY, agent: RELAY };
const client = new DeepgramClient({ apiKey: KEY, environment });
const connection = await client.listen.v1.connect({ model: "nova-3", ...JSON.parse(QUERY) });

const audio = readFileSync(AUDIO);
const size = Number(PIECE);
const messages = [...(PACKETS ? packets() : cut())];
const middle = FINALIZE ? Math.floor(messages.length / 2) : 0;

function* cut() {
  for (let start = 0; start < audio.length; start += size) yield audio.subarray(start, start + size);
}

// Each is preceded by its length.
function* packets() {
  for (let start = 0; start < audio.length; ) {
    const end = start + 2 + audio.readUInt16LE(start);
    yield audio.subarray(start + 2, end);
    start = end;
  }
}

async function send(some) {
  for (const message of some) {
    connection.sendMedia(message);
    if (PAUSE) await sleep(Number(PAUSE));
  }
}

async function rest() {
  await send(messages.slice(middle));
  connection.sendCloseStream({ type: "CloseStream" });
}

async function begin() {
  connection.sendKeepAlive({ type: "KeepAlive" });
  if (middle === 0) return rest();
  await send(messages.slice(0, middle));
  connection.sendFinalize({ type: "Finalize" });
}

let opened = 0;
connection.on("open", () => {
  opened += 1;
  say("open");
  // The first time it waits to be told, perhaps; when it comes back it begins.
  if (WAIT && opened === 1) createInterface({ input: process.stdin }).once("line", begin);
  else begin();
});
connection.on("message", (message) => {
  say("message", { message });
  if (message.from_finalize) rest();
});
connection.on("error", (error) => say("error", { error: String(error?.message) }));
connection.on("close", (event) => {
  say("closed", { code: event.code });
  if (event.code === 1000) setTimeout(() => process.exit(0), 500);
});
connection.connect();
