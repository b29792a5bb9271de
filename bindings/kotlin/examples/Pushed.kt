package dev.glasslink.examples

import dev.glasslink.AudioFormat
import dev.glasslink.Link
import dev.glasslink.StreamOptions
import dev.glasslink.WaitException
import dev.glasslink.connect
import dev.glasslink.push
import dev.glasslink.session
import kotlin.math.PI
import kotlin.math.sin
import kotlinx.coroutines.delay
import kotlinx.coroutines.runBlocking

/** Audio of one's own: a tone, pushed in pieces as a microphone would give it. `Pushed [URL [TOKEN]]` */
object Pushed {
    private const val RATE = 48_000

    @JvmStatic
    fun main(arguments: Array<String>) = runBlocking {
        val url = arguments.getOrElse(0) { "http://127.0.0.1:7700" }
        Link.connect(url) { token = arguments.getOrNull(1) }.session { link ->
            val tone = ShortArray(RATE / 10) { (8_000 * sin(2 * PI * 440 * it / RATE)).toInt().toShort() }
            val stream = link.open(AudioFormat.Pcm(RATE.toUInt()), StreamOptions(label = "A tone"))
            repeat(20) {
                stream.push(tone)
                delay(100)
            }
            try {
                link.finish()
            } catch (without: WaitException.NoEngine) {
                println("${without.reason} ${without.remedy}")
            }
            val stats = link.stats()
            println("captured ${stats.captured} = acknowledged ${stats.acknowledged} + lost ${stats.lost}")
        }
    }
}
