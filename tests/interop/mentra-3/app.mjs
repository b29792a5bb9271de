// An app on SDK 3 that wants everything, and says what happens to it: one JSON object a line.
import { appendFileSync } from "node:fs";
import { serve } from "@hono/node-server";

// The SDK is made for Bun, of which it uses only what serves files.
globalThis.Bun = { file: () => ({ exists: async () => false }), version: "0" };
const { MiniAppServer } = await import("@mentra/sdk");

const { PACKAGE, KEY, PORT, AUDIO } = process.env;
const say = (object) => process.stdout.write(JSON.stringify(object) + "\n");

const app = new MiniAppServer({ packageName: PACKAGE, apiKey: KEY, port: Number(PORT), cookieSecret: "of this test alone" });
app.onSession((session) => {
  say({ on: "session", sessionId: session.sessionId, userId: session.userId });
  session.transcription.on((event) => {
    const { text, isFinal, utteranceId, startTime, endTime, language } = event;
    say({ on: "transcription", text, isFinal, utteranceId, startTime, endTime, transcribeLanguage: language });
    if (isFinal) session.display.showTextWall(text);
  });
  session.mic.onChunk(({ data }) => appendFileSync(AUDIO, Buffer.from(data)));
  session.device.onButtonPress((press) => say({ on: "button", ...press }));
  session.device.onHeadPosition(({ position }) => say({ on: "head", position }));
  session.device.onTouchEvent("double_tap", (event) => say({ on: "touch", event }));
  session.device.onBatteryUpdate((event) => say({ on: "battery", ...event }));
  session.onReconnected(() => say({ on: "reconnected" }));
  session.onDisconnected((why) => say({ on: "disconnected", why }));
  session.display.showTextWall("Hello");
  say({ on: "ready" });
});
app.onStop((session, reason) => say({ on: "stop", sessionId: session?.sessionId, reason }));
await app.start();
serve({ fetch: app.fetch, port: Number(PORT), hostname: "127.0.0.1" }, () => say({ on: "listening" }));
