package dev.glasslink

import android.content.Context

/** What Android wants before the first link. */
object Android {
    init {
        // As JNI knows it; what UniFFI generates loads it its own way.
        System.loadLibrary("glasslink_ffi")
    }

    /**
     * Lets TLS ask the system whom to trust. Once, in `Application.onCreate`; without it a link over TLS is
     * refused ([ConnectException.System]).
     */
    fun initialize(context: Context) = trust(context.applicationContext)

    @JvmStatic private external fun trust(context: Context)
}
