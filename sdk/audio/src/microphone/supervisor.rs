//! Keeps a microphone open. No clock, no thread, no I/O of its own.

use std::time::{Duration, Instant};

use glasslink_protocol::StreamFormat;

use super::budget::Budget;
use super::capture::{CaptureReader, ErrorSink};
use super::defaults::{
    AUDIO_STALL, DIGITAL_SILENCE, GRACE, HEALTHY, LOOK, LOOK_SHARE, OPEN_LIMIT, REARM_INTERVAL, SEARCH, TAIL,
    TELL_GAP, TICK,
};
use super::device::default_of;
use super::framer::Framer;
use super::port::{Opened, Port, Reply, Request};
use super::{DeviceCause, DeviceChoice, HostError, InputDevice, InputKind, MicrophoneState, MicrophoneStats};
use crate::{Captured, Resampler};

/// A supervisor that was starved looks twice before it calls a device stalled, this far apart.
const SECOND_LOOK: Duration = Duration::from_millis(250);

pub(super) struct Supervisor {
    port: Box<dyn Port>,
    choice: DeviceChoice,
    format: StreamFormat,
    framer: Framer,
    phase: Phase,
    /// What was there when it was last asked, and of which kind the chosen one is.
    devices: Vec<InputDevice>,
    kind: InputKind,
    asked: Option<Instant>,
    ask_at: Option<Instant>,
    of_chosen: Budget,
    of_default: Budget,
    /// Since when nothing is captured that should be.
    away: Option<Away>,
    told_gap: Option<Instant>,
    stats: MicrophoneStats,
    samples: Vec<f32>,
}

enum Phase {
    Searching,
    Opening { device: InputDevice, instead: bool, deadline: Instant },
    Running(Running),
    Paused,
    Stopped,
}

struct Running {
    device: InputDevice,
    instead: bool,
    reader: CaptureReader,
    errors: ErrorSink,
    opened_at: Instant,
    /// When audio last came, and when some that was not silence did.
    heard: Option<Instant>,
    voiced_at: Instant,
    suspected: Option<Instant>,
    /// It is to end when what was said until then is there.
    stop_at: Option<Instant>,
}

#[derive(Clone, Copy)]
struct Away {
    since: Instant,
    cause: DeviceCause,
    was_told: bool,
}

impl Supervisor {
    pub(super) fn new(port: Box<dyn Port>, choice: DeviceChoice, format: StreamFormat) -> Self {
        let kind = match &choice {
            DeviceChoice::Default(kind) => *kind,
            DeviceChoice::Device(_) => InputKind::Microphone,
        };
        Self {
            port,
            choice,
            format,
            framer: Framer::new(format),
            phase: Phase::Searching,
            devices: Vec::new(),
            kind,
            asked: None,
            ask_at: None,
            of_chosen: Budget::default(),
            of_default: Budget::default(),
            away: None,
            told_gap: None,
            stats: MicrophoneStats::default(),
            samples: Vec::with_capacity(9_600),
        }
    }

    /// Does what is due.
    pub(super) fn tick(&mut self, now: Instant) {
        while let Some(reply) = self.port.reply() {
            match reply {
                Reply::Listed(listed) => self.listed(now, listed),
                Reply::Opened(opened) => self.opened(now, opened),
            }
        }
        match &self.phase {
            Phase::Searching => self.search(now),
            Phase::Opening { deadline, instead, .. } if now >= *deadline => {
                let instead = *instead;
                self.abandon();
                self.refused(now, instead, DeviceCause::Stalled);
            }
            Phase::Running(_) => self.listen(now),
            Phase::Opening { .. } | Phase::Paused | Phase::Stopped => {}
        }
        self.tell_gap(now);
    }

    pub(super) fn take(&mut self, frame: &mut Vec<u8>) -> Option<Captured> {
        self.framer.take(frame)
    }

    pub(super) fn state(&self) -> MicrophoneState {
        match &self.phase {
            Phase::Running(Running { device, instead, heard: Some(heard), voiced_at, .. }) => {
                let (device, instead) = (device.clone(), *instead);
                let is_silent = device.kind == InputKind::Microphone
                    && heard.saturating_duration_since(*voiced_at) >= DIGITAL_SILENCE;
                if is_silent {
                    MicrophoneState::Silent { device, instead }
                } else {
                    MicrophoneState::Capturing { device, instead }
                }
            }
            Phase::Paused => MicrophoneState::Paused,
            Phase::Stopped => MicrophoneState::Stopped,
            Phase::Searching | Phase::Opening { .. } | Phase::Running(_) => match self.away {
                Some(Away { cause, was_told, .. }) => MicrophoneState::Away { cause, given_up: was_told },
                None => MicrophoneState::Opening,
            },
        }
    }

    pub(super) fn stats(&self) -> MicrophoneStats {
        MicrophoneStats { drift_ppm: self.framer.drift_ppm().or(self.stats.drift_ppm), ..self.stats }
    }

    /// Why it will not begin soon, as long as it has not.
    pub(super) fn hopeless(&self, now: Instant) -> Option<DeviceCause> {
        let away = self.away.filter(|_| matches!(self.phase, Phase::Searching))?;
        let is_over = now >= away.since + GRACE + SEARCH * 2;
        (is_over || matches!(away.cause, DeviceCause::NoDevice | DeviceCause::NoServer)).then_some(away.cause)
    }

    pub(super) fn is_over(&self) -> bool {
        matches!(self.phase, Phase::Stopped)
    }

    /// Closes the device until [`resume`](Self::resume).
    pub(super) fn pause(&mut self) {
        if !matches!(self.phase, Phase::Paused | Phase::Stopped) {
            self.close();
            self.away = None;
            self.phase = Phase::Paused;
        }
    }

    pub(super) fn resume(&mut self) {
        if matches!(self.phase, Phase::Paused) {
            self.begin_anew();
        }
    }

    pub(super) fn choose(&mut self, choice: DeviceChoice) {
        if let DeviceChoice::Default(kind) = choice {
            self.kind = kind;
        }
        self.choice = choice;
        if !matches!(self.phase, Phase::Paused | Phase::Stopped) {
            self.close();
            self.begin_anew();
        }
    }

    /// Somebody asks for it: what has failed has all its tries again, and one that is silent is opened again.
    pub(super) fn rearm(&mut self, now: Instant) {
        self.of_chosen.reset();
        self.of_default.reset();
        self.ask_at = None;
        if let Some(away) = &mut self.away {
            away.was_told = false;
        }
        self.stalled(now);
    }

    /// The link has no frames from it: if that is the device's doing it is opened again, as far as tries are left.
    pub(super) fn stalled(&mut self, now: Instant) {
        if let Phase::Running(running) = &self.phase
            && now >= running.heard.unwrap_or(running.opened_at) + Duration::from_secs(1)
        {
            self.stats.stalls += 1;
            self.failed(now, DeviceCause::Stalled);
        }
    }

    /// Ends, when what was said until now is there.
    pub(super) fn stop(&mut self, now: Instant) {
        match &mut self.phase {
            Phase::Stopped => {}
            Phase::Running(running) if running.heard.is_some() => {
                running.stop_at.get_or_insert(now);
            }
            _ => {
                self.close();
                self.framer.nothing_until(now);
                self.phase = Phase::Stopped;
            }
        }
    }

    fn begin_anew(&mut self) {
        self.of_chosen = Budget::default();
        self.of_default = Budget::default();
        self.away = None;
        self.ask_at = None;
        self.phase = Phase::Searching;
    }

    fn close(&mut self) {
        self.stats = self.stats();
        self.framer.close();
        self.port.request(Request::Close);
        self.told_gap = None;
    }

    fn search(&mut self, now: Instant) {
        self.ask(now);
        let Some(away) = self.away else { return };
        let chosen = self.choice.find(&self.devices).cloned();
        let is_given_up = chosen.is_some() && self.of_chosen.is_exhausted() && self.substitute().is_none();
        if is_given_up && !away.was_told {
            self.stats.given_up += 1;
            self.away = Some(Away { was_told: true, ..away });
        }
    }

    /// Asks what is there, if it is time to.
    fn ask(&mut self, now: Instant) {
        if let Some(asked) = self.asked {
            if now >= asked + OPEN_LIMIT && matches!(self.phase, Phase::Searching) {
                self.abandon();
                self.ask_at = Some(now + REARM_INTERVAL);
                self.away(now, DeviceCause::NoServer);
            }
            return;
        }
        if self.ask_at.is_none_or(|at| now >= at) {
            self.asked = Some(now);
            self.port.request(Request::List);
        }
    }

    fn abandon(&mut self) {
        self.port.abandon();
        self.asked = None;
    }

    fn listed(&mut self, now: Instant, listed: Result<Vec<InputDevice>, HostError>) {
        let took = self.asked.take().map_or(Duration::ZERO, |asked| now.saturating_duration_since(asked));
        let every = if matches!(self.phase, Phase::Searching) { SEARCH } else { LOOK };
        self.ask_at = Some(now + every.max(took.saturating_sub(TICK) * LOOK_SHARE));
        let devices = match listed {
            Ok(devices) => devices,
            Err(error) => {
                if matches!(self.phase, Phase::Searching) {
                    self.devices.clear();
                    self.away(now, error.cause);
                }
                return;
            }
        };
        if let Some(chosen) = self.choice.find(&devices) {
            self.kind = chosen.kind;
            if !self.devices.iter().any(|known| known.id == chosen.id) {
                self.of_chosen.back();
            }
        }
        if let Some(default) = default_of(self.kind, &devices)
            && !self.devices.iter().any(|known| known.id == default.id)
        {
            self.of_default.back();
        }
        self.devices = devices;
        match &self.phase {
            Phase::Searching => self.decide(now),
            Phase::Running(running) if running.stop_at.is_none() => self.reconsider(now),
            _ => {}
        }
    }

    /// Opens what can be.
    fn decide(&mut self, now: Instant) {
        let chosen = self.choice.find(&self.devices).cloned();
        if let Some(device) = &chosen
            && self.of_chosen.may(now)
        {
            return self.open(now, device.clone(), false);
        }
        if chosen.is_none() && default_of(self.kind, &self.devices).is_none() {
            self.away(now, DeviceCause::NoDevice);
        }
        // What was chosen and is not there counts as unplugged from the first look on.
        let since = self.away.map_or(now, |away| away.since);
        if self.away.is_none() {
            self.away(now, DeviceCause::Unplugged);
        }
        if now >= since + GRACE
            && self.of_default.may(now)
            && let Some(device) = self.substitute()
        {
            self.open(now, device, true);
        }
    }

    /// The default device of the kind, where that is another one than the chosen one.
    fn substitute(&self) -> Option<InputDevice> {
        let DeviceChoice::Device(chosen) = &self.choice else { return None };
        default_of(self.kind, &self.devices).filter(|device| device.id != *chosen).cloned()
    }

    /// While audio comes: whether it still comes from there, and whether it should.
    fn reconsider(&mut self, now: Instant) {
        let Phase::Running(running) = &self.phase else { return };
        let (current, instead) = (running.device.id.clone(), running.instead);
        if !self.devices.iter().any(|device| device.id == current) {
            return self.failed(now, DeviceCause::Unplugged);
        }
        let Some(wanted) = self.choice.find(&self.devices).cloned() else { return };
        let has_moved = matches!(self.choice, DeviceChoice::Default(_)) && wanted.is_default;
        let is_back = instead && self.of_chosen.is_back() && self.of_chosen.may(now);
        if wanted.id != current && (has_moved || is_back) {
            self.close();
            self.open(now, wanted, false);
        }
    }

    fn open(&mut self, now: Instant, device: InputDevice, instead: bool) {
        let budget = if instead { &mut self.of_default } else { &mut self.of_chosen };
        if self.away.is_some() {
            budget.spend(now);
            self.stats.rearms += 1;
        }
        self.port.request(Request::Open(device.id.clone()));
        self.phase = Phase::Opening { device, instead, deadline: now + OPEN_LIMIT };
    }

    fn opened(&mut self, now: Instant, opened: Result<Opened, HostError>) {
        let Phase::Opening { device, instead, .. } = &self.phase else {
            // Paused or stopped meanwhile.
            return self.port.request(Request::Close);
        };
        let (device, instead) = (device.clone(), *instead);
        let Opened { reader, errors, format } = match opened {
            Ok(opened) => opened,
            Err(error) => return self.refused(now, instead, error.cause),
        };
        match Resampler::new(format.sample_rate, self.format.sample_rate()) {
            Ok(resampler) => self.framer.open(resampler),
            Err(_) => return self.refused(now, instead, DeviceCause::Unsupported),
        }
        self.phase = Phase::Running(Running {
            device,
            instead,
            reader,
            errors,
            opened_at: now,
            heard: None,
            voiced_at: now,
            suspected: None,
            stop_at: None,
        });
    }

    fn listen(&mut self, now: Instant) {
        let Phase::Running(running) = &mut self.phase else { return };
        loop {
            self.samples.clear();
            let Some(arrived) = running.reader.read(&mut self.samples) else { break };
            if self.samples.iter().any(|sample| *sample != 0.0) {
                running.voiced_at = now;
            }
            running.heard = Some(now);
            running.suspected = None;
            self.framer.arrived(&self.samples, arrived);
        }
        if let Some(stop_at) = running.stop_at {
            let is_there = self.framer.captured_until().is_none_or(|until| until >= stop_at);
            if is_there || now >= stop_at + TAIL || running.errors.first().is_some() {
                self.close();
                self.phase = Phase::Stopped;
            }
            return;
        }
        if running.heard.is_some() && self.away.take().is_some() {
            self.stats.recoveries += 1;
        }
        if running.heard.is_some_and(|heard| heard >= running.opened_at + HEALTHY) {
            let budget = if running.instead { &mut self.of_default } else { &mut self.of_chosen };
            budget.reset();
        }
        if let Some(cause) = running.errors.first() {
            return self.failed(now, cause);
        }
        if now >= running.heard.unwrap_or(running.opened_at) + AUDIO_STALL.saturating_sub(SECOND_LOOK) {
            let suspected = *running.suspected.get_or_insert(now);
            if now >= suspected + SECOND_LOOK {
                self.stats.stalls += 1;
                return self.failed(now, DeviceCause::Stalled);
            }
        }
        self.ask(now);
    }

    /// A device could not be opened: another try at once would not help.
    fn refused(&mut self, now: Instant, instead: bool, cause: DeviceCause) {
        let budget = if instead { &mut self.of_default } else { &mut self.of_chosen };
        if budget.is_whole() {
            budget.spend(now);
        }
        self.failed(now, cause);
    }

    /// What was open, or was to be, gives nothing any more.
    fn failed(&mut self, now: Instant, cause: DeviceCause) {
        self.close();
        self.phase = Phase::Searching;
        if self.away.is_none() {
            self.stats.failures += 1;
        }
        self.away(now, cause);
        if matches!(cause, DeviceCause::Unplugged | DeviceCause::NoServer) {
            // What is there at the next look is back.
            self.devices.clear();
        }
        self.ask_at = None;
    }

    fn away(&mut self, now: Instant, cause: DeviceCause) {
        let away = self.away.get_or_insert(Away { since: now, cause, was_told: false });
        // That there is nothing to record from says less than why.
        if cause != DeviceCause::NoDevice {
            away.cause = cause;
        }
    }

    fn tell_gap(&mut self, now: Instant) {
        if matches!(self.phase, Phase::Running(_) | Phase::Stopped) {
            return;
        }
        if self.told_gap.is_none_or(|told| now >= told + TELL_GAP) {
            self.told_gap = Some(now);
            self.framer.nothing_until(now);
        }
    }
}
