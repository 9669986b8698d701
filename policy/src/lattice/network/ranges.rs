//! Address ranges with their ports.

use crate::lattice::intervals::{Bound, IntervalSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// Disjoint inclusive address ranges in order, each with the ports admitted there.
pub type Ranges<T> = Vec<(T, T, IntervalSet<u16>)>;

/// Addresses as a profile writes them: `any`, `10.0.0.0/8`, `2001:db8::1`. Both ends are included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AddressRange {
    /// Every address of both families.
    Any,
    /// IPv4, in host order.
    V4(u32, u32),
    /// IPv6, in host order.
    V6(u128, u128),
}

/// Why a text is no address range.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressRangeError {
    /// Neither `any` nor an address.
    #[error("`{0}` is neither `any` nor an IPv4 or IPv6 address")]
    Address(String),
    /// The prefix is no number or too long for the family.
    #[error("`{0}` is no prefix length: at most 32 for IPv4, 128 for IPv6")]
    Prefix(String),
    /// Bits below the prefix are set: is one host meant, or its network?
    #[error("`{written}` has bits below its prefix; the network is `{network}`")]
    HostBits {
        /// The text.
        written: String,
        /// What was probably meant.
        network: String,
    },
}

impl AddressRange {
    /// The network with this address and prefix length; `None` where the prefix is too long or bits below
    /// it are set.
    pub fn cidr(address: IpAddr, prefix: u8) -> Option<Self> {
        let prefix = u32::from(prefix);
        match address {
            IpAddr::V4(address) => {
                let (bits, below) = (address.to_bits(), below_v4(prefix)?);
                (bits & below == 0).then_some(AddressRange::V4(bits, bits | below))
            }
            IpAddr::V6(address) => {
                let (bits, below) = (address.to_bits(), below_v6(prefix)?);
                (bits & below == 0).then_some(AddressRange::V6(bits, bits | below))
            }
        }
    }
}

/// The bits below a prefix of IPv4.
fn below_v4(prefix: u32) -> Option<u32> {
    (prefix <= 32).then(|| u32::MAX.checked_shr(prefix).unwrap_or(0))
}

/// The bits below a prefix of IPv6.
fn below_v6(prefix: u32) -> Option<u128> {
    (prefix <= 128).then(|| u128::MAX.checked_shr(prefix).unwrap_or(0))
}

impl FromStr for AddressRange {
    type Err = AddressRangeError;

    fn from_str(text: &str) -> Result<Self, AddressRangeError> {
        if text == "any" {
            return Ok(AddressRange::Any);
        }
        let (address, prefix) = text.split_once('/').map_or((text, None), |(a, p)| (a, Some(p)));
        let address: IpAddr = address.parse().map_err(|_| AddressRangeError::Address(address.to_owned()))?;
        let whole = if address.is_ipv4() { 32 } else { 128 };
        let digits = prefix.filter(|prefix| prefix.bytes().all(|byte| byte.is_ascii_digit()));
        let length = match (prefix, digits.and_then(|digits| digits.parse::<u8>().ok())) {
            (None, _) => whole,
            (Some(_), Some(length)) if length <= whole => length,
            (Some(prefix), _) => return Err(AddressRangeError::Prefix(prefix.to_owned())),
        };
        AddressRange::cidr(address, length).ok_or_else(|| {
            let kept = u32::from(length);
            let network = match address {
                IpAddr::V4(v4) => {
                    IpAddr::V4(Ipv4Addr::from_bits(v4.to_bits() & !below_v4(kept).unwrap_or_default()))
                }
                IpAddr::V6(v6) => {
                    IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !below_v6(kept).unwrap_or_default()))
                }
            };
            AddressRangeError::HostBits { written: text.to_owned(), network: format!("{network}/{length}") }
        })
    }
}

/// Whether the ports at `address` hold `port`.
pub(super) fn contains<T: Bound>(ranges: Option<&Ranges<T>>, address: T, port: u16) -> bool {
    ranges.is_some_and(|ranges| ports_at(ranges, address).is_some_and(|ports| ports.contains(port)))
}

fn ports_at<T: Bound>(ranges: &Ranges<T>, address: T) -> Option<&IntervalSet<u16>> {
    let after = ranges.partition_point(|(first, _, _)| *first <= address);
    let (_, last, ports) = ranges.get(after.checked_sub(1)?)?;
    (address <= *last).then_some(ports)
}

/// The ranges in which every address has the ports that `overlay` makes of both sides'.
pub(super) fn overlaid<T: Bound>(
    left: Option<&Ranges<T>>,
    right: Option<&Ranges<T>>,
    overlay: &impl Fn(&IntervalSet<u16>, &IntervalSet<u16>) -> IntervalSet<u16>,
) -> Ranges<T> {
    let nothing = IntervalSet::empty();
    let sides = [left, right].map(|side| side.map_or(&[][..], Vec::as_slice));
    // Both sides are constant from each of these addresses to the next.
    let mut starts: Vec<T> = sides
        .into_iter()
        .flatten()
        .flat_map(|(first, last, _)| [Some(*first), last.next()])
        .flatten()
        .chain([T::MIN])
        .collect();
    starts.sort_unstable();
    starts.dedup();
    let mut made: Ranges<T> = Vec::new();
    for (index, first) in starts.iter().enumerate() {
        let last = starts.get(index + 1).and_then(|next| next.previous()).unwrap_or(T::MAX);
        let ports = |side: Option<&Ranges<T>>| {
            side.and_then(|ranges| ports_at(ranges, *first).cloned()).unwrap_or_else(|| nothing.clone())
        };
        let both = overlay(&ports(left), &ports(right));
        match made.last_mut() {
            _ if both.is_empty() => {}
            Some((_, end, before)) if *before == both && end.next() == Some(*first) => *end = last,
            _ => made.push((*first, last, both)),
        }
    }
    made
}
