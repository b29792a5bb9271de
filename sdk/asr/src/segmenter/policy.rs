use crate::vad::HOP;

/// When a segment begins and ends. All lengths are in hops of 16 ms.
#[derive(Clone, Debug)]
pub(crate) struct Policy {
    /// A hop at least this likely to be voice can begin a segment.
    pub(crate) onset_score: f32,
    /// A hop less likely than this is silence within one.
    pub(crate) offset_score: f32,
    /// Voiced hops in a row that begin a segment: a click is shorter.
    pub(crate) onset: usize,
    /// Voiced hops a segment must have to be worth decoding.
    pub(crate) least_voiced: usize,
    /// Audio before the first voiced hop that goes with a segment; never any of the segment before.
    pub(crate) pre_roll: usize,
    /// Audio after the last voiced hop that goes with a segment.
    pub(crate) tail: usize,
    /// Silence after which the segment is decoded in the hope that it is complete.
    pub(crate) likely: usize,
    /// Silence that ends a segment which is at most so long, shortest first.
    pub(crate) endpoints: [(usize, usize); 5],
    /// The longest a segment may get.
    pub(crate) longest: usize,
    /// How far back from there the cut is looked for.
    pub(crate) cut_reach: usize,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            onset_score: 0.5,
            offset_score: 0.35,
            onset: 3,
            least_voiced: 6,
            pre_roll: hops(350),
            tail: hops(160),
            likely: hops(160),
            // A pause seldom ends the sentence, but what follows is heard as its continuation: words are as right
            // after 400 ms as after 800 ms. Longer segments take longer to decode.
            endpoints: [
                (hops(8_000), hops(448)),
                (hops(9_000), hops(320)),
                (hops(10_500), hops(192)),
                (hops(13_000), hops(96)),
                (usize::MAX, hops(48)),
            ],
            longest: hops(15_000),
            // A cut inside a word costs words on both sides: two seconds nearly always have a better place.
            cut_reach: hops(2_000),
        }
    }
}

impl Policy {
    /// The silence that ends a segment of `length`.
    pub(crate) fn endpoint(&self, length: usize) -> usize {
        let (_, silence) =
            self.endpoints.iter().find(|(limit, _)| length <= *limit).unwrap_or(&self.endpoints[3]);
        *silence
    }
}

const fn hops(ms: usize) -> usize {
    ms * 16 / HOP
}
