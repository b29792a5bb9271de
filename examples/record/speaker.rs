//! The loudspeaker.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use cpal::traits::{DeviceTrait, HostTrait, StreamTrait};
use cpal::{FromSample, SampleFormat, SizedSample, StreamConfig};
use glasslink::audio::Resampler;
use glasslink_library::RecordedAudio;

/// What waits to be played; reading goes on when there is less.
const AHEAD: Duration = Duration::from_millis(500);
/// How often it is looked.
const LOOK: Duration = Duration::from_millis(50);

type Waiting = Arc<Mutex<VecDeque<f32>>>;

/// Plays up to `to`, and tells how far it got.
pub(crate) async fn play(
    audio: &mut RecordedAudio,
    to: Duration,
    mut told: impl FnMut(Duration),
) -> Result<()> {
    let remedy = "no loudspeaker: plug one in, or write a file with --to FILE";
    let device = cpal::default_host().default_output_device().context(remedy)?;
    let supported = device.default_output_config().context(remedy)?;
    let (format, config) = (supported.sample_format(), supported.config());
    let waiting = Waiting::default();
    let stream = match format {
        SampleFormat::F32 => stream::<f32>(&device, &config, &waiting),
        SampleFormat::I16 => stream::<i16>(&device, &config, &waiting),
        SampleFormat::I32 => stream::<i32>(&device, &config, &waiting),
        other => bail!("the loudspeaker wants {other} samples, which this program has not: use --to FILE"),
    }
    .context(remedy)?;
    stream.play().context(remedy)?;
    let rate = config.sample_rate;
    let mut resampler = Resampler::new(audio.sample_rate(), rate)?;
    let ahead = (AHEAD.as_secs_f64() * f64::from(rate)) as usize;
    let (mut samples, mut out) = (Vec::new(), Vec::new());
    loop {
        let behind = waiting.lock().unwrap_or_else(PoisonError::into_inner).len();
        if behind < ahead && audio.position() < to && audio.read(&mut samples)? {
            let input: Vec<f32> = samples.drain(..).map(|sample| f32::from(sample) / 32_768.0).collect();
            out.clear();
            resampler.process(&input, &mut out);
            if audio.position() >= to {
                resampler.finish(&mut out);
            }
            waiting.lock().unwrap_or_else(PoisonError::into_inner).extend(&out);
            continue;
        }
        let left = Duration::from_secs_f64(behind as f64 / f64::from(rate));
        told(audio.position().saturating_sub(left));
        if behind == 0 && audio.position() >= to {
            return Ok(());
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK) => {}
            _ = tokio::signal::ctrl_c() => return Ok(()),
        }
    }
}

fn stream<T: SizedSample + FromSample<f32>>(
    device: &cpal::Device,
    config: &StreamConfig,
    waiting: &Waiting,
) -> Result<cpal::Stream, cpal::Error> {
    let (waiting, channels) = (Arc::clone(waiting), usize::from(config.channels).max(1));
    device.build_output_stream(
        *config,
        move |data: &mut [T], _| {
            // Whoever fills it holds it for microseconds; a moment of silence is better than to wait.
            let mut waiting = waiting.try_lock();
            for frame in data.chunks_mut(channels) {
                let sample = waiting.as_mut().ok().and_then(|waiting| waiting.pop_front()).unwrap_or(0.0);
                frame.fill(T::from_sample(sample));
            }
        },
        |error| eprintln!("record: the loudspeaker: {error}"),
        None,
    )
}
