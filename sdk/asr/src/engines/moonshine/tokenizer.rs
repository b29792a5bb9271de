/// The pieces of the model's vocabulary, by token.
pub(super) struct Tokenizer {
    pieces: Vec<Vec<u8>>,
}

/// Where a word begins, in the model's pieces.
const WORD_START: &str = "\u{2581}";

impl Tokenizer {
    /// Reads `tokenizer.bin`: for each token its length (one byte below 128, else two: `second * 128 + first - 128`)
    /// and its bytes. `None` when the records do not fill the file exactly.
    pub(super) fn parse(mut bytes: &[u8]) -> Option<Self> {
        let mut pieces = Vec::new();
        while let Some((&first, rest)) = bytes.split_first() {
            let (length, rest) = if first < 128 {
                (usize::from(first), rest)
            } else {
                let (&second, rest) = rest.split_first()?;
                (usize::from(second) * 128 + usize::from(first) - 128, rest)
            };
            let (piece, rest) = rest.split_at_checked(length)?;
            pieces.push(piece.to_vec());
            bytes = rest;
        }
        Some(Self { pieces })
    }

    /// Control tokens (`<...>`) and tokens beyond the vocabulary say nothing.
    pub(super) fn text(&self, tokens: &[u32]) -> String {
        let mut bytes = Vec::new();
        for piece in tokens.iter().filter_map(|&token| self.pieces.get(token as usize)) {
            if let Some(byte) = raw_byte(piece) {
                bytes.push(byte);
            } else if !(piece.len() > 2 && piece.starts_with(b"<") && piece.ends_with(b">")) {
                bytes.extend_from_slice(piece);
            }
        }
        let text = String::from_utf8_lossy(&bytes).replace(WORD_START, " ");
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }
}

/// `<0xNN>` stands for a byte that is no piece of its own.
fn raw_byte(piece: &[u8]) -> Option<u8> {
    let digits = piece.strip_prefix(b"<0x")?.strip_suffix(b">")?;
    u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(piece: &[u8]) -> Vec<u8> {
        let length = piece.len();
        let head = if length < 128 {
            vec![length as u8]
        } else {
            vec![(length % 128 + 128) as u8, (length / 128) as u8]
        };
        [head, piece.to_vec()].concat()
    }

    #[test]
    fn pieces_become_words_and_control_tokens_nothing() {
        let long = vec![b'x'; 300];
        let pieces: [&[u8]; 6] = [b"<unk>", b"<s>", "\u{2581}Ever".as_bytes(), b"more", b"<0x21>", &long];
        let bytes: Vec<u8> = pieces.iter().flat_map(|piece| record(piece)).collect();
        let tokenizer = Tokenizer::parse(&bytes).unwrap();
        assert_eq!(tokenizer.text(&[1, 2, 3, 4, 99]), "Evermore!");
        assert_eq!(tokenizer.text(&[2, 5]).len(), 304);
    }

    #[test]
    fn a_file_cut_short_is_not_a_vocabulary() {
        assert!(Tokenizer::parse(&[3, b'a', b'b']).is_none());
        assert!(Tokenizer::parse(&[200]).is_none());
    }
}
