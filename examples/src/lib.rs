//! Runnable programs, each one idea.
