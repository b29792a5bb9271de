package dev.glasslink

import dev.glasslink.compatibility.v0_1
import dev.glasslink.examples.OwnTransport
import dev.glasslink.examples.Pushed
import dev.glasslink.examples.VirtualCaptions
import java.nio.ByteBuffer
import java.util.Collections
import kotlin.system.exitProcess
import kotlinx.coroutines.CompletableDeferred
import kotlinx.coroutines.async
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.delay
import kotlinx.coroutines.flow.onEach
import kotlinx.coroutines.flow.toList
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withTimeout

/** What is Kotlin's own; what all languages share is in `Scenarios.kt`. */
private class Tests(private val rig: Rig) {
    val all: Map<String, suspend () -> Unit> =
        linkedMapOf(
            "its version is the core's" to { check(version() == System.getenv("GLASSLINK_VERSION")) { version() } },
            "flows begin with what is and end with the link" to ::flows,
            "errors are typed and say what to do" to ::errors,
            "audio of any shape is taken" to ::audio,
            "a provider that throws is asked again" to ::provider,
            "neither speech nor secrets are logged" to ::log,
            "what the first version could do still works" to { v0_1(rig.url, TOKEN) },
        )

    private fun connect() = Link.connect(rig.url) { token = TOKEN }

    private suspend fun flows() = coroutineScope {
        val link = connect()
        val live = CompletableDeferred<Unit>()
        val states = async {
            link.states().onEach { if (it is LinkState.Live) live.complete(Unit) }.toList()
        }
        live.await()
        link.session { it.waitLive(60) }
        val seen = states.await()
        check(seen.last() is LinkState.Closed) { seen }
    }

    private suspend fun errors() {
        val address = runCatching { Link.connect("nonsense://") }.exceptionOrNull()
        check(address is ConnectException.Address && address.remedy.isNotEmpty()) { "$address" }
        check((address as Throwable).trouble == Trouble(address.code, address.reason, address.remedy))
        check(IllegalStateException().trouble == null)
        connect().session { link ->
            check(runCatching { link.attachFile("/nowhere.wav") }.exceptionOrNull() is AudioException.File)
            check(runCatching { link.open(AudioFormat.Pcm(7u)) }.exceptionOrNull() is AudioException.Format)
            val stream = link.open(AudioFormat.Pcm(16_000u))
            check(runCatching { stream.push(ByteArray(3)) }.exceptionOrNull() is AudioException.Format)
            stream.end()
            check(runCatching { stream.push(ByteArray(2)) }.exceptionOrNull() is AudioException.Stopped)
        }
    }

    private suspend fun audio() =
        connect().session { link ->
            val stream = link.open(AudioFormat.Pcm(16_000u))
            stream.push(ByteArray(16_000))
            stream.push(ShortArray(8_000))
            stream.push(ByteBuffer.allocateDirect(32_000))
            val said = link.finals { link.finish() }.toList().map { it.text }
            check(said == listOf("second-0", "second-1")) { said }
            check(link.stats().captured == 200uL) { link.stats() }
        }

    private suspend fun provider() {
        var asked = 0
        val tokens = TokenProvider {
            asked += 1
            check(asked > 1) { "the sign-in service is down" }
            TOKEN
        }
        Link.connect(rig.url, tokens).session { it.waitLive(60) }
        check(asked > 1)
    }

    private suspend fun log() {
        val lines = Collections.synchronizedList(mutableListOf<String>())
        check(logTo(LogLevel.TRACE) { lines += it.message })
        audio()
        val throws =
            object : EventListener {
                override fun events(events: List<LinkEvent>) = error("thrown on purpose")

                override fun ended() = Unit
            }
        connect().session { link ->
            link.subscribe(throws)
            link.waitLive(60)
        }
        withTimeout(60_000) { while (lines.isEmpty()) delay(10) }
        val together = synchronized(lines) { lines.joinToString("\n") }
        check("second-" !in together && "Bearer $TOKEN" !in together) { together }
    }
}

fun main() {
    var failed = 0
    fun tell(name: String, failure: Throwable?) {
        println("$name: ${failure?.let { "FAILED: $it" } ?: "passed"}")
        if (failure != null) failed += 1
    }
    Rig().use { rig ->
        for ((name, test) in Tests(rig).all) {
            tell("test $name", runCatching { runBlocking { withTimeout(240_000) { test() } } }.exceptionOrNull())
        }
        val examples =
            mapOf<String, () -> Unit>(
                "Pushed" to { Pushed.main(arrayOf(rig.url, TOKEN)) },
                "VirtualCaptions" to { VirtualCaptions.main(arrayOf(rig.url, TOKEN)) },
                "OwnTransport" to { OwnTransport.main(emptyArray()) },
            )
        for ((name, example) in examples) tell("example $name", runCatching(example).exceptionOrNull())
    }
    exitProcess(if (failed == 0) 0 else 1)
}
