//! Order, duplicates and delay variation of the frames that one CPU sent.
//!
//! On one CPU the egress hook runs to the end before it runs again, so its clock readings rise from frame to frame: the
//! time of departure serves as the sequence number of RFC 4737 §3, and `newest` is what that calls `NextExp - 1`.

/// How many of the last arrivals are remembered to tell a second arrival from a late one.
pub const REMEMBERED: usize = 16;

/// Arrivals from one sending CPU in one direction. Written by the ingress programs.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Order {
    /// Latest departure that has arrived, nanoseconds of CLOCK_MONOTONIC; 0 before the first.
    pub newest: u64,
    /// The delay it took.
    pub delay_ns: u64,
    /// Arrivals so far, of which the last [`REMEMBERED`] departures stand in `recent`.
    pub arrivals: u64,
    pub recent: [u64; REMEMBERED],
}

/// What an arrival is among those from the same CPU.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    /// Nothing to compare it with.
    First,
    /// Later than all before it. Nanoseconds by which its delay differs from that of the departure before it.
    InOrder { variation_ns: u64 },
    /// Another piece of a buffer that was cut up (GSO): neither late nor double.
    Piece,
    /// It left before one that is already here.
    Reordered,
    /// It is already here.
    Duplicate,
}

impl Order {
    pub const NONE: Self = Self { newest: 0, delay_ns: 0, arrivals: 0, recent: [0; REMEMBERED] };

    /// Puts an arrival in its place. `whole` says that it arrives as it left, and so should but once.
    #[inline(always)]
    pub fn place(&mut self, departed_ns: u64, delay_ns: u64, whole: bool) -> Place {
        let place = if departed_ns > self.newest {
            let place = if self.newest == 0 {
                Place::First
            } else {
                Place::InOrder { variation_ns: delay_ns.abs_diff(self.delay_ns) }
            };
            (self.newest, self.delay_ns) = (departed_ns, delay_ns);
            place
        } else if departed_ns == self.newest || self.remembers(departed_ns) {
            return if whole { Place::Duplicate } else { Place::Piece };
        } else {
            Place::Reordered
        };
        self.recent[self.arrivals as usize % REMEMBERED] = departed_ns;
        self.arrivals += 1;
        place
    }

    #[inline(always)]
    fn remembers(&self, departed_ns: u64) -> bool {
        self.recent.contains(&departed_ns)
    }
}

// SAFETY: repr(C), made of u64 only: no padding, no invalid bit pattern.
#[cfg(feature = "user")]
unsafe impl aya::Pod for Order {}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::vec::Vec;

    use super::*;

    fn places(departures: &[u64]) -> Vec<Place> {
        let mut order = Order::NONE;
        departures.iter().map(|&at| order.place(at, 10 * at, true)).collect()
    }

    #[test]
    fn in_order_is_told_from_late_and_from_double() {
        use Place::{Duplicate, First, InOrder, Reordered};
        let one = InOrder { variation_ns: 10 };
        assert_eq!(places(&[1, 2, 3]), [First, one, one]);
        // RFC 4737 §4.1: a late frame does not move what is expected next.
        assert_eq!(
            places(&[1, 4, 2, 3, 5]),
            [First, InOrder { variation_ns: 30 }, Reordered, Reordered, one]
        );
        assert_eq!(places(&[1, 1, 2, 1, 2]), [First, Duplicate, one, Duplicate, Duplicate]);
        assert_eq!(places(&[5, 3, 3]), [First, Reordered, Duplicate]);
    }

    #[test]
    fn pieces_of_one_buffer_are_neither() {
        let mut order = Order::NONE;
        for (at, place) in [
            (1, Place::First),
            (1, Place::Piece),
            (2, Place::InOrder { variation_ns: 0 }),
            (1, Place::Piece),
            (2, Place::Piece),
        ] {
            assert_eq!(order.place(at, 7, false), place);
        }
    }

    #[test]
    fn a_double_that_comes_too_late_counts_as_reordered() {
        let mut departures: Vec<u64> = (1..=REMEMBERED as u64 + 1).collect();
        departures.push(1);
        assert_eq!(places(&departures).last(), Some(&Place::Reordered));
        departures.remove(REMEMBERED);
        assert_eq!(places(&departures).last(), Some(&Place::Duplicate));
    }
}
