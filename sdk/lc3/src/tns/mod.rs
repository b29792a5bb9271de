//! Temporal noise shaping: prediction across the spectrum, which keeps coding noise under a transient's attack.

mod analysis;
mod filter;

pub(crate) use analysis::analyse;

use crate::bitstream::{Reader, Writer};
use crate::format::Format;
use crate::tables::tns::{TNS_COEFFICIENT_BITS, TNS_COEFFICIENT_MODELS, TNS_ORDER_BITS, TNS_ORDER_MODELS};

/// sin(PI i / 17): the values of the quantised reflection coefficients.
const REFLECTION: [f32; 9] = [
    0.0,
    0.183_749_52,
    0.361_241_67,
    0.526_432_16,
    0.673_695_6,
    0.798_017_2,
    0.895_163_3,
    0.961_825_67,
    0.995_734_2,
];

/// The quantised filters of a frame: one, or from 32 kHz of bandwidth on two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tns {
    weighted: bool,
    filters: usize,
    /// Coefficients in use of each; 0: no filter.
    order: [usize; 2],
    /// Reflection coefficients as indices from -8 to 8.
    index: [[i8; 8]; 2],
}

impl Tns {
    fn new(format: &Format, bandwidth: usize, bytes: usize) -> Self {
        Self {
            weighted: bytes * 8 < 120 * format.quarters(),
            filters: if bandwidth >= 3 { 2 } else { 1 },
            order: [0; 2],
            index: [[0; 8]; 2],
        }
    }

    pub(crate) fn read(bits: &mut Reader<'_>, format: &Format, bandwidth: usize, bytes: usize) -> Self {
        let mut tns = Self::new(format, bandwidth, bytes);
        for (order, index) in tns.order.iter_mut().zip(&mut tns.index).take(tns.filters) {
            if bits.bit() {
                // The model has eight symbols of any probability.
                *order = 1 + bits.symbol(&TNS_ORDER_MODELS[usize::from(tns.weighted)]).min(7);
                for (index, model) in index.iter_mut().zip(&TNS_COEFFICIENT_MODELS).take(*order) {
                    *index = bits.symbol(model) as i8 - 8;
                }
            }
        }
        tns
    }

    pub(crate) fn write(&self, bits: &mut Writer<'_>) {
        for (&order, index) in self.order.iter().zip(&self.index).take(self.filters) {
            bits.bit(order > 0);
            if order > 0 {
                bits.symbol(&TNS_ORDER_MODELS[usize::from(self.weighted)], order - 1);
                for (index, model) in index.iter().zip(&TNS_COEFFICIENT_MODELS).take(order) {
                    bits.symbol(model, (index + 8) as usize);
                }
            }
        }
    }

    /// Bits the filters take.
    pub(crate) fn bits(&self) -> usize {
        let mut bits = 0;
        for (&order, index) in self.order.iter().zip(&self.index).take(self.filters) {
            let mut cost = 2048;
            if order > 0 {
                cost += usize::from(TNS_ORDER_BITS[usize::from(self.weighted)][order - 1]);
                for (index, bits) in index.iter().zip(&TNS_COEFFICIENT_BITS).take(order) {
                    cost += usize::from(bits[(index + 8) as usize]);
                }
            }
            bits += cost.div_ceil(2048);
        }
        bits
    }

    /// The lines that each filter covers.
    fn ranges(&self, format: &Format, bandwidth: usize) -> [core::ops::Range<usize>; 2] {
        let end = format.lines_of(bandwidth) / self.filters;
        [3 * format.quarters()..end, end..2 * end]
    }

    fn coefficients(&self, filter: usize) -> [f32; 8] {
        self.index[filter].map(|i| {
            let value = REFLECTION[usize::from(i.unsigned_abs())];
            if i < 0 { -value } else { value }
        })
    }

    /// Undoes the prediction.
    pub(crate) fn synthesise(&self, format: &Format, bandwidth: usize, x: &mut [f32]) {
        let mut state = [0.0; 8];
        for (filter, range) in self.ranges(format, bandwidth).into_iter().enumerate().take(self.filters) {
            if self.order[filter] > 0 {
                filter::inverse(&self.coefficients(filter)[..self.order[filter]], &mut state, &mut x[range]);
            }
        }
    }

    /// Predicts, and leaves what the prediction missed.
    fn predict(&self, format: &Format, bandwidth: usize, x: &mut [f32]) {
        let mut state = [0.0; 8];
        for (filter, range) in self.ranges(format, bandwidth).into_iter().enumerate().take(self.filters) {
            if self.order[filter] > 0 {
                filter::forward(&self.coefficients(filter)[..self.order[filter]], &mut state, &mut x[range]);
            }
        }
    }
}
