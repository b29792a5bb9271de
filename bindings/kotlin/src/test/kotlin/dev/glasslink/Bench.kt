package dev.glasslink

import java.lang.management.ManagementFactory
import java.time.Instant
import kotlin.system.exitProcess
import kotlinx.coroutines.flow.filterIsInstance
import kotlinx.coroutines.flow.takeWhile
import kotlinx.coroutines.runBlocking

private const val FRAMES = 20_000

/** As many as the relay of `bindings/bench` says at once. */
private const val BURST = 4_000
private const val BURSTS = 12
private const val TIMED = 500

/** What the bridge costs in Kotlin: `dev.glasslink.Bench URL`, the relay being `glasslink-bindings-bench talk`. */
object Bench {
    @JvmStatic
    fun main(arguments: Array<String>) {
        runBlocking {
            listen(arguments[0])
            push(arguments[0])
        }
        exitProcess(0)
    }

    private fun now(): Long = Instant.now().let { it.epochSecond * 1_000_000_000 + it.nano }

    private suspend fun listen(url: String) {
        val rates = mutableListOf<Double>()
        val latencies = mutableListOf<Long>()
        var began = 0L
        var count = 0
        Link.connect(url) { clientName = "listener" }.session { link ->
            val finals = link.events().filterIsInstance<LinkEvent.FinalTranscript>().takeWhile {
                val words = it.said.text.split(' ')
                count += 1
                when (words[0]) {
                    "first" -> {
                        began = words[1].toLong()
                        count = 1
                    }
                    "last" -> {
                        check(count == BURST) { "$count finals of a burst" }
                        rates += count / ((now() - began) / 1e9)
                    }
                    "at" -> latencies += now() - words[1].toLong()
                }
                words[0] != "over"
            }
            finals.collect {}
        }
        check(rates.size >= BURSTS && latencies.size >= TIMED) { "not everything was heard" }
        val rate = rates.drop(BURSTS / 3).sorted().let { it[it.size / 2] }
        latencies.sort()
        val (p50, p99) = listOf(50, 99).map { latencies[latencies.size * it / 100] / 1e3 }
        println("listener in kotlin: %.0f finals/s, latency p50 %.0f us, p99 %.0f us".format(rate, p50, p99))
    }

    private suspend fun push(url: String) =
        Link.connect(url).session { link ->
            link.waitLive(60)
            val stream = link.open(AudioFormat.Pcm(16_000u))
            val frame = ByteArray(320)
            repeat(FRAMES / 4) { stream.push(frame) }
            val thread = ManagementFactory.getThreadMXBean()
            val began = thread.currentThreadCpuTime
            repeat(FRAMES) { stream.push(frame) }
            val each = (thread.currentThreadCpuTime - began).toDouble() / FRAMES
            val share = each * 100 / 1e9 * 100
            println("pusher in kotlin: %.1f us a frame of 10 ms, %.3f %% of a core".format(each / 1e3, share))
        }
}
