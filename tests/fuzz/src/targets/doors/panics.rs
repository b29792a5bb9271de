use std::panic::{set_hook, take_hook};
use std::sync::Once;
use std::sync::atomic::{AtomicUsize, Ordering};

static PANICS: AtomicUsize = AtomicUsize::new(0);

/// How often code of ours has panicked in this process: a server's tasks die alone. Decoders of other people's are
/// guarded where they are called.
pub(super) fn of_ours() -> usize {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = take_hook();
        set_hook(Box::new(move |panic| {
            let place = panic.location().map_or("", |location| location.file());
            if !place.contains("registry") {
                PANICS.fetch_add(1, Ordering::Relaxed);
                before(panic);
            }
        }));
    });
    PANICS.load(Ordering::Relaxed)
}
