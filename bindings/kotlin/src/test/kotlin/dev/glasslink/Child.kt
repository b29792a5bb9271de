package dev.glasslink

import java.util.HexFormat
import kotlinx.coroutines.delay
import kotlinx.coroutines.runBlocking

/** Records what cannot be sent, until it is killed: `dev.glasslink.Child URL FOLDER SECONDS [KEY]`. */
object Child {
    @JvmStatic
    fun main(arguments: Array<String>): Unit = runBlocking {
        val (url, folder, seconds) = arguments
        val link =
            Link.connect(url) {
                token = TOKEN
                journalFolder = folder
                journalKey = arguments.getOrNull(3)?.let(HexFormat.of()::parseHex)
            }
        val stream = link.open(AudioFormat.Pcm(16_000u))
        repeat(seconds.toInt() * 100) { stream.push(ByteArray(320)) }
        // What is pushed is written by a thread of the library.
        while (link.stats().captured < seconds.toULong() * 100u) delay(10)
        println("recorded")
        delay(600_000)
    }
}
