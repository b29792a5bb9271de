//! What a microphone does when devices do what they have been seen to do. Time is paused, and everything is one thread.

mod devices;
mod failures;
mod fake;
