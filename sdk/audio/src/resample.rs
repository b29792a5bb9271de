use std::time::Duration;

use rubato::audioadapter_buffers::direct::InterleavedSlice;
use rubato::{
    Async, Fft, FixedAsync, FixedSync, SincInterpolationParameters, SincInterpolationType, WindowFunction,
};

/// Turns a stream of mono samples of one rate into another, with anti-aliasing.
///
/// Streaming: feed it pieces of any size. Its own delay is taken off the start, so sample *n* out lies at the time of
/// sample *n x from / to* in, and as many come out as the input lasts. Nothing is allocated per call, once the output
/// has the capacity.
pub struct Resampler {
    from: u32,
    to: u32,
    engine: Option<Engine>,
}

/// Rates must be from 1,000 to 768,000 Hz.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot resample from {from} Hz to {to} Hz: rates from 1000 to 768000 Hz exist")]
pub struct ResampleError {
    from: u32,
    to: u32,
}

struct Engine {
    inner: Box<dyn rubato::Resampler<f32>>,
    lead: usize,
    delay: usize,
    /// Input of less than a block.
    pending: Vec<f32>,
    block: Vec<f32>,
    /// Silence still to be fed, and output still to be dropped.
    unled: usize,
    skip: usize,
    fed: u64,
    yielded: u64,
}

/// Input a block has, about, in ms. Shorter blocks have a less steep filter, longer ones a longer delay.
const BLOCK_MS: u32 = 20;

/// Taps of the interpolating filter: 80 dB, and 92 % of the band.
const SINC_LEN: usize = 256;

impl Resampler {
    /// From `from` to `to` hertz.
    pub fn new(from: u32, to: u32) -> Result<Self, ResampleError> {
        let refused = ResampleError { from, to };
        if [from, to].iter().any(|rate| !(1_000..=768_000).contains(rate)) {
            return Err(refused);
        }
        let engine = if from == to { None } else { Some(Engine::new(from, to).ok_or(refused)?) };
        Ok(Self { from, to, engine })
    }

    /// Hertz in.
    pub fn from_rate(&self) -> u32 {
        self.from
    }

    /// Hertz out.
    pub fn to_rate(&self) -> u32 {
        self.to
    }

    /// How long a sample stays inside at most: what a live stream is later than without.
    pub fn latency(&self) -> Duration {
        let Some(engine) = &self.engine else { return Duration::ZERO };
        let block = engine.inner.input_frames_max() as f64 / f64::from(self.from);
        Duration::from_secs_f64(block + engine.delay as f64 / f64::from(self.to))
    }

    /// Takes `input`, and appends to `output` what is ready.
    pub fn process(&mut self, input: &[f32], output: &mut Vec<f32>) {
        match &mut self.engine {
            None => output.extend_from_slice(input),
            Some(engine) => engine.process(input, output),
        }
    }

    /// Appends what is still inside; the next [`process`](Self::process) begins a new stream.
    pub fn finish(&mut self, output: &mut Vec<f32>) {
        if let Some(engine) = &mut self.engine {
            engine.finish(self.from, self.to, output);
        }
    }
}

impl Engine {
    fn new(from: u32, to: u32) -> Option<Self> {
        // A block of odd length has its middle, and so the delay, between two samples.
        let smallest = 2 * (from / gcd(from, to)) as usize;
        let block = ((from * BLOCK_MS / 1000) as usize).next_multiple_of(2);
        if smallest <= 5 * block {
            let block = block.next_multiple_of(smallest);
            let (from, to) = (from as usize, to as usize);
            let window = WindowFunction::BlackmanHarris2;
            let inner = Fft::new_custom(from, to, block, 1, 1, window, FixedSync::Both).ok()?;
            Some(Self::around(Box::new(inner), 0, None))
        } else {
            // Rates with so small a common divisor would need blocks of seconds; they are interpolated instead.
            let parameters = SincInterpolationParameters {
                sinc_len: SINC_LEN,
                f_cutoff: None,
                oversampling_factor: 256,
                interpolation: SincInterpolationType::Linear,
                window: WindowFunction::BlackmanHarris2,
            };
            let ratio = f64::from(to) / f64::from(from);
            let inner = Async::new_sinc(ratio, 1.1, &parameters, block, 1, FixedAsync::Input).ok()?;
            // Its delay is a fraction of a sample out; silence before the stream makes it nearly whole.
            let delay = |lead: usize| (SINC_LEN / 2 + lead) as f64 * ratio - 1.0;
            let fraction = |lead: usize| (delay(lead) - delay(lead).round()).abs();
            let lead = (1..1000).min_by(|a, b| fraction(*a).total_cmp(&fraction(*b)))?;
            Some(Self::around(Box::new(inner), lead, Some(delay(lead).round() as usize)))
        }
    }

    /// `lead`: samples of silence to feed first. `delay`: samples of output to drop, where the engine does not know.
    fn around(inner: Box<dyn rubato::Resampler<f32>>, lead: usize, delay: Option<usize>) -> Self {
        let delay = delay.unwrap_or_else(|| inner.output_delay());
        let pending = Vec::with_capacity(inner.input_frames_max());
        let block = vec![0.0; inner.output_frames_max()];
        Self { inner, lead, delay, pending, block, unled: lead, skip: delay, fed: 0, yielded: 0 }
    }

    fn process(&mut self, input: &[f32], output: &mut Vec<f32>) {
        self.fed += input.len() as u64;
        self.feed_lead(output);
        self.feed(input, output);
    }

    fn feed_lead(&mut self, output: &mut Vec<f32>) {
        const SILENCE: [f32; 64] = [0.0; 64];
        while self.unled > 0 {
            let now = self.unled.min(SILENCE.len());
            self.unled -= now;
            self.feed(&SILENCE[..now], output);
        }
    }

    fn feed(&mut self, mut input: &[f32], output: &mut Vec<f32>) {
        loop {
            let needed = self.inner.input_frames_next();
            let missing = needed - self.pending.len();
            let (now, later) = input.split_at(missing.min(input.len()));
            self.pending.extend_from_slice(now);
            if self.pending.len() < needed {
                return;
            }
            self.run(output, u64::MAX);
            input = later;
        }
    }

    fn finish(&mut self, from: u32, to: u32, output: &mut Vec<f32>) {
        let total = (self.fed * u64::from(to)).div_ceil(u64::from(from));
        while self.yielded < total {
            let needed = self.inner.input_frames_next();
            self.pending.resize(needed, 0.0);
            self.run(output, total);
        }
        self.inner.reset();
        self.pending.clear();
        (self.unled, self.skip) = (self.lead, self.delay);
        (self.fed, self.yielded) = (0, 0);
    }

    /// Resamples one block, and appends what is not delay, up to `total` samples of the stream.
    fn run(&mut self, output: &mut Vec<f32>, total: u64) {
        let (input_len, output_len) = (self.pending.len(), self.block.len());
        let made = InterleavedSlice::new(&self.pending[..], 1, input_len).ok().and_then(|input| {
            let mut block = InterleavedSlice::new_mut(&mut self.block[..], 1, output_len).ok()?;
            self.inner.process_into_buffer(&input, &mut block, None).ok()
        });
        // Block and buffers have the sizes that the engine asked for, which is all it can object to.
        let made = made.map_or(0, |(_, made)| made);
        self.pending.clear();
        let skipped = self.skip.min(made);
        self.skip -= skipped;
        let wanted = usize::try_from(total - self.yielded).unwrap_or(usize::MAX);
        let fresh = &self.block[skipped..made];
        let fresh = &fresh[..fresh.len().min(wanted)];
        output.extend_from_slice(fresh);
        self.yielded += fresh.len() as u64;
    }
}

impl std::fmt::Debug for Resampler {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Resampler").field("from", &self.from).field("to", &self.to).finish_non_exhaustive()
    }
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}
