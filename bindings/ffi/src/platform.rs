//! What a platform wants before the rest works.

/// Whether TLS can ask the system whom to trust.
#[cfg(not(target_os = "android"))]
pub(crate) fn is_ready_for_tls() -> bool {
    true
}

#[cfg(target_os = "android")]
pub(crate) use android::is_ready_for_tls;

/// On Android it wants the app's context for that: `dev.glasslink.Android` gives it.
#[cfg(target_os = "android")]
mod android {
    use std::sync::atomic::{AtomicBool, Ordering};

    use jni::errors::ThrowRuntimeExAndDefault;
    use jni::objects::{JClass, JObject};
    use jni::{EnvUnowned, jni_mangle};

    static READY: AtomicBool = AtomicBool::new(false);

    pub(crate) fn is_ready_for_tls() -> bool {
        READY.load(Ordering::Acquire)
    }

    #[jni_mangle("dev.glasslink.Android")]
    pub fn trust<'caller>(mut env: EnvUnowned<'caller>, _class: JClass<'caller>, context: JObject<'caller>) {
        env.with_env(|env| {
            rustls_platform_verifier::android::init_with_env(env, context)?;
            READY.store(true, Ordering::Release);
            Ok::<(), jni::errors::Error>(())
        })
        .resolve::<ThrowRuntimeExAndDefault>();
    }
}
