package dev.glasslink

import java.lang.management.ManagementFactory
import kotlin.system.exitProcess
import kotlinx.coroutines.runBlocking

private const val FRAMES = 20_000

/** What the bridge costs in Kotlin: `dev.glasslink.Bench`. */
object Bench {
    @JvmStatic
    fun main(arguments: Array<String>) {
        Rig().use { rig ->
            runBlocking {
                Link.connect(rig.url) { token = TOKEN }.session { link ->
                    link.waitLive(60)
                    val stream = link.open(AudioFormat.Pcm(16_000u))
                    val frame = ByteArray(320)
                    repeat(FRAMES / 4) { stream.push(frame) }
                    val thread = ManagementFactory.getThreadMXBean()
                    val began = thread.currentThreadCpuTime
                    repeat(FRAMES) { stream.push(frame) }
                    val each = (thread.currentThreadCpuTime - began).toDouble() / FRAMES
                    val share = each * 100 / 1e9 * 100
                    println("kotlin: a push of 10 ms costs its thread %.1f us: %.3f %% of a core".format(each / 1e3, share))
                }
            }
        }
        exitProcess(0)
    }
}
