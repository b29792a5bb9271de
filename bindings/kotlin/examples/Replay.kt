package dev.glasslink.examples

import dev.glasslink.Link
import dev.glasslink.LinkEvent
import dev.glasslink.LinkState
import dev.glasslink.connect
import dev.glasslink.events
import dev.glasslink.finals
import dev.glasslink.session
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking

/** Captions of an audio file: `Replay FILE [URL [TOKEN]]`. */
object Replay {
    @JvmStatic
    fun main(arguments: Array<String>) = runBlocking {
        val url = arguments.getOrElse(1) { "http://127.0.0.1:7700" }
        Link.connect(url) { token = arguments.getOrNull(2) }.session { link ->
            val watching = launch {
                link.events().collect { event ->
                    when (event) {
                        is LinkEvent.StateChanged ->
                            (event.state as? LinkState.Waiting)?.let { println("(${it.cause.reason}; ${it.cause.remedy})") }
                        is LinkEvent.TranscriptGap -> println("[${event.gap.duration.toMillis()} ms: ${event.gap.words}]")
                        else -> {}
                    }
                }
            }
            val file = link.attachFile(arguments[0])
            link.finals { file.ended(); link.finish() }.collect { println(it.text) }
            watching.cancel()
        }
    }
}
