package dev.glasslink

import java.io.File
import java.nio.file.Files
import java.time.Duration
import java.util.Collections
import java.util.HexFormat
import java.util.concurrent.atomic.AtomicInteger
import kotlin.system.exitProcess
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.async
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.delay
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withContext
import kotlinx.coroutines.withTimeout

/** A machine with other work to do takes longer; nothing here waits without it. */
private const val PATIENCE = 60_000L

/** A Bluetooth stack in Kotlin, over that of the virtual glasses. */
class CountingTransport(private val inner: BluetoothTransport, failures: Int) : BluetoothTransport {
    val calls = AtomicInteger()
    val failures = AtomicInteger(failures)

    override suspend fun startScan(listener: BluetoothScanListener) {
        calls.incrementAndGet()
        inner.startScan(listener)
    }

    override suspend fun stopScan() = inner.stopScan()

    override suspend fun connect(peripheral: String, listener: BluetoothLinkListener): BluetoothConnection {
        calls.incrementAndGet()
        check(failures.getAndUpdate { maxOf(it - 1, 0) } == 0) { "thrown on purpose" }
        return BluetoothConnection(CountingLink(inner.connect(peripheral, listener).link))
    }

    inner class CountingLink(private val link: BluetoothLink) : BluetoothLink by link {
        override suspend fun write(characteristic: String, value: ByteArray, kind: BluetoothWrite) {
            calls.incrementAndGet()
            link.write(characteristic, value, kind)
        }
    }
}

class Scenario(private val rig: Rig) {
    private lateinit var link: Link
    private lateinit var stream: AudioStream
    private lateinit var virtual: VirtualGlasses
    private lateinit var source: AttachedSource
    private var glasses: Glasses? = null
    private var rate = 0
    @Volatile private var given = TOKEN
    private val seen: MutableList<LinkEvent> = Collections.synchronizedList(mutableListOf())
    private val journal: File = Files.createTempDirectory("glasslink-").toFile()
    private val tokens = TokenProvider { given }

    suspend fun run(steps: List<String>) {
        rig.ask("POST", "/reset")
        try {
            for (step in steps) {
                try {
                    withTimeout(4 * PATIENCE) { take(step.split(" ")) }
                } catch (error: Throwable) {
                    val state = if (::link.isInitialized) link.state().toString() else ""
                    throw AssertionError("$step: $error ($state)", error)
                }
            }
        } finally {
            glasses?.disconnect()
            if (::link.isInitialized) link.end()
            rig.ask("POST", "/reset")
            journal.deleteRecursively()
        }
    }

    private suspend fun until(what: String, holds: () -> Boolean) {
        val end = System.nanoTime() + PATIENCE * 1_000_000
        while (!holds()) {
            check(System.nanoTime() < end) { "not in time: $what" }
            delay(10)
        }
    }

    private suspend fun take(words: List<String>) {
        val rest = words.drop(1)
        when (words[0]) {
            "connect" -> connect(rest)
            "state" -> state(rest[0])
            "cause" -> cause(rest[0])
            "open" -> open(rest[0].toInt())
            "push" -> push(rest[0].toInt())
            "pause" -> stream.pause()
            "end_stream" -> stream.end()
            "fault" -> rig.ask("POST", "/rules", rest.joinToString(" "))
            "heal" -> rig.ask("DELETE", "/rules")
            "cut" -> check(!rig.ask("DELETE", "/connections").contains(":0}"))
            "token" -> token(rest[0])
            "network" -> link.networkChanged()
            "finish" -> withTimeout(PATIENCE) { link.finish() }
            "heard" -> heard(rest[0].toInt())
            "gap" -> gap(rest[0])
            "stats" -> stats(rest)
            "give_up" -> giveUp()
            "throwing" -> throwing()
            "glasses" -> glasses(rest[0], rest.getOrElse(1) { "0" }.toInt())
            "listen" -> source = glasses!!.attachMicrophone(link, StreamOptions(label = "glasses"))
            "captions" -> glasses!!.showCaptions(link).let { captions = it }
            "speak" -> virtual.speak(List(rest[0].toInt() * 16_000) { 1000 })
            "shown" -> shown(rest[0])
            "quiet" -> quiet()
            "seal" -> key = newJournalKey()
            "locked" -> locked()
            "killed" -> killed(rest[0])
            "recover" -> recover(rest[0].toInt())
            "cycles" -> cycles(rest[0].toInt())
            "end" -> link.end()
            else -> error("there is no step ${words[0]}")
        }
    }

    private var captions: TaskHandle? = null
    private var key: ByteArray? = null
    private val subscriptions = mutableListOf<Subscription>()

    private fun connect(words: List<String>) {
        val listener =
            object : EventListener {
                override fun events(events: List<LinkEvent>) {
                    seen.addAll(events)
                }

                override fun ended() = Unit
            }
        link =
            Link.connect(rig.url, tokens, listener) {
                for (word in words) {
                    val (name, value) = word.split("=")
                    when (name) {
                        "buffer_bytes" -> bufferBytes = value.toULong()
                        "journal" -> journalFolder = journal.path
                        else -> error("there is no option $name")
                    }
                }
            }
    }

    private suspend fun state(name: String) = until(name) { word(link.state()) == name }

    private fun cause(code: String) {
        val cause = (link.state() as LinkState.Refused).cause
        check(cause.code == code && cause.remedy.isNotEmpty()) { cause }
    }

    private fun open(hertz: Int) {
        rate = hertz
        stream = link.open(AudioFormat.Pcm(hertz.toUInt()), StreamOptions(label = "test"))
    }

    private fun push(seconds: Int) {
        val frame = ByteArray(rate / 100 * 2)
        repeat(seconds * 100) { stream.push(frame) }
    }

    private fun token(text: String) {
        given = text
        if (::link.isInitialized) link.credentialsChanged()
    }

    private fun finals(): List<String> =
        synchronized(seen) { seen.filterIsInstance<LinkEvent.FinalTranscript>().map { it.said.text } }

    private suspend fun heard(count: Int) {
        until("$count finals") { finals().size >= count }
        val said = finals()
        check(said == said.indices.map { "second-$it" }) { said }
    }

    private suspend fun gap(cause: String) =
        until("gap $cause") {
            synchronized(seen) { seen.any { it is LinkEvent.AudioGap && word(it.gap.cause) == cause } }
        }

    private fun stats(words: List<String>) {
        val stats = link.stats()
        check(stats.captured == stats.acknowledged + stats.buffered + stats.lost) { stats }
        for (word in words) {
            val (name, value) = word.split('=', '>')
            val figure =
                when (name) {
                    "captured" -> stats.captured
                    "acknowledged" -> stats.acknowledged
                    "lost" -> stats.lost
                    "reconnects" -> stats.reconnects
                    else -> error("there is no figure $name")
                }
            val holds = if ('>' in word) figure > value.toULong() else figure == value.toULong()
            check(holds) { "$word: $stats" }
        }
    }

    private suspend fun giveUp() = coroutineScope {
        val waiting = async { link.waitLive() }
        state("waiting")
        waiting.cancelAndJoin()
        check(waiting.isCancelled) { "it was not cancelled" }
    }

    private suspend fun throwing() {
        val calls = AtomicInteger()
        subscriptions +=
            link.subscribe(
                object : EventListener {
                    override fun events(events: List<LinkEvent>) {
                        calls.incrementAndGet()
                        throw IllegalStateException("thrown on purpose")
                    }

                    override fun ended() = Unit
                }
            )
        open(16_000)
        push(1)
        stream.end()
        until("a second call") { calls.get() > 1 }
        link.finish()
        seen.clear()
    }

    private suspend fun glasses(model: String, failures: Int) {
        virtual = VirtualGlasses(model)
        val transport = CountingTransport(virtual.transport(), failures)
        val found = discoverGlasses(transport, Duration.ofMillis(500)).first()
        val opened = Glasses.open(transport, found.remembered!!)
        glasses = opened
        withTimeout(PATIENCE) { opened.awaitReady() }
        check(transport.calls.get() > 3 && transport.failures.get() == 0) { "${transport.calls} calls" }
    }

    private suspend fun shown(text: String) {
        until("$text on the lenses") { virtual.lenses().any { lens -> lens.lines.any { text in it } } }
        until("the end of speech") { virtual.isSilent() }
    }

    private suspend fun quiet() {
        glasses!!.stopListening()
        withTimeout(PATIENCE) { source.ended() }
    }

    private suspend fun killed(seconds: String) =
        withContext(Dispatchers.IO) {
            val java = File(System.getProperty("java.home"), "bin/java").path
            val library = "-Djna.library.path=" + System.getProperty("jna.library.path")
            val classes = System.getProperty("java.class.path")
            val command = listOf(java, library, "-cp", classes, "dev.glasslink.Child", rig.url, journal.path, seconds)
            val child = ProcessBuilder(command + listOfNotNull(key?.let(HexFormat.of()::formatHex))).redirectError(ProcessBuilder.Redirect.INHERIT).start()
            check(child.inputReader().readLine() == "recorded")
            child.destroyForcibly().waitFor()
        }

    private suspend fun recovered(key: ByteArray?): List<Recovered> =
        dev.glasslink.recover(LinkOptions(rig.url, journalFolder = journal.path, journalKey = key), tokens)

    private suspend fun locked() {
        val found = recovered(null)
        check(found.size == 1 && "encrypted" in found[0].trouble.orEmpty()) { found }
    }

    private suspend fun recover(count: Int) {
        val found = recovered(key)
        check(found.size == 1 && found[0].trouble == null) { found }
        val said = found[0].transcript.filterIsInstance<TranscriptEntry.Speech>()
        check(said.size >= count && found[0].stats!!.lost == 0uL) { found }
    }

    private suspend fun cycles(count: Int) {
        // What grows with the first few is not a leak: pools, caches, threads that stay.
        var before = held()
        repeat(count) { number ->
            if (number == count / 4) before = held()
            Link.connect(rig.url) { token = TOKEN }.session { withTimeout(PATIENCE) { it.waitLive() } }
        }
        val after = held()
        check(after.threads <= before.threads + 8) { "$before, then $after" }
        check(after.files <= before.files + 8) { "$before, then $after" }
        check(after.bytes <= before.bytes + (64L shl 20)) { "$before, then $after" }
    }
}

data class Held(val threads: Int, val files: Int, val bytes: Long)

/** What this process holds; only Linux tells. */
fun held(): Held {
    System.gc()
    val status = File("/proc/self/status")
    if (!status.exists()) return Held(Thread.activeCount(), 0, 0)
    val lines = status.readLines().associate { it.substringBefore(':') to it.substringAfter(':').trim() }
    val files = File("/proc/self/fd").list()!!.size
    return Held(lines["Threads"]!!.toInt(), files, lines["VmRSS"]!!.substringBefore(' ').toLong() shl 10)
}

/** `live` of `LinkState.Live`. */
fun word(variant: Any): String = variant::class.java.simpleName.lowercase()

/** A line for each scenario, as the other languages print them. */
fun main(arguments: Array<String>) {
    var failed = 0
    Rig().use { rig ->
        for ((name, steps) in scenarios(File(System.getenv("GLASSLINK_SCENARIOS")))) {
            if (arguments.isNotEmpty() && name !in arguments) continue
            val began = System.nanoTime()
            val outcome =
                try {
                    runBlocking { Scenario(rig).run(steps) }
                    "passed"
                } catch (error: Throwable) {
                    failed += 1
                    "FAILED: ${error.message}"
                }
            println("scenario $name: $outcome, %.1f s".format((System.nanoTime() - began) / 1e9))
        }
    }
    exitProcess(if (failed == 0) 0 else 1)
}
