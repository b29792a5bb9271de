//! Errors: one enum an operation, each variant with the same three fields.

use std::time::Duration;

use glasslink::audio::journal::JournalError;
use glasslink::{AttachError, OpenError, ResumeError, StreamFormat, WaitLiveError, audio, pairing};

/// An enum whose variants carry a code that stays, what is wrong, and what to do.
macro_rules! errors {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident,)+ }) => {
        $(#[$doc])*
        ///
        /// `code` is stable, `reason` says in a sentence what is wrong, `remedy` what to do about it.
        #[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, uniffi::Error)]
        pub enum $name {
            $(
                $(#[$variant_doc])*
                #[error("{reason}. {remedy}")]
                $variant { code: String, reason: String, remedy: String },
            )+
            /// Something that a later version tells apart by `code`.
            #[error("{reason}. {remedy}")]
            Unknown { code: String, reason: String, remedy: String },
        }
    };
}
#[cfg(feature = "glasses")]
pub(crate) use errors;

/// `$enum::$variant` of an error and what to do about it.
macro_rules! error {
    ($name:ident :: $variant:ident, $code:expr, $reason:expr, $remedy:expr) => {
        $name::$variant { code: $code.to_string(), reason: $reason.to_string(), remedy: $remedy.to_string() }
    };
}
pub(crate) use error;

errors! {
    /// Why there is no link. Nothing was tried yet: each is the program's to correct.
    ConnectError {
        /// The address is not a relay's.
        Address,
        /// The token, or the stored pairing, cannot be one.
        Credentials,
        /// An extra root is not a certificate.
        Certificate,
        /// A proxy's address is not one.
        Proxy,
        /// A session's name is not one.
        Session,
        /// The recording cannot be begun, read or gone on with; without a journal the link works.
        Journal,
        /// The system lacks what a link needs.
        System,
    }
}

errors! {
    /// Why the link is not live, or not everything is kept and transcribed. Unless it is closed, it goes on as before, and
    /// nothing that was pushed is lost.
    WaitError {
        /// The relay was not reached in time; the link goes on trying.
        NotInTime,
        /// No attempt is made until somebody does what the remedy says.
        Refused,
        /// Everything is kept, and the relay has no speech engine to transcribe it with.
        NoEngine,
        /// The link was closed.
        Closed,
    }
}

errors! {
    /// Why audio is not taken.
    AudioError {
        /// Too many streams are open.
        TooManyStreams,
        /// The format is none, or the audio is not of its stream's.
        Format,
        /// The file cannot be read.
        File,
        /// The journal takes no stream.
        Journal,
        /// The source, or the device behind it, failed.
        Source,
        /// It was stopped.
        Stopped,
        /// The link was closed.
        Closed,
    }
}

errors! {
    /// Why a device was not paired. Nothing is kept, at neither end, but that a try was used up.
    PairError {
        /// What was read or typed is no pairing code, or the address is not a relay's.
        Code,
        /// Over an address without TLS the device's key would be shown to the network.
        NotEncrypted,
        /// The relay cannot be reached.
        Unreachable,
        /// Somebody is between this device and the relay, or the code is old.
        NotTheRelay,
        /// The relay refused.
        Refused,
    }
}

const CLOSED: &str = "Open a new link.";

impl From<glasslink::ConnectError> for ConnectError {
    fn from(error: glasslink::ConnectError) -> Self {
        use glasslink::ConnectError as Core;
        match &error {
            Core::Address(_) => {
                error!(Self::Address, "address", error, "Check the relay's address: https://relay.example.")
            }
            Core::Token(_) => error!(Self::Credentials, "token", error, "Check the token."),
            Core::Root(_) => {
                error!(Self::Certificate, "certificate", error, "Give a certificate as PEM text.")
            }
            Core::Proxy(_) => error!(Self::Proxy, "proxy", error, "Check the proxy's address."),
            Core::Journal(journal) => journal_error(journal),
            Core::NoRuntime | Core::NoRandomness => {
                error!(Self::System, "system", error, "Report it: this should not happen.")
            }
        }
    }
}

fn journal_error(error: &JournalError) -> ConnectError {
    let remedy = match error {
        JournalError::Disk { cause, .. } => cause.remedy(),
        JournalError::InUse(_) => "Wait until the other program is done with it.",
        JournalError::Exists(_) => "Begin another session, or recover this one.",
        JournalError::Thread(_) => "Close other programs.",
    };
    error!(ConnectError::Journal, "journal", error, remedy)
}

impl From<JournalError> for ConnectError {
    fn from(error: JournalError) -> Self {
        journal_error(&error)
    }
}

impl From<ResumeError> for ConnectError {
    fn from(error: ResumeError) -> Self {
        match error {
            ResumeError::Connect(error) => error.into(),
            ResumeError::Recording(_) => {
                error!(Self::Journal, "recording", error, "Look at the folder's rights.")
            }
        }
    }
}

impl From<WaitLiveError> for WaitError {
    fn from(error: WaitLiveError) -> Self {
        match &error {
            WaitLiveError::NotInTime { cause, .. } => {
                let remedy = cause.map_or("Check the address and the network.", glasslink::Cause::remedy);
                error!(Self::NotInTime, cause.map_or("timeout", glasslink::Cause::code), error, remedy)
            }
            WaitLiveError::Refused { cause, .. } => {
                error!(Self::Refused, cause.code(), cause, cause.remedy())
            }
            WaitLiveError::Closed => error!(Self::Closed, "closed", error, CLOSED),
        }
    }
}

impl From<glasslink::FinishError> for WaitError {
    fn from(error: glasslink::FinishError) -> Self {
        use glasslink::FinishError as Core;
        match &error {
            Core::NoEngine(engine) => error!(Self::NoEngine, "no_engine", engine.message, engine.remedy),
            Core::Refused { cause } => error!(Self::Refused, cause.code(), cause, cause.remedy()),
            Core::Closed => error!(Self::Closed, "closed", error, CLOSED),
        }
    }
}

impl From<OpenError> for AudioError {
    fn from(error: OpenError) -> Self {
        match &error {
            OpenError::TooManyStreams(_) => {
                error!(Self::TooManyStreams, "too_many_streams", error, "End a stream first.")
            }
            OpenError::Format(_) => format_error(error),
            OpenError::Closed => error!(Self::Closed, "closed", error, CLOSED),
        }
    }
}

impl From<audio::PushedError> for AudioError {
    fn from(error: audio::PushedError) -> Self {
        match error {
            audio::PushedError::Samples(_) | audio::PushedError::FrameSize(_) => format_error(error),
            audio::PushedError::Gone => ended(),
        }
    }
}

impl From<audio::SpeechError> for AudioError {
    fn from(error: audio::SpeechError) -> Self {
        format_error(error)
    }
}

impl From<audio::FileError> for AudioError {
    fn from(error: audio::FileError) -> Self {
        error!(Self::File, "file", error, "Check the file: WAV, FLAC, MP3 and Ogg Vorbis can be read.")
    }
}

impl From<AttachError> for AudioError {
    fn from(error: AttachError) -> Self {
        match error {
            AttachError::Source(audio::SourceError::File(error)) => error.into(),
            AttachError::Source(_) => error!(Self::Source, "source", error, "Check the device."),
            AttachError::Push(_) => error!(Self::Closed, "closed", error, CLOSED),
            AttachError::Journal(_) => error!(Self::Journal, "journal", error, "Check the disk."),
            AttachError::Open(error) => error.into(),
            AttachError::Stopped => error!(Self::Stopped, "stopped", error, "Open another stream."),
        }
    }
}

/// A push, or a question, to a stream that is over.
pub(crate) fn ended() -> AudioError {
    error!(AudioError::Stopped, "ended", "the stream has ended", "Open another stream.")
}

pub(crate) fn format_error(error: impl ToString) -> AudioError {
    error!(
        AudioError::Format,
        "format",
        error.to_string(),
        format!(
            "Rates from 8,000 to 48,000 Hz and frames of at most {} bytes exist.",
            StreamFormat::MAX_FRAME_BYTES
        )
    )
}

impl From<pairing::PairError> for PairError {
    fn from(error: pairing::PairError) -> Self {
        use pairing::PairError as Core;
        const AGAIN: &str = "Make a new code, and try again.";
        match &error {
            Core::Address(_) | Core::Offer(_) | Core::Code(_) | Core::Proxy(_) => {
                error!(Self::Code, "code", error, "Check the code and the address.")
            }
            Core::NotEncrypted(_) => {
                error!(Self::NotEncrypted, "not_encrypted", error, "Use the https address.")
            }
            Core::Unreachable { cause, .. } => error!(Self::Unreachable, cause.code(), cause, cause.remedy()),
            Core::AnotherCertificate => error!(Self::NotTheRelay, "another_certificate", error, AGAIN),
            Core::NotTheRelay => error!(Self::NotTheRelay, "not_the_relay", error, "Check the address."),
            Core::Refused(refusal) => error!(Self::Refused, "refused", refusal, refusal.remedy()),
            Core::TooOften(wait) => error!(
                Self::Refused,
                "rate_limited",
                error,
                format!("Wait {} s.", wait.max(&Duration::from_secs(1)).as_secs())
            ),
            Core::Other(report) => error!(Self::Unknown, report.code, report.message, report.remedy),
        }
    }
}
