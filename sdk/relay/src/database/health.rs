/// How the database is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Health {
    /// It is being opened for the first time.
    Opening,
    Up,
    /// Tried again by itself.
    Down {
        /// What is wrong, for a person.
        reason: String,
        /// What to do about it.
        remedy: String,
    },
}

/// Why whoever has tables should compare them with what is true.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct News {
    /// Counts the databases there were: another number means that this one began empty.
    pub(crate) made: u64,
    /// Writes that were let go of, since there were too many.
    pub(crate) dropped: u64,
    /// How often it came back after it was down.
    pub(crate) healed: u64,
}

#[cfg(test)]
impl Health {
    pub(crate) fn is_up(&self) -> bool {
        matches!(self, Self::Up)
    }
}
