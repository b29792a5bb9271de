use std::fmt;

use serde::Serialize;

/// What one check saw.
#[derive(Debug, Serialize)]
pub(crate) struct Finding {
    /// What was looked at: `certificate`.
    pub(crate) check: &'static str,
    pub(crate) state: State,
    pub(crate) message: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) remedy: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum State {
    Good,
    /// It could not be looked at from here, or need not be.
    NotChecked,
    /// The relay works, and will not for ever, or not as well as it could.
    Warning,
    /// The relay does not start, or does not do what it is for.
    Problem,
}

impl Finding {
    pub(crate) fn good(check: &'static str, message: impl Into<String>) -> Self {
        Self { check, state: State::Good, message: message.into(), remedy: None }
    }

    pub(crate) fn not_checked(check: &'static str, message: impl Into<String>) -> Self {
        Self { check, state: State::NotChecked, message: message.into(), remedy: None }
    }

    pub(crate) fn warning(
        check: &'static str,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self { check, state: State::Warning, message: message.into(), remedy: Some(remedy.into()) }
    }

    pub(crate) fn problem(
        check: &'static str,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self { check, state: State::Problem, message: message.into(), remedy: Some(remedy.into()) }
    }
}

impl State {
    /// For a person, with the ANSI code of its colour.
    fn word(self) -> (&'static str, u8) {
        match self {
            Self::Good => ("good", 32),
            Self::NotChecked => ("not checked", 90),
            Self::Warning => ("warning", 33),
            Self::Problem => ("problem", 31),
        }
    }
}

/// A finding as lines of text; coloured with `{:#}`.
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (word, colour) = self.state.word();
        let word = format!("{word:<12}");
        if f.alternate() {
            write!(f, "\x1b[{colour}m{word}\x1b[0m")?;
        } else {
            f.write_str(&word)?;
        }
        write!(f, "{:<12}{}", self.check, self.message)?;
        if let Some(remedy) = &self.remedy {
            write!(f, "\n{:24}{remedy}", "")?;
        }
        Ok(())
    }
}
