/// Why something was not read from the database, or not written to it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DatabaseError {
    /// It is down, locked or full, or there was too much else to write: `/readyz` says which. Try again later.
    #[error("the database takes nothing at the moment: {0}")]
    Unavailable(String),
    /// It is damaged: it is set aside and made again by itself, and filled from the sessions' files. Try again later.
    #[error("the database is damaged; it is being made again")]
    Damaged,
    /// It refused this statement, and will again: a bug, or a constraint that does its work.
    #[error("the database refused: {0}")]
    Refused(#[from] rusqlite::Error),
}
