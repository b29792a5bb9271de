use std::fmt;
use std::str::FromStr;

/// Crockford's base 32: no letter that looks like another letter or digit.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// Characters of a code: 40 bits, of which five guesses find one in 2 x 10^11.
const CHARACTERS: usize = 8;

/// The code that a person reads at the relay and types at the device. Prints as `[redacted]` in `{:?}`; as
/// `K7QF-2M9X` in `{}`.
#[derive(Clone, PartialEq, Eq)]
pub struct PairingCode([u8; CHARACTERS]);

/// Text that is no code: 8 letters and digits. Read it again; case, spaces and dashes do not matter, and O, I and L are
/// taken for 0, 1 and 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a pairing code is 8 letters and digits, such as K7QF-2M9X")]
pub struct PairingCodeError;

impl PairingCode {
    /// A code of 40 random bits, the low ones of `random`.
    pub fn from_random(random: u64) -> Self {
        Self(std::array::from_fn(|place| ALPHABET[(random >> (5 * place) & 31) as usize]))
    }

    /// The characters, without the dash.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl FromStr for PairingCode {
    type Err = PairingCodeError;

    fn from_str(text: &str) -> Result<Self, PairingCodeError> {
        let mut characters = text.bytes().filter(|byte| !matches!(byte, b' ' | b'-'));
        let mut code = [0; CHARACTERS];
        for place in &mut code {
            let character = match characters.next().ok_or(PairingCodeError)?.to_ascii_uppercase() {
                b'O' => b'0',
                b'I' | b'L' => b'1',
                character => character,
            };
            *place = *ALPHABET.iter().find(|known| **known == character).ok_or(PairingCodeError)?;
        }
        if characters.next().is_some() { Err(PairingCodeError) } else { Ok(Self(code)) }
    }
}

impl fmt::Display for PairingCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, character) in self.0.iter().enumerate() {
            if place == CHARACTERS / 2 {
                f.write_str("-")?;
            }
            write!(f, "{}", char::from(*character))?;
        }
        Ok(())
    }
}

impl fmt::Debug for PairingCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_read_back_however_it_is_typed() {
        let code = PairingCode::from_random(0xAB_CDEF_0123);
        for typed in [code.to_string(), code.to_string().to_lowercase(), code.to_string().replace('-', " ")] {
            assert_eq!(typed.parse(), Ok(code.clone()), "{typed}");
        }
        let zero = PairingCode::from_random(0);
        assert_eq!("oOoO 0000".parse(), Ok(zero));
        assert_eq!("iL11-1111".parse::<PairingCode>().unwrap().to_string(), "1111-1111");
    }

    #[test]
    fn what_is_no_code_is_said() {
        for wrong in ["", "K7QF", "K7QF-2M9", "K7QF-2M9XX", "K7QF-2M9U", "K7QF_2M9X", "größe-12"] {
            assert_eq!(wrong.parse::<PairingCode>(), Err(PairingCodeError), "{wrong}");
        }
    }

    #[test]
    fn every_bit_counts_and_the_code_is_not_shown_by_accident() {
        let codes: std::collections::BTreeSet<_> =
            (0..40).map(|bit| PairingCode::from_random(1 << bit).to_string()).collect();
        assert_eq!(codes.len(), 40);
        assert_eq!(format!("{:?}", PairingCode::from_random(7)), "[redacted]");
    }
}
