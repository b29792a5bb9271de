use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use futures_util::stream::unfold;
use glasslink_audio::{FrameDecoder, MAX_WAV_SAMPLES};
use glasslink_protocol::StreamId;
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;

use super::find::Wanted;
use super::sound::{Listening, Sound};
use super::{Lease, Trouble};
use crate::catalog::{SessionState, StreamRow};
use crate::shared::Shared;

/// Pieces that wait for who downloads.
const AHEAD: usize = 4;

/// `GET /v1/sessions/{id}/audio`: a stream, or a time of it, as WAV or FLAC: 16 kHz, 16-bit, mono. What is missing is
/// silence of its length.
pub(super) async fn audio(
    State(shared): State<Arc<Shared>>,
    lease: Lease,
    Wanted { key, row, parameters, .. }: Wanted,
) -> Result<Response, Trouble> {
    let sound = parameters.get::<Sound>("format", "wav or flac")?.unwrap_or(Sound::Wav);
    let id = parameters.get::<u32>("stream", "the number of a stream")?.map(StreamId);
    let milliseconds = "a number of milliseconds from the start of the stream";
    let from_ms = parameters.number("from_ms", milliseconds)?.unwrap_or(0);
    let to_ms = parameters.number("to_ms", milliseconds)?;
    if to_ms.is_some_and(|to_ms| to_ms <= from_ms) {
        return Err(Trouble::parameter("to_ms", "later than from_ms"));
    }
    let data = shared.data.clone().ok_or_else(|| {
        let remedy = "start it with --data DIR; what is said from then on can be downloaded";
        Trouble::new(StatusCode::NOT_FOUND, "no_audio", "this relay keeps no audio", remedy)
    })?;
    let stream = choose(shared.catalog.streams(key).await?, id)?;
    let place = Arc::clone(&shared.downloads).try_acquire_owned();
    let place = place.map_err(|_| Trouble::busy("too many downloads at once"))?;
    let archived = row.folder.clone().filter(|_| row.state == SessionState::Over);
    let opened = spawn_blocking(move || Listening::open(&data.folder(key.id, archived.as_deref()), &stream));
    let listening = opened.await.ok().and_then(Result::ok).ok_or_else(no_files)?;
    let range = listening.range(Duration::from_millis(from_ms), to_ms.map(Duration::from_millis));
    let samples = listening.samples(&range);
    if range.is_empty() {
        let remedy = "ask for a time before the stream's end";
        let message = "the stream has no audio at that time";
        return Err(Trouble::new(StatusCode::RANGE_NOT_SATISFIABLE, "no_audio_then", message, remedy));
    }
    if sound == Sound::Wav && samples > MAX_WAV_SAMPLES {
        let remedy = "ask for ?format=flac, or for less with from_ms and to_ms";
        let message = "so much does not fit into a WAV file";
        return Err(Trouble::new(StatusCode::PAYLOAD_TOO_LARGE, "audio_too_long", message, remedy));
    }
    let (pieces, taken) = mpsc::channel::<Bytes>(AHEAD);
    spawn_blocking(move || {
        let _place = place;
        if let Err(error) = listening.write(sound, range, Pieces(pieces)) {
            tracing::debug!(%error, "a download ended early");
        }
    });
    let body = Body::from_stream(unfold((taken, lease), |(mut taken, lease)| async move {
        let piece = taken.recv().await?;
        lease.renew();
        Some((Ok::<_, std::convert::Infallible>(piece), (taken, lease)))
    }));
    let id = key.id.to_string();
    let name = format!("attachment; filename=\"{}-{}.{}\"", &id[..8], samples / RATE, sound.extension());
    Ok(([(CONTENT_TYPE, sound.media_type().to_owned()), (CONTENT_DISPOSITION, name)], body).into_response())
}

const RATE: u64 = FrameDecoder::SAMPLE_RATE as u64;

fn choose(mut streams: Vec<StreamRow>, id: Option<StreamId>) -> Result<StreamRow, Trouble> {
    let found = match id {
        Some(id) => streams.into_iter().find(|stream| stream.start.stream == id),
        None if streams.len() > 1 => {
            let ids = streams.iter().map(|stream| stream.start.stream.to_string()).collect::<Vec<_>>();
            let remedy = format!("say ?stream= with one of {}", ids.join(", "));
            let message = "the session has several streams";
            return Err(Trouble::new(StatusCode::BAD_REQUEST, "stream_needed", message, remedy));
        }
        None => streams.pop(),
    };
    found.ok_or_else(|| {
        let remedy = "look at /v1/sessions/{id} for those there are";
        Trouble::new(StatusCode::NOT_FOUND, "no_stream", "the session has no such stream", remedy)
    })
}

fn no_files() -> Trouble {
    let remedy = "nothing can be done; the transcript may still be there";
    Trouble::new(StatusCode::NOT_FOUND, "no_audio", "the audio of this session cannot be read", remedy)
}

/// What is written goes to who downloads, in pieces; whoever leaves ends it.
struct Pieces(mpsc::Sender<Bytes>);

impl std::io::Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let sent = self.0.blocking_send(Bytes::copy_from_slice(bytes));
        sent.map(|()| bytes.len()).map_err(|_| std::io::ErrorKind::BrokenPipe.into())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
