package dev.glasslink.examples

import dev.glasslink.BluetoothConnection
import dev.glasslink.BluetoothLink
import dev.glasslink.BluetoothLinkListener
import dev.glasslink.BluetoothTransport
import dev.glasslink.BluetoothWrite
import dev.glasslink.Glasses
import dev.glasslink.VirtualGlasses
import dev.glasslink.awaitReady
import dev.glasslink.discoverGlasses
import java.time.Duration
import kotlinx.coroutines.runBlocking

/** A Bluetooth stack of one's own under the drivers; on Android its methods call `BluetoothGatt`. This one tells. */
class Telling(private val stack: BluetoothTransport) : BluetoothTransport by stack {
    override suspend fun connect(peripheral: String, listener: BluetoothLinkListener): BluetoothConnection {
        println("connects to $peripheral")
        return BluetoothConnection(TellingLink(stack.connect(peripheral, listener).link))
    }
}

class TellingLink(private val link: BluetoothLink) : BluetoothLink by link {
    override suspend fun write(characteristic: String, value: ByteArray, kind: BluetoothWrite) {
        println("writes ${value.size} bytes to $characteristic")
        link.write(characteristic, value, kind)
    }
}

object OwnTransport {
    @JvmStatic
    fun main(arguments: Array<String>) = runBlocking {
        val transport = Telling(VirtualGlasses("even-g1").transport())
        val found = discoverGlasses(transport, Duration.ofMillis(500)).first()
        val glasses = Glasses.open(transport, found.remembered!!)
        glasses.awaitReady()
        glasses.show(listOf("Hello"))
        glasses.disconnect()
    }
}
