use axum::extract::Query as Pairs;
use axum::http::Uri;
use glasslink_audio::Packing;
use glasslink_protocol::StreamFormat;

use super::limits;

/// What a client says of its audio. What is not known is passed over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Query {
    pub(super) codec: Codec,
    pub(super) channels: usize,
    /// Where the audio comes from: `phone_call`, `desktop`.
    pub(super) source: Option<String>,
    /// What the client calls its recording.
    pub(super) conversation: Option<String>,
    /// Ours: speech may leave the relay's machine.
    pub(super) remote_speech: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Codec {
    Packed(Packing),
    /// One LC3 frame a message.
    Lc3(StreamFormat),
}

/// A codec that is not spoken here, or not at this rate: said before the connection is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unsupported;

impl Query {
    pub(super) fn parse(uri: &Uri) -> Result<Self, Unsupported> {
        let Pairs(pairs) = Pairs::<Vec<(String, String)>>::try_from_uri(uri).map_err(|_| Unsupported)?;
        let find = |wanted: &str| {
            let found = pairs.iter().find(|(name, _)| name == wanted);
            found.map(|(_, value)| value.as_str())
        };
        let rate = find("sample_rate").unwrap_or("8000").parse().map_err(|_| Unsupported)?;
        let channels = find("channels").unwrap_or("1").parse().map_err(|_| Unsupported)?;
        if !(1..=limits::CHANNELS).contains(&channels) {
            return Err(Unsupported);
        }
        let plain = |text: &str| text.chars().filter(|c| !c.is_control()).take(64).collect();
        Ok(Self {
            codec: Codec::named(find("codec").unwrap_or("pcm8"), rate)?,
            channels,
            source: find("source").map(plain),
            conversation: find("client_conversation_id").map(plain),
            remote_speech: find("remote_speech") == Some("true"),
        })
    }
}

impl Codec {
    fn named(name: &str, rate: u32) -> Result<Self, Unsupported> {
        // A format's rates are those that streams have.
        StreamFormat::pcm(rate).map_err(|_| Unsupported)?;
        Ok(match name {
            "pcm8" => Self::Packed(Packing::Linear8 { rate, channels: 1 }),
            "pcm16" | "linear16" => Self::Packed(Packing::Linear16 { rate, channels: 1 }),
            // Their decoders run at 16 kHz whatever is said.
            "opus" | "opus_fs320" => Self::Packed(Packing::Opus { rate: 16_000 }),
            "lc3_fs1030" => Self::Lc3(StreamFormat::lc3(16_000, 30).map_err(|_| Unsupported)?),
            _ => return Err(Unsupported),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(query: &str) -> Result<Query, Unsupported> {
        Query::parse(&format!("/v4/listen?{query}").parse().unwrap())
    }

    #[test]
    fn what_their_apps_ask_for_is_understood() {
        let mobile = "language=en&sample_rate=16000&codec=opus_fs320&uid=abc&include_speech_profile=true&stt_service=none\
                      &conversation_timeout=120";
        assert_eq!(parse(mobile).unwrap().codec, Codec::Packed(Packing::Opus { rate: 16_000 }));
        let desktop =
            parse("language=en&sample_rate=16000&codec=linear16&channels=2&source=desktop").unwrap();
        assert_eq!(desktop.codec, Codec::Packed(Packing::Linear16 { rate: 16_000, channels: 1 }));
        assert_eq!((desktop.channels, desktop.source.as_deref()), (2, Some("desktop")));
        assert_eq!(parse("").unwrap().codec, Codec::Packed(Packing::Linear8 { rate: 8_000, channels: 1 }));
        assert!(matches!(parse("codec=lc3_fs1030&sample_rate=16000").unwrap().codec, Codec::Lc3(_)));
    }

    #[test]
    fn what_is_not_spoken_is_told_from_what_is() {
        for query in [
            "codec=aac",
            "codec=lc3",
            "codec=pcm16&sample_rate=100",
            "sample_rate=x",
            "channels=0",
            "channels=9",
        ] {
            assert_eq!(parse(query), Err(Unsupported), "{query}");
        }
    }
}
