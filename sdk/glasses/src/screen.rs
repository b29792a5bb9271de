use crate::BitmapFormat;

/// What the lenses are to show.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Screen {
    /// Nothing.
    #[default]
    Blank,
    /// Lines of text, wrapped for the device.
    Text(Vec<String>),
    Bitmap(Bitmap),
}

/// A picture in the grey levels a device has, rows from the top, one byte a pixel.
#[derive(Clone, PartialEq, Eq)]
pub struct Bitmap {
    format: BitmapFormat,
    pixels: Vec<u8>,
}

/// Why a screen cannot be shown.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ShowError {
    /// The device has no display, or none for this kind of content. Look at [`crate::Model::display`] first.
    #[error("{0} cannot show this")]
    Unsupported(&'static str),
    /// More lines than the display has. Wrap and page the text, as [`crate::Captions`] does.
    #[error("{lines} lines do not fit a display of {max}")]
    TooManyLines { lines: usize, max: usize },
    /// A page of more bytes than the device keeps. Show less.
    #[error("a page of {bytes} bytes is more than the {max} the device keeps")]
    TooLong { bytes: usize, max: usize },
    /// A picture of another size or depth than the display's. Scale it to [`crate::Display::bitmap`].
    #[error("the display takes pictures of {width} x {height} pixels in {depth} bits")]
    BitmapFormat { width: u16, height: u16, depth: u8 },
}

impl Bitmap {
    /// `pixels` are `width * height` grey levels, 0 dark, each below `2^depth`.
    pub fn new(format: BitmapFormat, pixels: Vec<u8>) -> Result<Self, ShowError> {
        let size = usize::from(format.width) * usize::from(format.height);
        let levels = 1_u16 << format.depth.min(8);
        if pixels.len() != size || pixels.iter().any(|&pixel| u16::from(pixel) >= levels) {
            return Err(ShowError::BitmapFormat {
                width: format.width,
                height: format.height,
                depth: format.depth,
            });
        }
        Ok(Self { format, pixels })
    }

    pub fn format(&self) -> BitmapFormat {
        self.format
    }

    /// One row, left to right.
    pub fn rows(&self) -> impl Iterator<Item = &[u8]> {
        self.pixels.chunks(usize::from(self.format.width))
    }
}

impl std::fmt::Debug for Bitmap {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Bitmap({} x {})", self.format.width, self.format.height)
    }
}
