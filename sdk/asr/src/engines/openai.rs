//! Any server with an OpenAI-compatible endpoint for transcription: utterances go up as WAV, text comes back.

use std::collections::VecDeque;
use std::future::{Future, pending};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use bytes::Bytes;
use hyper::Request;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE};
use serde::Deserialize;

use crate::engine::{Engine, EngineError, EngineEvent, EventSink, FinalText, Recognition, SAMPLE_RATE};
use crate::outgoing::{Answer, Body};
use crate::remote::{Fed, Feed, Remote, RemoteError, Site, Worker, answered, outgoing};
use crate::segmenter::{Outcome, Policy, Segment, Segmenter};
use crate::vad::Earshot;
use crate::words::{spread, timed};

/// What is added to the address of the API, such as `https://api.openai.com/v1`.
const PATH: &str = "/audio/transcriptions";

/// Positions between reports in silence: 250 ms.
const REPORT_EVERY: u64 = SAMPLE_RATE as u64 / 4;

/// A server with an `OpenAI`-compatible endpoint for transcription, that of `OpenAI` or another.
///
/// This machine decides what is an utterance; each is one request. There are no partials.
pub struct OpenAi {
    api: Arc<Api>,
    worker: Worker,
}

/// The endpoint, and what is known of it.
struct Api {
    site: Site,
    model: String,
    language: Option<String>,
    /// It knows no `verbose_json`.
    plain: AtomicBool,
    requests: AtomicU64,
}

impl OpenAi {
    /// The server that `remote` names; `/audio/transcriptions` is added to its address. The model is `whisper-1`
    /// unless it says another.
    pub fn new(remote: &Remote) -> Result<Self, RemoteError> {
        let site = remote.site(PATH)?;
        let model = remote.model.clone().unwrap_or_else(|| "whisper-1".to_owned());
        let (plain, requests) = (AtomicBool::default(), AtomicU64::default());
        let api = Arc::new(Api { site, model, language: remote.language.clone(), plain, requests });
        Ok(Self { api, worker: Worker::default() })
    }
}

impl Engine for OpenAi {
    fn name(&self) -> &str {
        &self.api.site.name
    }

    /// Transcribes half a second of silence: that shows the way, the key and the model.
    fn load(&self) -> Result<(), EngineError> {
        self.worker.wait(self.api.transcribe(&[0; SAMPLE_RATE as usize / 2])).map(|_| ())
    }

    fn host(&self) -> Option<&str> {
        self.api.site.host.as_deref()
    }

    fn hears_again(&self) -> bool {
        false
    }

    fn open(&self, events: EventSink) -> Result<Box<dyn Recognition>, EngineError> {
        let api = Arc::clone(&self.api);
        let handle = self.worker.handle()?;
        Ok(Feed::open(&handle, events, |feed| Utterances::new(api, feed).run()))
    }
}

/// One recognition.
struct Utterances {
    api: Arc<Api>,
    feed: Feed,
    segmenter: Segmenter,
    outcomes: Vec<Outcome>,
    /// Complete, the oldest first. Bounded by the audio that a recognition takes.
    complete: VecDeque<Segment>,
    transcribed: u64,
    finished: bool,
}

type Asked = Pin<Box<dyn Future<Output = Result<Transcript, EngineError>> + Send>>;

impl Utterances {
    fn new(api: Arc<Api>, feed: Feed) -> Self {
        let segmenter = Segmenter::new(Box::new(Earshot::default()), Policy::default());
        let (outcomes, complete) = (Vec::new(), VecDeque::new());
        Self { api, feed, segmenter, outcomes, complete, transcribed: 0, finished: false }
    }

    async fn run(mut self) -> Result<(), EngineError> {
        // The answer that is waited for: of the first complete utterance.
        let mut asked: Option<Asked> = None;
        loop {
            if asked.is_none()
                && let Some(segment) = self.complete.front()
            {
                let (api, audio) = (Arc::clone(&self.api), segment.audio.clone());
                asked = Some(Box::pin(async move { api.transcribe(&audio).await }));
            }
            self.report();
            if self.finished && asked.is_none() {
                return Ok(());
            }
            tokio::select! {
                fed = self.feed.next(), if !self.finished => match fed {
                    Some(fed) => self.take(fed),
                    None => return Ok(()),
                },
                transcript = answer(&mut asked) => {
                    asked = None;
                    self.hear(transcript?);
                }
            }
        }
    }

    fn take(&mut self, fed: Fed) {
        match fed {
            Fed::Audio(pcm) => self.segmenter.push(&pcm, &mut self.outcomes),
            Fed::Skip(samples) => self.segmenter.skip(samples, &mut self.outcomes),
            Fed::Finish => {
                self.segmenter.finish(&mut self.outcomes);
                self.finished = true;
            }
        }
        self.complete.extend(self.outcomes.drain(..).filter_map(|outcome| match outcome {
            Outcome::Complete(segment) => Some(segment),
            Outcome::Likely(_) | Outcome::Resumed => None,
        }));
    }

    fn hear(&mut self, transcript: Transcript) {
        let Some(segment) = self.complete.pop_front() else { return };
        let text = transcript.text.split_whitespace().collect::<Vec<_>>().join(" ");
        if text.is_empty() {
            return;
        }
        let (from, to) = (segment.from(), segment.to());
        let position = |seconds: f64| {
            let samples = (seconds * f64::from(SAMPLE_RATE)).round() as u64;
            segment.start.saturating_add(samples).clamp(from, to)
        };
        let words = transcript.words.unwrap_or_default();
        let times: Vec<_> = words.iter().map(|word| position(word.start)..position(word.end)).collect();
        let words =
            if times.is_empty() { spread(&text, &segment.voiced) } else { timed(&text, &times, from..to) };
        self.feed.say(EngineEvent::Final(FinalText { from, to, text, words }));
    }

    fn report(&mut self) {
        let settled = self.complete.front().map_or(self.segmenter.settled(), |segment| segment.start);
        let at_the_end = self.finished && self.complete.is_empty();
        if settled >= self.transcribed + REPORT_EVERY || at_the_end {
            self.transcribed = settled;
            self.feed.say(EngineEvent::Transcribed { to: settled });
        }
    }
}

async fn answer(asked: &mut Option<Asked>) -> Result<Transcript, EngineError> {
    match asked {
        Some(asked) => asked.await,
        None => pending().await,
    }
}

/// What the server heard.
#[derive(Debug, Default, Deserialize)]
struct Transcript {
    text: String,
    #[serde(default)]
    words: Option<Vec<Word>>,
}

#[derive(Debug, Deserialize)]
struct Word {
    /// Seconds since the start of the utterance's audio.
    start: f64,
    end: f64,
}

impl Api {
    async fn transcribe(&self, audio: &[i16]) -> Result<Transcript, EngineError> {
        let plain = self.plain.load(Ordering::Relaxed);
        let answer = self.ask(audio, plain).await?;
        // Some models give no times and say so.
        let answer = if answer.status == 400 && !plain {
            let again = self.ask(audio, true).await?;
            self.plain.store(again.status.is_success(), Ordering::Relaxed);
            again
        } else {
            answer
        };
        match answer.status.as_u16() {
            200 => Transcript::read(&answer),
            // It knows the model and the key: it is this audio that it does not want.
            413 | 415 | 422 => {
                Err(EngineError::Failed { detail: format!("it answers {}", answer.status.as_u16()) })
            }
            _ => Err(answered(answer.status, Answer::retry_after(&answer.headers))),
        }
    }

    async fn ask(&self, audio: &[i16], plain: bool) -> Result<Answer, EngineError> {
        let wav = wav(audio);
        let boundary = self.boundary(&wav);
        let mut body = Vec::with_capacity(wav.len() + 1_024);
        let mut field = |name: &str, value: &str| {
            let head = format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n");
            body.extend_from_slice(head.as_bytes());
            body.extend_from_slice(value.as_bytes());
            body.extend_from_slice(b"\r\n");
        };
        field("model", &self.model);
        field("response_format", if plain { "json" } else { "verbose_json" });
        if !plain {
            field("timestamp_granularities[]", "word");
        }
        if let Some(language) = &self.language {
            field("language", language);
        }
        let head = format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"audio.wav\"\r\n\
             Content-Type: audio/wav\r\n\r\n"
        );
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(&wav);
        body.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
        let mut request = Request::post(&self.site.uri)
            .header(CONTENT_TYPE, format!("multipart/form-data; boundary={boundary}"));
        if let Some(key) = self.site.authorization("Bearer")? {
            request = request.header(AUTHORIZATION, key);
        }
        let request =
            request.body(Body::new(Bytes::from(body))).map_err(|error| EngineError::Misconfigured {
                detail: error.to_string(),
                remedy: "correct the engine's address".to_owned(),
            })?;
        self.site.outgoing.request(request).await.map_err(|error| outgoing(&error))
    }

    /// A line that the audio does not have in it.
    fn boundary(&self, wav: &[u8]) -> String {
        loop {
            let number = self.requests.fetch_add(1, Ordering::Relaxed);
            let boundary = format!("glasslink-{number:016x}");
            if !wav.windows(boundary.len()).any(|window| window == boundary.as_bytes()) {
                return boundary;
            }
        }
    }
}

impl Transcript {
    fn read(answer: &Answer) -> Result<Self, EngineError> {
        let broken = |detail: &str| EngineError::Broken { detail: detail.to_owned() };
        let kind = answer.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        if kind.starts_with("text/plain") {
            let text = std::str::from_utf8(&answer.body).map_err(|_| broken("its answer is not text"))?;
            return Ok(Self { text: text.to_owned(), words: None });
        }
        serde_json::from_slice(&answer.body).map_err(|_| broken("its answer is not what the API says"))
    }
}

/// 16 kHz, mono, 16 bits.
fn wav(audio: &[i16]) -> Vec<u8> {
    let bytes = 2 * audio.len() as u32;
    let mut wav = Vec::with_capacity(44 + bytes as usize);
    wav.extend_from_slice(b"RIFF");
    wav.extend_from_slice(&(36 + bytes).to_le_bytes());
    wav.extend_from_slice(b"WAVEfmt ");
    wav.extend_from_slice(&16_u32.to_le_bytes());
    for (number, size) in [(1, 2), (1, 2), (SAMPLE_RATE, 4), (2 * SAMPLE_RATE, 4), (2, 2), (16, 2)] {
        wav.extend_from_slice(&number.to_le_bytes()[..size]);
    }
    wav.extend_from_slice(b"data");
    wav.extend_from_slice(&bytes.to_le_bytes());
    wav.extend(audio.iter().flat_map(|sample| sample.to_le_bytes()));
    wav
}
