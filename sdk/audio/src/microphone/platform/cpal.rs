use std::time::Instant;

use cpal::traits::{DeviceTrait, HostTrait, StreamTrait};
use cpal::{
    BufferSize, Data, DeviceDirection, ErrorKind, I24, SampleFormat, StreamConfig, SupportedBufferSize,
    SupportedStreamConfig, U24,
};

use super::names::{self, Naming};
use crate::microphone::defaults::{DEVICE_BUFFER, OPEN_LIMIT};
use crate::microphone::{
    CaptureSink, DeviceCause, DeviceId, ErrorSink, HostError, InputDevice, InputHost, InputKind,
    NativeFormat, OpenDevice,
};

/// This system's sound devices: `PulseAudio` or `PipeWire` where one runs, else ALSA; WASAPI; Core Audio.
pub(in crate::microphone) struct CpalHost {
    host: Option<cpal::Host>,
}

/// Captures as long as it lives.
struct CpalStream {
    _stream: cpal::Stream,
}

impl OpenDevice for CpalStream {}

impl CpalHost {
    pub(in crate::microphone) fn new() -> Self {
        Self { host: None }
    }

    /// The host that devices are looked for on. One that has failed is made anew; a sound server that is there again
    /// is preferred.
    fn host(&mut self) -> Result<&cpal::Host, HostError> {
        if !self.host.as_ref().is_some_and(|host| naming(host) == Naming::SoundServer) {
            self.host = Some(connect()?);
        }
        self.host.as_ref().ok_or_else(|| host_error(&ErrorKind::HostUnavailable.into()))
    }

    fn device(&mut self, id: &DeviceId) -> Result<cpal::Device, HostError> {
        let gone = || HostError { cause: DeviceCause::Unplugged, message: format!("{id} is not there") };
        let wanted = id.as_str().parse().map_err(|_| gone())?;
        let host = self.host()?;
        if let Some(device) = host.device_by_id(&wanted) {
            return Ok(device);
        }
        // The connection to a sound server may be a dead one.
        self.host = None;
        self.host()?.device_by_id(&wanted).ok_or_else(gone)
    }
}

impl InputHost for CpalHost {
    fn devices(&mut self) -> Result<Vec<InputDevice>, HostError> {
        let listed = list(self.host()?);
        if listed.is_err() {
            self.host = None;
            return list(self.host()?);
        }
        listed
    }

    fn native_format(&mut self, device: &DeviceId) -> Result<NativeFormat, HostError> {
        let config = config(&self.device(device)?)?;
        if config.sample_format().is_dsd() {
            let message = format!("its samples are {}", config.sample_format());
            return Err(HostError { cause: DeviceCause::Unsupported, message });
        }
        Ok(NativeFormat { sample_rate: config.sample_rate(), channels: config.channels() })
    }

    fn open(
        &mut self,
        device: &DeviceId,
        mut sink: CaptureSink,
        errors: ErrorSink,
    ) -> Result<Box<dyn OpenDevice>, HostError> {
        let device = self.device(device)?;
        let supported = config(&device)?;
        let config = StreamConfig {
            channels: sink.format().channels,
            sample_rate: sink.format().sample_rate,
            buffer_size: buffer_size(&supported),
        };
        let ends_with_server = self.host.as_ref().is_some_and(|host| naming(host) == Naming::SoundServer);
        let stream = device
            .build_input_stream_raw(
                config,
                supported.sample_format(),
                move |data, _| capture(&mut sink, data, Instant::now()),
                move |error| {
                    if let Some(cause) = stream_cause(error.kind(), ends_with_server) {
                        errors.failed(cause);
                    }
                },
                Some(OPEN_LIMIT),
            )
            .map_err(|error| host_error(&error))?;
        stream.play().map_err(|error| host_error(&error))?;
        Ok(Box::new(CpalStream { _stream: stream }))
    }
}

#[cfg(any(target_os = "linux", target_os = "freebsd", target_os = "netbsd", target_os = "dragonfly"))]
fn connect() -> Result<cpal::Host, HostError> {
    cpal::host_from_id(cpal::HostId::PulseAudio)
        .or_else(|_| cpal::host_from_id(cpal::HostId::Alsa))
        .map_err(|error| host_error(&error))
}

#[cfg(any(target_os = "linux", target_os = "freebsd", target_os = "netbsd", target_os = "dragonfly"))]
fn naming(host: &cpal::Host) -> Naming {
    match host.id() {
        cpal::HostId::Alsa => Naming::Alsa,
        cpal::HostId::PulseAudio => Naming::SoundServer,
    }
}

#[cfg(not(any(target_os = "linux", target_os = "freebsd", target_os = "netbsd", target_os = "dragonfly")))]
fn connect() -> Result<cpal::Host, HostError> {
    Ok(cpal::default_host())
}

#[cfg(not(any(target_os = "linux", target_os = "freebsd", target_os = "netbsd", target_os = "dragonfly")))]
fn naming(_: &cpal::Host) -> Naming {
    Naming::System
}

fn list(host: &cpal::Host) -> Result<Vec<InputDevice>, HostError> {
    let naming = naming(host);
    let id_of = |device: cpal::Device| Some(device.id().ok()?.id().to_owned());
    let default_input = host.default_input_device().and_then(id_of);
    let default_output = host.default_output_device().and_then(id_of);
    let devices = host.devices().map_err(|error| host_error(&error))?;
    let mut found = Vec::new();
    for device in devices {
        let (Ok(id), Ok(description)) = (device.id(), device.description()) else { continue };
        let is_output = description.direction() == DeviceDirection::Output;
        let Some(kind) = names::kind(naming, id.id(), is_output) else { continue };
        let is_default = match kind {
            InputKind::Microphone => default_input.as_deref() == Some(id.id()),
            InputKind::SystemAudio => default_output.as_deref().is_some_and(|output| {
                id.id() == output || id.id().strip_suffix(names::MONITOR) == Some(output)
            }),
        };
        let name = names::for_a_person(naming, description.name());
        found.push(InputDevice { id: DeviceId::new(id.to_string()), name, kind, is_default });
    }
    names::tell_apart(&mut found);
    Ok(found)
}

/// What a device delivers by itself; of an output, what it plays.
fn config(device: &cpal::Device) -> Result<SupportedStreamConfig, HostError> {
    let is_output = device.description().is_ok_and(|found| found.direction() == DeviceDirection::Output);
    let config = if is_output { device.default_output_config() } else { device.default_input_config() };
    config.map_err(|error| host_error(&error))
}

fn buffer_size(config: &SupportedStreamConfig) -> BufferSize {
    match *config.buffer_size() {
        SupportedBufferSize::Range { min, max } => {
            let wanted = (f64::from(config.sample_rate()) * DEVICE_BUFFER.as_secs_f64()) as u32;
            BufferSize::Fixed(wanted.max(min).min(max))
        }
        SupportedBufferSize::Unknown => BufferSize::Default,
    }
}

/// What the sound system calls.
fn capture(sink: &mut CaptureSink, data: &Data, arrived_at: Instant) {
    macro_rules! write {
        ($($format:ident: $sample:ty),*) => {
            match data.sample_format() {
                $(SampleFormat::$format => {
                    if let Some(samples) = data.as_slice::<$sample>() {
                        sink.write(samples, arrived_at);
                    }
                })*
                // Refused when it was opened.
                _ => {}
            }
        };
    }
    write!(
        I8: i8, I16: i16, I24: I24, I32: i32, I64: i64, U8: u8, U16: u16, U24: U24, U32: u32, U64: u64, F32: f32,
        F64: f64
    );
}

/// What it means that an open device reports `kind`; `None`: it goes on.
fn stream_cause(kind: ErrorKind, ends_with_server: bool) -> Option<DeviceCause> {
    match kind {
        ErrorKind::Xrun | ErrorKind::DeviceChanged | ErrorKind::RealtimeDenied => None,
        ErrorKind::StreamInvalidated if ends_with_server => Some(DeviceCause::NoServer),
        kind => Some(cause(kind)),
    }
}

fn cause(kind: ErrorKind) -> DeviceCause {
    match kind {
        ErrorKind::DeviceNotAvailable => DeviceCause::Unplugged,
        ErrorKind::HostUnavailable => DeviceCause::NoServer,
        ErrorKind::DeviceBusy => DeviceCause::Busy,
        ErrorKind::PermissionDenied => DeviceCause::Denied,
        ErrorKind::UnsupportedConfig | ErrorKind::UnsupportedOperation => DeviceCause::Unsupported,
        _ => DeviceCause::Failed,
    }
}

fn host_error(error: &cpal::Error) -> HostError {
    let message = error.to_string();
    // ALSA's way to a sound server that is not there.
    let is_server = error.kind() == ErrorKind::BackendError && message.contains("Connection refused");
    let cause = if is_server { DeviceCause::NoServer } else { cause(error.kind()) };
    HostError { cause, message }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_glitch_is_no_failure_and_a_server_that_ends_is_not_a_plug() {
        assert_eq!(stream_cause(ErrorKind::Xrun, true), None);
        assert_eq!(stream_cause(ErrorKind::DeviceNotAvailable, true), Some(DeviceCause::Unplugged));
        assert_eq!(stream_cause(ErrorKind::StreamInvalidated, true), Some(DeviceCause::NoServer));
        assert_eq!(stream_cause(ErrorKind::BackendError, false), Some(DeviceCause::Failed));
    }

    #[test]
    fn a_device_delivers_four_frames_at_once_if_it_can() {
        let config = |buffer| SupportedStreamConfig::new(2, 48_000, buffer, SampleFormat::F32);
        let range = |min, max| config(SupportedBufferSize::Range { min, max });
        assert_eq!(buffer_size(&range(1, 100_000)), BufferSize::Fixed(1_920));
        assert_eq!(buffer_size(&range(2_048, 100_000)), BufferSize::Fixed(2_048));
        assert_eq!(buffer_size(&range(1, 512)), BufferSize::Fixed(512));
        assert_eq!(buffer_size(&config(SupportedBufferSize::Unknown)), BufferSize::Default);
    }
}
