/// What brings the database from each version to the next. Never edited once released: a change is another one behind.
pub(super) const MIGRATIONS: &[&str] =
    &[include_str!("migrations/001_sessions.sql"), include_str!("migrations/002_jobs.sql")];
