package dev.glasslink

import java.nio.ByteBuffer
import java.nio.ByteOrder
import java.time.Duration
import kotlinx.coroutines.NonCancellable
import kotlinx.coroutines.channels.awaitClose
import kotlinx.coroutines.channels.trySendBlocking
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.callbackFlow
import kotlinx.coroutines.flow.channelFlow
import kotlinx.coroutines.flow.conflate
import kotlinx.coroutines.flow.distinctUntilChanged
import kotlinx.coroutines.flow.filterIsInstance
import kotlinx.coroutines.flow.map
import kotlinx.coroutines.withContext

/**
 * Starts a link to the relay at [url] and returns at once: whether the relay is there or not, audio may be pushed from
 * now on.
 *
 * ```
 * Link.connect("https://relay.example") { token = "secret" }
 * ```
 */
@Throws(ConnectException::class)
fun Link.Companion.connect(
    url: String,
    tokens: TokenProvider? = null,
    listener: EventListener? = null,
    configure: LinkOptions.() -> Unit = {},
): Link = connect(LinkOptions(url).apply(configure), tokens, listener)

/** Runs [block] with the link, then ends the session. Call [Link.finish] in it to lose nothing. */
suspend fun <R> Link.session(block: suspend (Link) -> R): R =
    try {
        block(this)
    } finally {
        withContext(NonCancellable) { end() }
        close()
    }

/**
 * What happens on the link while this is collected, in order. It ends with the link.
 *
 * A collector that is too slow loses the oldest events and is told how many ([LinkEvent.Lagged]); nobody else notices.
 */
fun Link.events(): Flow<LinkEvent> = callbackFlow {
    val subscription =
        subscribe(
            object : EventListener {
                override fun events(events: List<LinkEvent>) {
                    // Waits for the collector, on a thread that waits for nothing else.
                    events.forEach { trySendBlocking(it) }
                }

                override fun ended() {
                    channel.close()
                }
            }
        )
    awaitClose {
        subscription.cancel()
        subscription.close()
    }
}

/** The state while this is collected, beginning with what it is; a slow collector sees the latest. */
fun Link.states(): Flow<LinkState> =
    callbackFlow {
            val subscription =
                subscribe(
                    object : EventListener {
                        override fun events(events: List<LinkEvent>) {
                            val told = events.filterIsInstance<LinkEvent.StateChanged>().lastOrNull() ?: return
                            // The present one, so that none comes late; the link may be closed by now.
                            trySend(runCatching { state() }.getOrDefault(told.state))
                        }

                        override fun ended() {
                            channel.close()
                        }
                    }
                )
            trySend(state())
            awaitClose {
                subscription.cancel()
                subscription.close()
            }
        }
        .conflate()
        .distinctUntilChanged()

/** What is said, as it is settled, while this is collected. It ends with the link. */
fun Link.finals(): Flow<Final> = events().filterIsInstance<LinkEvent.FinalTranscript>().map { it.said }

/** What is said until [done] returns: `link.finals { file.ended(); link.finish() }`. */
fun Link.finals(done: suspend () -> Unit): Flow<Final> = channelFlow {
    val finals = channel
    val subscription =
        subscribe(
            object : EventListener {
                override fun events(events: List<LinkEvent>) {
                    events.filterIsInstance<LinkEvent.FinalTranscript>().forEach { finals.trySendBlocking(it.said) }
                }

                override fun ended() = Unit
            }
        )
    try {
        done()
        subscription.flush()
    } finally {
        subscription.cancel()
        subscription.close()
    }
}

/** Asks [give] for the token of each attempt. */
fun TokenProvider(give: suspend () -> String): TokenProvider =
    object : TokenProvider {
        override suspend fun token(): AccessToken = AccessToken(give())
    }

/**
 * Takes what was just captured. Never blocks: what finds no room makes the oldest a gap.
 *
 * A direct buffer, as `AudioRecord.read` fills it, is taken without a copy by the [AudioStream.push] of buffers.
 */
@Throws(AudioException::class)
fun AudioStream.push(audio: ByteArray, length: Int = audio.size) {
    val buffer = scratch(length)
    buffer.put(audio, 0, length).flip()
    push(buffer)
}

/** Takes samples that were just captured. */
@Throws(AudioException::class)
fun AudioStream.push(samples: ShortArray, length: Int = samples.size) {
    val buffer = scratch(length * 2)
    buffer.asShortBuffer().put(samples, 0, length)
    buffer.limit(length * 2)
    push(buffer)
}

/** Waits until the link is live, for [seconds] at most. */
@Throws(WaitException::class)
suspend fun Link.waitLive(seconds: Long) = waitLive(Duration.ofSeconds(seconds))

/** Hands the library's lines of [level] and graver to [log], without speech or secrets; the first call counts. */
fun logTo(level: LogLevel, log: (LogRecord) -> Unit): Boolean =
    setLogSink(
        level,
        object : LogSink {
            override fun log(record: LogRecord) = log(record)
        },
    )

private val scratches = ThreadLocal<ByteBuffer>()

private fun scratch(size: Int): ByteBuffer {
    val known = scratches.get()
    if (known != null && known.capacity() >= size) {
        known.clear()
        return known
    }
    val made = ByteBuffer.allocateDirect(maxOf(size, 4096)).order(ByteOrder.LITTLE_ENDIAN)
    scratches.set(made)
    return made
}
