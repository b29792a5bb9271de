use std::time::Duration;

use axum::extract::Query as Pairs;
use axum::http::Uri;
use glasslink_audio::Packing;

use super::limits;
use super::refusal::Refusal;

/// What a client asks for. What is not known is passed over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Query {
    pub(super) packing: Packing,
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

impl Query {
    pub(super) fn parse(uri: &Uri) -> Result<Self, Refusal> {
        let Ok(Pairs(pairs)) = Pairs::<Vec<(String, String)>>::try_from_uri(uri) else {
            return Err(Refusal::bad("Bad Request: the query string cannot be read."));
        };
        let mut query = Self {
            packing: Packing::Container,
            channels: 1,
            multichannel: false,
            interim_results: false,
            vad_events: false,
            utterance_end: None,
            tag: None,
            remote_speech: false,
        };
        let (mut encoding, mut rate) = (None, None);
        for (name, value) in &pairs {
            match name.as_str() {
                "encoding" => encoding = Some(value.as_str()),
                "sample_rate" => rate = Some(number(name, value)?),
                _ => query.set(name, value)?,
            }
        }
        query.packing = packing(encoding, rate, query.channels)?;
        Ok(query)
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), Refusal> {
        match name {
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

/// How the audio comes. Without an encoding it is in a container that says so.
fn packing(encoding: Option<&str>, rate: Option<u32>, channels: usize) -> Result<Packing, Refusal> {
    let rate = || match rate {
        Some(rate) if (8_000..=48_000).contains(&rate) => Ok(rate),
        Some(_) => Err(Refusal::bad("Bad Request: `sample_rate` is from 8000 to 48000.")),
        None => Err(Refusal::bad("Bad Request: `sample_rate` is required with this `encoding`.")),
    };
    match encoding {
        None => Ok(Packing::Container),
        Some("linear16") => Ok(Packing::Linear16 { rate: rate()?, channels }),
        Some("mulaw") => Ok(Packing::Mulaw { rate: rate()?, channels }),
        Some("alaw") => Ok(Packing::Alaw { rate: rate()?, channels }),
        Some("opus") => match rate()? {
            rate @ (8_000 | 12_000 | 16_000 | 24_000 | 48_000) => Ok(Packing::Opus { rate }),
            _ => Err(Refusal::bad(
                "Bad Request: Opus has a `sample_rate` of 8000, 12000, 16000, 24000 or 48000.",
            )),
        },
        Some("ogg-opus") => Ok(Packing::OggOpus),
        Some("flac") => Ok(Packing::Flac),
        Some(name) => Err(Refusal::bad(format!("Bad Request: Unsupported encoding: {}.", shown(name)))),
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
            packing: Packing::Linear16 { rate: 16_000, channels: 1 },
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
    fn audio_comes_raw_with_its_rate_or_in_what_says_so_itself() {
        let packing = |query: &str| parse(query).map(|query| query.packing).ok();
        assert_eq!(
            packing("sample_rate=8000&encoding=mulaw&channels=2"),
            Some(Packing::Mulaw { rate: 8_000, channels: 2 })
        );
        assert_eq!(
            packing("encoding=alaw&sample_rate=8000"),
            Some(Packing::Alaw { rate: 8_000, channels: 1 })
        );
        assert_eq!(packing("encoding=opus&sample_rate=48000"), Some(Packing::Opus { rate: 48_000 }));
        assert_eq!(packing("encoding=opus&sample_rate=44100"), None);
        assert_eq!(packing("encoding=flac"), Some(Packing::Flac));
        assert_eq!(packing("encoding=ogg-opus&sample_rate=16000"), Some(Packing::OggOpus));
        assert_eq!(packing("model=nova-3"), Some(Packing::Container));
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
