//! Both halves of a session, a bad pipe and a clock in one thread.
