//! Tests of the relay's dashboard, in Chromium; they are skipped where there is none.
