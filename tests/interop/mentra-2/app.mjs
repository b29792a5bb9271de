// An app on SDK 2 that wants everything, and says what happens to it: one JSON object a line.
import { appendFileSync } from "node:fs";
import { AppServer } from "@mentra/sdk";

const { PACKAGE, KEY, PORT, AUDIO } = process.env;
const say = (object) => process.stdout.write(JSON.stringify(object) + "\n");

class App extends AppServer {
  async onSession(session, sessionId, userId) {
    say({ on: "session", sessionId, userId, capabilities: session.capabilities ?? null });
    session.events.onTranscription(({ text, isFinal, utteranceId, startTime, endTime, transcribeLanguage }) => {
      say({ on: "transcription", text, isFinal, utteranceId, startTime, endTime, transcribeLanguage });
      if (isFinal) session.layouts.showTextWall(text);
    });
    session.events.onTranscriptionForLanguage("fr-FR", ({ text }) => say({ on: "french", text }));
    session.events.onAudioChunk(({ arrayBuffer }) => {
      appendFileSync(AUDIO, Buffer.from(arrayBuffer));
    });
    session.events.onButtonPress((press) => say({ on: "button", ...press }));
    session.events.onHeadPosition(({ position }) => say({ on: "head", position }));
    session.events.onGlassesBattery(({ level, charging }) => say({ on: "battery", level, charging }));
    session.events.onTouchEvent("double_tap", ({ gesture_name }) => say({ on: "touch", gesture: gesture_name }));
    session.onGlassesConnectionState(({ status, modelName }) => say({ on: "glasses", status, modelName }));
    session.events.onSettingsUpdate((settings) => say({ on: "settings", settings }));
    session.events.onCapabilitiesUpdate((capabilities) => say({ on: "capabilities", ...capabilities }));
    session.events.onPermissionError((error) => say({ on: "permission", ...error }));
    session.events.onConnected(() => say({ on: "connected" }));
    session.events.onDisconnected((why) => say({ on: "disconnected", why }));
    session.layouts.showTextWall("Hello");
    say({ on: "ready" });
  }

  async onStop(sessionId, userId, reason) {
    await super.onStop(sessionId, userId, reason);
    say({ on: "stop", sessionId, reason });
  }
}

const app = new App({ packageName: PACKAGE, apiKey: KEY, port: Number(PORT) });
await app.start();
say({ on: "listening" });
