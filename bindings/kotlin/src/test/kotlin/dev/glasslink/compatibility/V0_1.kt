package dev.glasslink.compatibility

import dev.glasslink.*
import java.time.Duration

/** A program for version 0.1. Never changed: it must go on to compile, and to do what it does. */
suspend fun v0_1(url: String, secret: String) {
    val link =
        Link.connect(url) {
            token = secret
            clientName = "old 1.0"
            bufferAge = Duration.ofSeconds(60)
        }
    link.session {
        it.waitLive(Duration.ofSeconds(60))
        val words =
            when (val state = it.state()) {
                is LinkState.Idle -> "idle"
                is LinkState.Connecting -> "connecting ${state.attempt}"
                is LinkState.Resuming -> "resuming ${state.attempt}"
                is LinkState.Live -> "live"
                is LinkState.Waiting -> "waiting ${state.retryIn} ${state.cause.remedy}"
                is LinkState.Refused -> "refused ${state.cause.remedy}"
                is LinkState.Closed -> "closed"
                is LinkState.Unknown -> state.code
            }
        check(words == "live")
        val stream = it.open(AudioFormat.Pcm(16_000u), StreamOptions(label = "microphone"))
        stream.push(ByteArray(32_000))
        stream.end()
        it.finish()
        val stats = it.stats()
        check(stats.captured == stats.acknowledged + stats.buffered + stats.lost)
        check("second-0" in it.exportTranscript(TranscriptFormat.TXT))
    }
}
