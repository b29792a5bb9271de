use crate::{Bitmap, BitmapFormat};

/// Most pixels a picture may have to a side.
const SIDE: u32 = 4_096;

/// A picture in 256 grey levels, rows from the top.
pub(super) struct Picture {
    width: usize,
    pixels: Vec<u8>,
}

impl Picture {
    /// In the middle of the display, in its grey levels.
    pub(super) fn fitted(&self, format: BitmapFormat) -> Option<Bitmap> {
        let (width, height) = (usize::from(format.width), usize::from(format.height));
        let rows = self.pixels.len() / self.width;
        let levels = 8 - format.depth.min(8);
        let mut pixels = Vec::with_capacity(width * height);
        for y in 0..height {
            for x in 0..width {
                // Half of what is over lies on each side.
                let x = (x + self.width / 2).checked_sub(width / 2).filter(|x| *x < self.width);
                let y = (y + rows / 2).checked_sub(height / 2).filter(|y| *y < rows);
                let grey = x.zip(y).map_or(0, |(x, y)| self.pixels[y * self.width + x]);
                pixels.push(grey >> levels);
            }
        }
        Bitmap::new(format, pixels).ok()
    }
}

/// A BMP file in base64: uncompressed, 1, 4, 8, 24 or 32 bits a pixel. `None` for anything else.
pub(super) fn decode(base64: &str) -> Option<Picture> {
    let file = bytes(base64)?;
    let number = |at: usize| Some(u32::from_le_bytes(file.get(at..at + 4)?.try_into().ok()?));
    let short = |at: usize| Some(u16::from_le_bytes(file.get(at..at + 2)?.try_into().ok()?));
    if file.get(..2)? != b"BM" || number(30)? != 0 {
        return None;
    }
    let (pixels, header, bits) = (number(10)? as usize, number(14)? as usize, usize::from(short(28)?));
    let (width, height) = (number(18)?, number(22)?.cast_signed());
    let (rows, from_top) = (height.unsigned_abs(), height < 0);
    if !(1..=SIDE).contains(&width) || !(1..=SIDE).contains(&rows) {
        return None;
    }
    let (width, rows) = (width as usize, rows as usize);
    let stride = (width * bits).div_ceil(32) * 4;
    let palette = |index: u8| {
        let at = 14 + header + usize::from(index) * 4;
        Some(grey(file.get(at..at + 3)?))
    };
    let mut picture = Picture { width, pixels: Vec::with_capacity(width * rows) };
    for row in 0..rows {
        let row = if from_top { row } else { rows - 1 - row };
        let line = file.get(pixels + row * stride..pixels + (row + 1) * stride)?;
        for x in 0..width {
            picture.pixels.push(match bits {
                1 => palette(line[x / 8] >> (7 - x % 8) & 1)?,
                4 => palette(line[x / 2] >> (4 * (1 - x % 2)) & 15)?,
                8 => palette(line[x])?,
                24 => grey(&line[x * 3..x * 3 + 3]),
                32 => grey(&line[x * 4..x * 4 + 3]),
                _ => return None,
            });
        }
    }
    Some(picture)
}

/// Blue, green, red.
fn grey(colour: &[u8]) -> u8 {
    let [blue, green, red] = [0, 1, 2].map(|at| u32::from(colour[at]));
    ((red * 77 + green * 150 + blue * 29) >> 8) as u8
}

fn bytes(base64: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(base64.len() / 4 * 3);
    let (mut bits, mut count) = (0_u32, 0);
    for letter in base64.bytes().filter(|letter| !letter.is_ascii_whitespace() && *letter != b'=') {
        let value = match letter {
            b'A'..=b'Z' => letter - b'A',
            b'a'..=b'z' => letter - b'a' + 26,
            b'0'..=b'9' => letter - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Two by two pixels: the left column is lit.
    const LEFT: &str =
        "Qk1GAAAAAAAAAD4AAAAoAAAAAgAAAAIAAAABAAEAAAAAAAgAAAAAAAAAAAAAAAIAAAAAAAAAAAAAAP///wCAAAAAgAAAAA==";

    #[test]
    fn a_picture_is_put_in_the_middle() {
        let picture = decode(LEFT).unwrap();
        assert_eq!((picture.width, &picture.pixels[..]), (2, &[255, 0, 255, 0][..]));
        let bitmap = picture.fitted(BitmapFormat { width: 6, height: 4, depth: 1 }).unwrap();
        let rows: Vec<_> = bitmap.rows().map(<[u8]>::to_vec).collect();
        let dark = vec![0; 6];
        let lit = vec![0, 0, 1, 0, 0, 0];
        assert_eq!(rows, [dark.clone(), lit.clone(), lit, dark]);
    }

    #[test]
    fn a_larger_picture_is_cut_to_its_middle_and_grey_levels_are_the_displays() {
        let pixels = (0..16).map(|at| at * 16).collect();
        let picture = Picture { width: 4, pixels };
        let bitmap = picture.fitted(BitmapFormat { width: 2, height: 2, depth: 4 }).unwrap();
        let rows: Vec<_> = bitmap.rows().map(<[u8]>::to_vec).collect();
        assert_eq!(rows, [vec![5, 6], vec![9, 10]]);
    }

    #[test]
    fn what_is_no_picture_is_none() {
        for bad in ["", "Qk0=", "no base64 at all!", "iVBORw0KGgo="] {
            assert!(decode(bad).is_none(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn damaged_pictures_hurt_nobody(at in 0_usize..72, with in any::<u8>(), length in 0_usize..80) {
            let mut file = bytes(LEFT).unwrap();
            if let Some(byte) = file.get_mut(at) {
                *byte = with;
            }
            file.truncate(length);
            let text: String = {
                const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
                file.chunks(3).flat_map(|chunk| {
                    let bits = chunk.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
                    (0..=chunk.len()).map(move |digit| char::from(DIGITS[(bits >> (18 - 6 * digit) & 63) as usize]))
                }).collect()
            };
            if let Some(picture) = decode(&text) {
                let _ = picture.fitted(BitmapFormat { width: 576, height: 136, depth: 1 });
            }
        }
    }
}
