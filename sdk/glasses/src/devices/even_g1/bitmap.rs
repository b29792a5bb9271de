use crate::{Bitmap, BitmapFormat};

/// Bytes before the pixels: file header, information header, two colours.
const HEADER: usize = 62;

/// A picture as a 1-bit BMP file, which the glasses take as it is.
pub(super) fn encode(bitmap: &Bitmap) -> Vec<u8> {
    let BitmapFormat { width, height, .. } = bitmap.format();
    let stride = usize::from(width).div_ceil(32) * 4;
    let size = HEADER + stride * usize::from(height);
    let mut file = Vec::with_capacity(size);
    file.extend_from_slice(b"BM");
    for value in [size as u32, 0, HEADER as u32, 40, u32::from(width), u32::from(height)] {
        file.extend_from_slice(&value.to_le_bytes());
    }
    // One plane of one bit, uncompressed, 72 dots an inch.
    file.extend_from_slice(&[1, 0, 1, 0]);
    for value in [0, (size - HEADER) as u32, 2835, 2835, 2, 0] {
        file.extend_from_slice(&value.to_le_bytes());
    }
    file.extend_from_slice(&[0, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0]);
    let rows: Vec<_> = bitmap.rows().collect();
    for row in rows.into_iter().rev() {
        let start = file.len();
        file.resize(start + stride, 0);
        for (at, _) in row.iter().enumerate().filter(|(_, pixel)| **pixel > 0) {
            file[start + at / 8] |= 0x80 >> (at % 8);
        }
    }
    file
}

/// Reads such a file back.
pub(super) fn decode(file: &[u8], format: BitmapFormat) -> Option<Bitmap> {
    let stride = usize::from(format.width).div_ceil(32) * 4;
    let pixels = file.get(HEADER..)?;
    if pixels.len() != stride * usize::from(format.height) {
        return None;
    }
    let rows = pixels.chunks(stride).rev();
    let bits =
        rows.flat_map(|row| (0..usize::from(format.width)).map(move |at| row[at / 8] >> (7 - at % 8) & 1));
    Bitmap::new(format, bits.collect()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_picture_is_9854_bytes_and_comes_back() {
        let format = BitmapFormat { width: 576, height: 136, depth: 1 };
        let pixels: Vec<u8> = (0..576 * 136_u32).map(|at| u8::from(at % 7 == 0)).collect();
        let bitmap = Bitmap::new(format, pixels).unwrap();
        let file = encode(&bitmap);
        assert_eq!(file.len(), 9854);
        assert_eq!(decode(&file, format), Some(bitmap));
    }
}
