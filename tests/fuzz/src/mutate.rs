use rand_pcg::Pcg64Mcg;
use rand_pcg::rand_core::Rng;

/// Longer inputs only take longer.
const LONGEST: usize = 64 << 10;

/// What readers stumble over.
const WORDS: [&[u8]; 14] = [
    b"0",
    b"-1",
    b"1.5",
    b"18446744073709551615",
    b"18446744073709551616",
    b"9223372036854775807",
    b"4294967295",
    b"1e999",
    b"null",
    b"\"\"",
    b"[]",
    b"{}",
    b"\xff\xff\xff\xff",
    b"\0\0\0\0\0\0\0\0",
];

pub(crate) fn below(random: &mut Pcg64Mcg, limit: usize) -> usize {
    (random.next_u64() >> 11) as usize % limit.max(1)
}

/// One of `corpus`, with a few things changed.
pub(crate) fn mutate(random: &mut Pcg64Mcg, corpus: &[Vec<u8>]) -> Vec<u8> {
    let mut input = corpus[below(random, corpus.len())].clone();
    for _ in 0..=below(random, 4) {
        let at = below(random, input.len() + 1);
        match below(random, 8) {
            0 => input.truncate(at),
            1 => input.insert(at, random.next_u64() as u8),
            2 => {
                let other = &corpus[below(random, corpus.len())];
                input.truncate(at);
                input.extend_from_slice(&other[below(random, other.len() + 1)..]);
            }
            3 => number(random, &mut input, at),
            4 => {
                let word = WORDS[below(random, WORDS.len())];
                let end = input.len().min(at + word.len());
                input.splice(at..end, word.iter().copied());
            }
            5 => lines(random, &mut input),
            6 => {
                let end = input.len().min(at + 1 + below(random, 16));
                input.drain(at..end);
            }
            _ => {
                if let Some(byte) = input.get_mut(at) {
                    *byte ^= 1 << below(random, 8);
                }
            }
        }
    }
    input.truncate(LONGEST);
    input
}

/// Another number in the place of the one at `at` or behind it.
fn number(random: &mut Pcg64Mcg, input: &mut Vec<u8>, at: usize) {
    let Some(from) = input[at..].iter().position(u8::is_ascii_digit).map(|digit| at + digit) else { return };
    let digits = input[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let fresh = match below(random, 3) {
        0 => WORDS[below(random, 8)].to_vec(),
        1 => below(random, 300).to_string().into_bytes(),
        _ => (random.next_u64() >> below(random, 64)).to_string().into_bytes(),
    };
    input.splice(from..from + digits, fresh);
}

/// A line twice, or in another place.
fn lines(random: &mut Pcg64Mcg, input: &mut Vec<u8>) {
    let mut lines: Vec<Vec<u8>> = input.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
    let line = lines[below(random, lines.len())].clone();
    let place = below(random, lines.len() + 1);
    lines.insert(place, line);
    if below(random, 2) == 0 {
        let place = below(random, lines.len());
        lines.remove(place);
    }
    *input = lines.join(&b'\n');
}
