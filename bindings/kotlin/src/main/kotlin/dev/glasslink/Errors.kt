package dev.glasslink

/** What every error of this library says. */
data class Trouble(
    /** It stays from version to version. */
    val code: String,
    /** A sentence: what is wrong. */
    val reason: String,
    /** A sentence: what to do about it. */
    val remedy: String,
)

/** What an exception of this library says; nothing for those of others. */
val Throwable.trouble: Trouble?
    get() =
        when (this) {
            is ConnectException -> trouble
            is WaitException -> trouble
            is AudioException -> trouble
            is PairException -> trouble
            is GlassesException -> trouble
            else -> null
        }

val ConnectException.trouble: Trouble
    get() =
        when (this) {
            is ConnectException.Address -> Trouble(code, reason, remedy)
            is ConnectException.Credentials -> Trouble(code, reason, remedy)
            is ConnectException.Certificate -> Trouble(code, reason, remedy)
            is ConnectException.Proxy -> Trouble(code, reason, remedy)
            is ConnectException.Session -> Trouble(code, reason, remedy)
            is ConnectException.Journal -> Trouble(code, reason, remedy)
            is ConnectException.System -> Trouble(code, reason, remedy)
            is ConnectException.Unknown -> Trouble(code, reason, remedy)
        }

val WaitException.trouble: Trouble
    get() =
        when (this) {
            is WaitException.NotInTime -> Trouble(code, reason, remedy)
            is WaitException.Refused -> Trouble(code, reason, remedy)
            is WaitException.NoEngine -> Trouble(code, reason, remedy)
            is WaitException.Closed -> Trouble(code, reason, remedy)
            is WaitException.Unknown -> Trouble(code, reason, remedy)
        }

val AudioException.trouble: Trouble
    get() =
        when (this) {
            is AudioException.TooManyStreams -> Trouble(code, reason, remedy)
            is AudioException.Format -> Trouble(code, reason, remedy)
            is AudioException.File -> Trouble(code, reason, remedy)
            is AudioException.Journal -> Trouble(code, reason, remedy)
            is AudioException.Source -> Trouble(code, reason, remedy)
            is AudioException.Stopped -> Trouble(code, reason, remedy)
            is AudioException.Closed -> Trouble(code, reason, remedy)
            is AudioException.Unknown -> Trouble(code, reason, remedy)
        }

val PairException.trouble: Trouble
    get() =
        when (this) {
            is PairException.Code -> Trouble(code, reason, remedy)
            is PairException.NotEncrypted -> Trouble(code, reason, remedy)
            is PairException.Unreachable -> Trouble(code, reason, remedy)
            is PairException.NotTheRelay -> Trouble(code, reason, remedy)
            is PairException.Refused -> Trouble(code, reason, remedy)
            is PairException.Unknown -> Trouble(code, reason, remedy)
        }

val GlassesException.trouble: Trouble
    get() =
        when (this) {
            is GlassesException.UnknownModel -> Trouble(code, reason, remedy)
            is GlassesException.Unsupported -> Trouble(code, reason, remedy)
            is GlassesException.TooLong -> Trouble(code, reason, remedy)
            is GlassesException.Closed -> Trouble(code, reason, remedy)
            is GlassesException.Unknown -> Trouble(code, reason, remedy)
        }
