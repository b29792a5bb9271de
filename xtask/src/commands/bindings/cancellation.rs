//! What `UniFFI` writes for Swift cannot be cancelled (0.32): a task that is cancelled waits on. Its library can.

use anyhow::{Result, ensure};

/// What is there, and what is to be.
const CHANGES: [(&str, &str); 4] = [
    ("fatalError(\"Cancellation not supported yet\")", "throw CancellationError()"),
    (
        "    pollFunc: (UInt64, @escaping UniffiRustFutureContinuationCallback, UInt64) -> (),\n",
        "    pollFunc: (UInt64, @escaping UniffiRustFutureContinuationCallback, UInt64) -> (),\n    \
         cancelFunc: @escaping @Sendable (UInt64) -> (),\n",
    ),
    (
        "    var pollResult: Int8;\n    repeat {\n        pollResult = await withUnsafeContinuation {\n",
        "    let isCancellable = errorHandler != nil\n    await withTaskCancellationHandler {\n    var pollResult: Int8;\n    repeat {\n        \
         pollResult = await withUnsafeContinuation {\n",
    ),
    (
        "    } while pollResult != UNIFFI_RUST_FUTURE_POLL_READY\n",
        "    } while pollResult != UNIFFI_RUST_FUTURE_POLL_READY\n    } onCancel: {\n        \
         // What throws nothing cannot tell that it was cancelled, and goes on to its end.\n        \
         if isCancellable { cancelFunc(rustFuture) }\n    }\n",
    ),
];

const POLL: &str = "pollFunc: ffi_glasslink_ffi_rust_future_poll_";
const CANCEL: &str = "cancelFunc: { ffi_glasslink_ffi_rust_future_cancel_";

/// The same code, whose asynchronous calls end with the task that awaits them.
pub(super) fn cancellable(swift: &str) -> Result<String> {
    let mut swift = swift.to_owned();
    for (there, wanted) in CHANGES {
        ensure!(swift.matches(there).count() == 1, "UniFFI writes other Swift than it did: {there}");
        swift = swift.replace(there, wanted);
    }
    let lines = swift.lines().map(|line| {
        let kind = line.trim_start().strip_prefix(POLL).and_then(|rest| rest.strip_suffix(','));
        kind.map_or_else(|| line.to_owned(), |kind| format!("{line}\n            {CANCEL}{kind}($0) }},"))
    });
    Ok(lines.collect::<Vec<_>>().join("\n") + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_call_gets_its_way_to_be_cancelled_and_other_code_is_told() {
        let there = CHANGES.map(|(there, _)| there).join("\n") + "\n";
        let call = format!("            {POLL}void,\n");
        let swift = cancellable(&(there.clone() + &call)).unwrap();
        assert!(swift.contains(&format!("{call}            {CANCEL}void($0) }},\n")), "{swift}");
        assert!(swift.contains("onCancel"), "{swift}");
        assert!(cancellable(&there.replace("fatalError", "fatal")).is_err());
    }
}
