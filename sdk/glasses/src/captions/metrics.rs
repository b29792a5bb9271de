/// How wide a device's font draws each character, in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metrics {
    /// Advance widths of U+0020 to U+007E.
    ascii: [u8; 95],
    cjk: u8,
    hangul: u8,
    cyrillic: u8,
    other: u8,
}

impl Metrics {
    /// Every character as wide as the next.
    pub const fn monospaced(width: u8) -> Self {
        Self {
            ascii: [width; 95],
            cjk: width.saturating_mul(2),
            hangul: width.saturating_mul(2),
            cyrillic: width,
            other: width,
        }
    }

    /// A proportional font: `ascii` from U+0020, then the uniform width of each script, and of what is not known.
    pub const fn proportional(ascii: [u8; 95], cjk: u8, hangul: u8, cyrillic: u8, other: u8) -> Self {
        Self { ascii, cjk, hangul, cyrillic, other }
    }

    /// Pixels `character` takes.
    pub fn advance(&self, character: char) -> u32 {
        u32::from(match character {
            ' '..='~' => self.ascii[character as usize - 0x20],
            '\u{300}'..='\u{36F}' | '\u{200B}'..='\u{200F}' => 0,
            '\u{400}'..='\u{52F}' => self.cyrillic,
            '\u{1100}'..='\u{11FF}' | '\u{AC00}'..='\u{D7AF}' => self.hangul,
            '\u{2E80}'..='\u{A4CF}' | '\u{F900}'..='\u{FAFF}' | '\u{FF00}'..='\u{FFEF}' | '\u{20000}'.. => {
                self.cjk
            }
            _ => self.other,
        })
    }

    /// Pixels `text` takes on one line.
    pub fn width(&self, text: &str) -> u32 {
        text.chars().map(|character| self.advance(character)).sum()
    }

    /// Breaks `text` into lines of at most `width` pixels, at spaces; a word longer than a line is cut.
    ///
    /// Greedy from the start, so that text added at the end never moves what is before it.
    pub fn wrap(&self, text: &str, width: u32) -> Vec<String> {
        let space = self.advance(' ');
        let mut lines = Vec::new();
        let mut line = String::new();
        let mut used = 0;
        for word in text.split_whitespace() {
            let mut rest = word;
            loop {
                let lead = if line.is_empty() { 0 } else { space };
                if used + lead + self.width(rest) <= width {
                    if lead > 0 {
                        line.push(' ');
                    }
                    line.push_str(rest);
                    used += lead + self.width(rest);
                    break;
                }
                if line.is_empty() {
                    let cut = self.cut(rest, width);
                    lines.push(rest[..cut].to_owned());
                    rest = &rest[cut..];
                    if rest.is_empty() {
                        break;
                    }
                } else {
                    lines.push(std::mem::take(&mut line));
                    used = 0;
                }
            }
        }
        if !line.is_empty() {
            lines.push(line);
        }
        lines
    }

    /// Bytes of `word` that fit a line, one character at least.
    fn cut(&self, word: &str, width: u32) -> usize {
        let mut used = 0;
        for (at, character) in word.char_indices() {
            used += self.advance(character);
            if used > width && at > 0 {
                return at;
            }
        }
        word.len()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_line_is_wider_than_the_display(text in "\\PC{0,300}", width in 20_u32..600) {
            let metrics = Metrics::monospaced(7);
            for line in metrics.wrap(&text, width) {
                prop_assert!(metrics.width(&line) <= width, "{line:?}");
                prop_assert!(!line.is_empty());
            }
        }

        #[test]
        fn nothing_is_lost_in_wrapping(text in "\\PC{0,300}") {
            let all: String = Metrics::monospaced(9).wrap(&text, 100).concat();
            let strip = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
            prop_assert_eq!(strip(&all), strip(&text));
        }

        #[test]
        fn words_added_at_the_end_move_no_line(text in "[a-z ]{0,200}", more in "[a-z ]{0,60}") {
            let metrics = Metrics::monospaced(10);
            let before = metrics.wrap(&text, 150);
            let after = metrics.wrap(&format!("{text} {more}"), 150);
            let settled = before.len().saturating_sub(1);
            prop_assert_eq!(&before[..settled], &after[..settled]);
        }
    }
}
