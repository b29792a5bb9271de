package dev.glasslink.examples

import dev.glasslink.Glasses
import dev.glasslink.Link
import dev.glasslink.TranscriptFormat
import dev.glasslink.VirtualGlasses
import dev.glasslink.awaitReady
import dev.glasslink.connect
import dev.glasslink.discoverGlasses
import dev.glasslink.session
import java.time.Duration
import kotlinx.coroutines.delay
import kotlinx.coroutines.runBlocking

/** Captions on the lenses of glasses that are not there: `VirtualCaptions [URL [TOKEN]]`. */
object VirtualCaptions {
    @JvmStatic
    fun main(arguments: Array<String>) = runBlocking {
        val url = arguments.getOrElse(0) { "http://127.0.0.1:7700" }
        val virtual = VirtualGlasses("even-g1")
        val found = discoverGlasses(virtual.transport(), Duration.ofMillis(500)).first()
        val glasses = Glasses.open(virtual.transport(), found.remembered!!)
        glasses.awaitReady()
        Link.connect(url) { token = arguments.getOrNull(1) }.session { link ->
            val microphone = glasses.attachMicrophone(link, null)
            val captions = glasses.showCaptions(link)
            virtual.speak(List(48_000) { 1_000 })
            while (!virtual.isSilent()) {
                delay(250)
                println(virtual.lenses().map { it.lines })
            }
            glasses.stopListening()
            microphone.ended()
            link.finish()
            captions.cancel()
            println(link.exportTranscript(TranscriptFormat.TXT))
        }
        glasses.disconnect()
    }
}
