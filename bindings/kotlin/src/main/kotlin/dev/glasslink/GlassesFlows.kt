package dev.glasslink

import kotlinx.coroutines.channels.awaitClose
import kotlinx.coroutines.channels.trySendBlocking
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.callbackFlow
import kotlinx.coroutines.flow.first

/** How the glasses are, now and whenever it changes, while this is collected. */
fun Glasses.statuses(): Flow<GlassesStatus> = callbackFlow {
    listen(this@statuses, { trySendBlocking(it) }, {})
}

/** What the wearer and the device do, while this is collected. */
fun Glasses.events(): Flow<GlassesEvent> = callbackFlow {
    listen(this@events, {}, { trySendBlocking(it) })
}

/** Waits until every arm is up. */
suspend fun Glasses.awaitReady() {
    statuses().first { it.state is GlassesState.Ready }
}

private suspend fun <T> kotlinx.coroutines.channels.ProducerScope<T>.listen(
    glasses: Glasses,
    onStatus: (GlassesStatus) -> Unit,
    onEvent: (GlassesEvent) -> Unit,
) {
    val handle =
        glasses.subscribe(
            object : GlassesListener {
                override fun status(status: GlassesStatus) = onStatus(status)

                override fun event(event: GlassesEvent) = onEvent(event)
            }
        )
    awaitClose {
        handle.cancel()
        handle.close()
    }
}
