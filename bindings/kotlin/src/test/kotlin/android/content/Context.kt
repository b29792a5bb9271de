package android.content

/** So that what is for Android compiles where there is none. */
abstract class Context {
    abstract val applicationContext: Context
}
