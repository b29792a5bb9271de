use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use glasslink_protocol::{CloseCode, HttpPart, MAX_HTTP_BODY_BYTES};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};

use crate::doors::link::Incoming;
use crate::identity::Identity;
use crate::limits;

/// The messages of one POST.
pub(super) type Batch = VecDeque<Incoming>;

/// What a connection over HTTP is between its requests.
pub(super) struct Exchange {
    pub(super) identity: Identity,
    state: Mutex<State>,
    /// Moves with `state`.
    changed: watch::Sender<()>,
    batches: mpsc::Sender<Batch>,
}

/// Why a request is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// The connection has ended.
    Gone,
    /// The number is neither the next nor the last.
    OutOfTurn,
}

struct State {
    /// The number of the last POST that was taken.
    taken: u64,
    /// The number of the last answer, and the answer until the next one is asked for.
    answered: u64,
    answer: Option<Bytes>,
    outgoing: VecDeque<String>,
    /// Bytes in `outgoing`.
    queued: usize,
    /// When a poll last took something, or there was nothing to take.
    taken_at: Instant,
    closing: Option<CloseCode>,
    /// The close was answered.
    closed: bool,
    /// Nobody has the connection any more.
    over: bool,
}

impl Exchange {
    /// Its first POST is taken.
    pub(super) fn new(identity: Identity) -> (Self, mpsc::Receiver<Batch>) {
        // One is worked on, one waits; whoever posts waits for the rest.
        let (batches, taken) = mpsc::channel(1);
        let state = Mutex::new(State::new());
        (Self { identity, state, changed: watch::Sender::new(()), batches }, taken)
    }

    /// Takes the messages of POST `number`, once.
    pub(super) async fn take(&self, number: u64, batch: Batch) -> Result<(), Trouble> {
        if self.state().has_taken(number)? {
            return Ok(());
        }
        // Nothing is taken before there is room: who gives up here may send again.
        let room = self.batches.reserve().await.map_err(|_| Trouble::Gone)?;
        let mut state = self.state();
        if !state.has_taken(number)? {
            state.taken = number;
            room.send(batch);
        }
        Ok(())
    }

    /// Answer `number`: what waits, or nothing after a while without anything.
    pub(super) async fn answer(&self, number: u64) -> Result<Bytes, Trouble> {
        // Whatever is under way already shows life, too.
        let _ = self.batches.try_send(Batch::from([Incoming::Traffic]));
        let until = Instant::now() + limits::POLL;
        let mut changed = self.changed.subscribe();
        loop {
            let is_late = Instant::now() >= until;
            if let Some(answer) = self.state().answer(number, is_late).transpose() {
                // Others that ask for the same, on connections that are dead by now, get the same.
                self.changed.send_replace(());
                return answer;
            }
            tokio::select! {
                _ = changed.changed() => {}
                () = sleep_until(until) => {}
            }
        }
    }

    pub(super) fn send(&self, text: String) {
        let mut state = self.state();
        if state.outgoing.is_empty() {
            state.taken_at = Instant::now();
        }
        state.queued += text.len();
        state.outgoing.push_back(text);
        drop(state);
        self.changed.send_replace(());
    }

    pub(super) fn queued(&self) -> usize {
        self.state().queued
    }

    /// Since when nobody takes what waits.
    pub(super) fn waiting_since(&self) -> Option<Instant> {
        let state = self.state();
        (!state.outgoing.is_empty()).then_some(state.taken_at)
    }

    /// Closes behind what waits, and waits until that was answered.
    pub(super) async fn close(&self, code: CloseCode) {
        let mut changed = self.changed.subscribe();
        self.state().closing = Some(code);
        self.changed.send_replace(());
        while !self.state().closed {
            let _ = changed.changed().await;
        }
    }

    /// Nobody has the connection any more.
    pub(super) fn end(&self) {
        self.state().over = true;
        self.changed.send_replace(());
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn new() -> Self {
        Self {
            taken: 1,
            answered: 0,
            answer: None,
            outgoing: VecDeque::new(),
            queued: 0,
            taken_at: Instant::now(),
            closing: None,
            closed: false,
            over: false,
        }
    }

    fn has_taken(&self, number: u64) -> Result<bool, Trouble> {
        match number {
            0 => Err(Trouble::OutOfTurn),
            number if number <= self.taken => Ok(true),
            _ if self.over || self.closing.is_some() => Err(Trouble::Gone),
            number if number == self.taken + 1 => Ok(false),
            _ => Err(Trouble::OutOfTurn),
        }
    }

    /// `None`: not yet.
    fn answer(&mut self, number: u64, is_late: bool) -> Result<Option<Bytes>, Trouble> {
        if number == self.answered
            && let Some(answer) = &self.answer
        {
            return Ok(Some(answer.clone()));
        }
        if self.over || self.closed {
            return Err(Trouble::Gone);
        }
        if number != self.answered + 1 {
            return Err(Trouble::OutOfTurn);
        }
        self.answer = None;
        if self.outgoing.is_empty() && self.closing.is_none() && !is_late {
            return Ok(None);
        }
        let answer = Bytes::from(self.body());
        (self.answered, self.answer) = (number, Some(answer.clone()));
        Ok(Some(answer))
    }

    fn body(&mut self) -> Vec<u8> {
        let mut body = Vec::new();
        while let Some(text) = self.outgoing.front() {
            let part = HttpPart::Text(text);
            if !body.is_empty() && body.len() + part.size() > MAX_HTTP_BODY_BYTES {
                break;
            }
            part.encode(&mut body);
            self.queued -= text.len();
            self.outgoing.pop_front();
        }
        self.taken_at = Instant::now();
        if let Some(code) = self.closing
            && self.outgoing.is_empty()
        {
            HttpPart::Close(code.code()).encode(&mut body);
            self.closed = true;
        }
        body
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exchange() -> (Exchange, mpsc::Receiver<Batch>) {
        Exchange::new(Identity::Local)
    }

    fn texts(body: &Bytes) -> Vec<&str> {
        let texts = HttpPart::parts(body).map(|part| match part {
            Ok(HttpPart::Text(text)) => text,
            other => panic!("{other:?}"),
        });
        texts.collect()
    }

    fn batch(text: &str) -> Batch {
        Batch::from([Incoming::Text(text.into())])
    }

    // SPEC P17.3
    #[tokio::test]
    async fn a_post_that_comes_again_is_taken_once() {
        let (exchange, mut taken) = exchange();
        exchange.take(1, batch("hello")).await.unwrap();
        exchange.take(2, batch("two")).await.unwrap();
        exchange.take(2, batch("two")).await.unwrap();
        assert_eq!(exchange.take(4, batch("four")).await, Err(Trouble::OutOfTurn));
        assert_eq!(exchange.take(0, batch("none")).await, Err(Trouble::OutOfTurn));
        // Both wait for room, and the one that comes second finds its messages taken.
        let both = async { tokio::join!(exchange.take(3, batch("three")), exchange.take(3, batch("three"))) };
        let read = async {
            let mut read = Vec::new();
            for _ in 0..2 {
                read.extend(taken.recv().await.unwrap());
            }
            read
        };
        let (posted, read) = tokio::join!(both, read);
        assert_eq!(posted, (Ok(()), Ok(())));
        let read: Vec<_> = read.iter().map(|incoming| format!("{incoming:?}")).collect();
        assert_eq!(read, [r#"Text(Utf8Bytes(b"two"))"#, r#"Text(Utf8Bytes(b"three"))"#]);
        assert!(taken.try_recv().is_err());
    }

    // SPEC P17.3
    #[tokio::test]
    async fn an_answer_that_was_lost_is_given_again_until_the_next_is_asked_for() {
        let (exchange, _taken) = exchange();
        exchange.send("a".into());
        let first = exchange.answer(1).await.unwrap();
        exchange.send("b".into());
        assert_eq!(exchange.answer(1).await.unwrap(), first);
        assert_eq!(texts(&exchange.answer(2).await.unwrap()), ["b"]);
        assert_eq!(exchange.answer(1).await, Err(Trouble::OutOfTurn));
        assert_eq!(exchange.answer(4).await, Err(Trouble::OutOfTurn));
    }

    #[tokio::test]
    async fn a_poll_that_died_waiting_takes_nothing_from_the_one_that_follows() {
        let (exchange, _taken) = exchange();
        let (dead, alive) = (exchange.answer(1), exchange.answer(1));
        let send = async { exchange.send("a".into()) };
        let (dead, alive, ()) = tokio::join!(dead, alive, send);
        assert_eq!(dead, alive);
        assert_eq!(texts(&alive.unwrap()), ["a"]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_poll_is_answered_even_when_there_is_nothing() {
        let (exchange, _taken) = exchange();
        let started = Instant::now();
        assert_eq!(exchange.answer(1).await.unwrap(), Bytes::new());
        assert_eq!(started.elapsed(), limits::POLL);
    }

    // SPEC P17.5
    #[tokio::test]
    async fn an_answer_has_a_bounded_size() {
        let (exchange, _taken) = exchange();
        for _ in 0..20 {
            exchange.send("x".repeat(60_000));
        }
        let mut got = 0;
        for number in 1.. {
            let answer = exchange.answer(number).await.unwrap();
            assert!(answer.len() <= MAX_HTTP_BODY_BYTES);
            got += texts(&answer).len();
            if got == 20 {
                break;
            }
        }
        assert_eq!((exchange.queued(), exchange.waiting_since()), (0, None));
    }

    #[tokio::test]
    async fn the_close_comes_behind_what_waits_and_ends_everything() {
        let (exchange, _taken) = exchange();
        exchange.send("last".into());
        let ((), answer) = tokio::join!(exchange.close(CloseCode::Superseded), exchange.answer(1));
        let answer = answer.unwrap();
        let parts: Result<Vec<_>, _> = HttpPart::parts(&answer).collect();
        assert_eq!(parts.unwrap(), [HttpPart::Text("last"), HttpPart::Close(4409)]);
        assert_eq!(exchange.answer(1).await.unwrap(), answer, "it may have been lost");
        assert_eq!(exchange.answer(2).await, Err(Trouble::Gone));
        assert_eq!(exchange.take(2, batch("late")).await, Err(Trouble::Gone));
    }
}
