use std::time::Duration;

use axum::extract::Query as Pairs;
use axum::http::Uri;

use super::limits;
use super::refusal::Refusal;

/// What a client asks for. What is not known is passed over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Query {
    /// `None`: it is to be seen from the audio.
    pub(super) encoding: Option<Encoding>,
    /// Hertz.
    pub(super) sample_rate: Option<u32>,
    pub(super) channels: usize,
    /// Whether channels are told apart.
    pub(super) multichannel: bool,
    pub(super) interim_results: bool,
    pub(super) vad_events: bool,
    pub(super) utterance_end: Option<Duration>,
    /// What the client calls its audio.
    pub(super) tag: Option<String>,
    /// Ours: speech may leave the relay's machine.
    pub(super) remote_speech: bool,
}

/// How audio is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    Linear16,
}

impl Query {
    pub(super) fn parse(uri: &Uri) -> Result<Self, Refusal> {
        let Ok(Pairs(pairs)) = Pairs::<Vec<(String, String)>>::try_from_uri(uri) else {
            return Err(Refusal::bad("Bad Request: the query string cannot be read."));
        };
        let mut query = Self {
            encoding: None,
            sample_rate: None,
            channels: 1,
            multichannel: false,
            interim_results: false,
            vad_events: false,
            utterance_end: None,
            tag: None,
            remote_speech: false,
        };
        for (name, value) in pairs {
            query.set(&name, &value)?;
        }
        let raw = query.encoding.is_some();
        if raw && query.sample_rate.is_none() {
            return Err(Refusal::bad("Bad Request: `sample_rate` is required with `encoding`."));
        }
        if !raw {
            return Err(Refusal::bad("Bad Request: `encoding` and `sample_rate` are required."));
        }
        Ok(query)
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), Refusal> {
        match name {
            "encoding" => self.encoding = Some(Encoding::parse(value)?),
            "sample_rate" => {
                let rate = number(name, value)?;
                if !(8_000..=48_000).contains(&rate) {
                    return Err(Refusal::bad("Bad Request: `sample_rate` is from 8000 to 48000."));
                }
                self.sample_rate = Some(rate);
            }
            "channels" => {
                self.channels = number(name, value)? as usize;
                if !(1..=limits::CHANNELS).contains(&self.channels) {
                    let most = limits::CHANNELS;
                    return Err(Refusal::bad(format!("Bad Request: `channels` is from 1 to {most}.")));
                }
            }
            "multichannel" => self.multichannel = yes(name, value)?,
            "interim_results" => self.interim_results = yes(name, value)?,
            "vad_events" => self.vad_events = yes(name, value)?,
            "utterance_end_ms" => {
                self.utterance_end = Some(Duration::from_millis(u64::from(number(name, value)?)));
            }
            "tag" => {
                self.tag.get_or_insert_with(|| value.chars().filter(|c| !c.is_control()).take(64).collect());
            }
            "remote_speech" => self.remote_speech = yes(name, value)?,
            "callback" => {
                return Err(Refusal::bad(
                    "Bad Request: `callback` is not supported: results come on this socket.",
                ));
            }
            _ => {}
        }
        Ok(())
    }
}

impl Encoding {
    fn parse(name: &str) -> Result<Self, Refusal> {
        match name {
            "linear16" => Ok(Self::Linear16),
            _ => Err(Refusal::bad(format!("Bad Request: Unsupported encoding: {}.", shown(name)))),
        }
    }
}

fn yes(name: &str, value: &str) -> Result<bool, Refusal> {
    match value {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(Refusal::bad(format!("Bad Request: `{name}` is `true` or `false`."))),
    }
}

fn number(name: &str, value: &str) -> Result<u32, Refusal> {
    value.parse().map_err(|_| Refusal::bad(format!("Bad Request: `{name}` is a number.")))
}

/// Of what a stranger wrote, what a header may have.
fn shown(text: &str) -> String {
    text.chars().filter(char::is_ascii_graphic).take(32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(query: &str) -> Result<Query, Refusal> {
        Query::parse(&format!("/v1/listen?{query}").parse().unwrap())
    }

    #[test]
    fn what_the_sdks_ask_for_is_understood_and_what_is_unknown_passed_over() {
        let query = parse(
            "channels=1&diarize=true&encoding=linear16&interim_results=true&keyterm=a&keyterm=b&language=en\
             &model=nova-3&punctuate=true&sample_rate=16000&utterance_end_ms=1000&vad_events=true&tag=a%20b&x=y",
        );
        let wanted = Query {
            encoding: Some(Encoding::Linear16),
            sample_rate: Some(16_000),
            channels: 1,
            multichannel: false,
            interim_results: true,
            vad_events: true,
            utterance_end: Some(Duration::from_secs(1)),
            tag: Some("a b".into()),
            remote_speech: false,
        };
        assert_eq!(query, Ok(wanted));
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for query in [
            "model=nova-3&encoding=linear16",
            "encoding=linear16&sample_rate=4000",
            "encoding=linear16&sample_rate=fast",
            "encoding=g729&sample_rate=8000",
            "encoding=linear16&sample_rate=16000&channels=0",
            "encoding=linear16&sample_rate=16000&channels=9",
            "encoding=linear16&sample_rate=16000&interim_results=perhaps",
            "encoding=linear16&sample_rate=16000&callback=https://example.com",
        ] {
            assert!(parse(query).is_err(), "{query}");
        }
    }
}
