use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rand_pcg::Pcg64Mcg;
use rand_pcg::rand_core::{Rng, SeedableRng};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio::time::sleep_until;

use crate::hub::{Hub, Life, Verdict};
use crate::log::By;
use crate::rule::{Direction, How};
use crate::watch::until_changed;

/// Under way at most: what the buffers of a path would hold.
const CHUNK: usize = 16 << 10;
const CHUNKS: usize = 256;

/// A throttled connection passes this often.
const SLICES_PER_SECOND: u32 = 50;

/// One way of a connection.
pub(crate) struct Pump {
    pub(crate) hub: Arc<Hub>,
    pub(crate) life: Arc<Life>,
    pub(crate) direction: Direction,
}

/// How one way ended.
#[derive(Clone, Copy, Debug)]
pub(crate) enum End {
    /// The sender has no more.
    Sender(How),
    /// The receiver takes no more.
    Receiver,
    Ruled(By, How),
}

/// What is under way, and when it arrives.
struct Parcel {
    due: Instant,
    load: Result<Vec<u8>, How>,
}

impl Pump {
    /// `begun`: what was read already. The receiver is told of a FIN; an RST is the caller's to pass on.
    pub(crate) async fn run(
        self,
        begun: Vec<u8>,
        from: impl AsyncRead + Unpin,
        to: impl AsyncWrite + Unpin,
    ) -> End {
        let (sent, arriving) = mpsc::channel(CHUNKS);
        let reading = async {
            self.read(begun, from, sent).await;
            // The writer says how it ends.
            std::future::pending::<End>().await
        };
        tokio::select! {
            end = reading => end,
            end = self.write(arriving, to) => end,
        }
    }

    async fn read(&self, begun: Vec<u8>, mut from: impl AsyncRead + Unpin, sent: mpsc::Sender<Parcel>) {
        let mut random = Pcg64Mcg::seed_from_u64(self.life.id.0 * 2 + self.direction as u64);
        let mut last = Instant::now();
        let mut begun = Some(begun).filter(|begun| !begun.is_empty());
        loop {
            let load = match begun.take() {
                Some(begun) => Ok(begun),
                None => read_some(&mut from).await,
            };
            let Verdict { latency, jitter, .. } = self.look();
            let late = latency + jitter.mul_f64(f64::from(random.next_u32()) / f64::from(u32::MAX));
            // Nothing overtakes.
            last = last.max(Instant::now() + late);
            let ends = load.is_err();
            if sent.send(Parcel { due: last, load }).await.is_err() || ends {
                return;
            }
        }
    }

    async fn write(&self, mut arriving: mpsc::Receiver<Parcel>, mut to: impl AsyncWrite + Unpin) -> End {
        while let Some(Parcel { due, load }) = arriving.recv().await {
            sleep_until(due.into()).await;
            let passed = match load {
                Ok(bytes) => self.pass(&bytes, &mut to).await,
                Err(how) => Err(self.passes().await.err().unwrap_or(End::Sender(how))),
            };
            if let Err(end) = passed {
                if matches!(end, End::Sender(How::Close)) {
                    // Whoever is gone already need not be told.
                    let _ = to.shutdown().await;
                }
                return end;
            }
        }
        End::Sender(How::Close)
    }

    async fn pass(&self, mut bytes: &[u8], to: &mut (impl AsyncWrite + Unpin)) -> Result<(), End> {
        while !bytes.is_empty() {
            let verdict = self.passes().await?;
            let slice = verdict.bytes_per_second.map(|rate| (rate / SLICES_PER_SECOND).max(1));
            let most = [Some(bytes.len() as u64), verdict.bytes, slice.map(u64::from)];
            let count = most.into_iter().flatten().min().unwrap_or_default() as usize;
            let (now, later) = bytes.split_at(count);
            let began = Instant::now();
            to.write_all(now).await.map_err(|_| End::Receiver)?;
            to.flush().await.map_err(|_| End::Receiver)?;
            self.life.pass(self.direction, count);
            bytes = later;
            if let Some(rate) = verdict.bytes_per_second {
                sleep_until((began + Duration::from_secs_f64(count as f64 / f64::from(rate))).into()).await;
            }
        }
        // A rule that waited for these bytes does not wait for the next.
        match self.look().ends {
            Some((by, how)) => Err(End::Ruled(by, how)),
            None => Ok(()),
        }
    }

    /// Waits while nothing passes.
    async fn passes(&self) -> Result<Verdict, End> {
        let mut changes = self.hub.changes();
        loop {
            let verdict = self.look();
            match verdict.ends {
                Some((by, how)) => return Err(End::Ruled(by, how)),
                None if verdict.hole => until_changed(&mut changes, verdict.again).await,
                None => return Ok(verdict),
            }
        }
    }

    fn look(&self) -> Verdict {
        self.hub.look(&self.life, Some(self.direction))
    }
}

async fn read_some(from: &mut (impl AsyncRead + Unpin)) -> Result<Vec<u8>, How> {
    let mut bytes = vec![0; CHUNK];
    match from.read(&mut bytes).await {
        Ok(0) => Err(How::Close),
        Ok(read) => {
            bytes.truncate(read);
            Ok(bytes)
        }
        // TLS that ends without saying so ended with a FIN.
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Err(How::Close),
        Err(_) => Err(How::Reset),
    }
}
