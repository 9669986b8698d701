//! Quantities as profiles write them: `512 MiB`, `100 Mbit/s`, `50/s`, `100k`, `1.5`.
//!
//! Bits and bytes are different types, and a unit is never guessed: a size without one is an error.

mod scan;
mod tmpfs;

pub(crate) use tmpfs::tmpfs_size;

use scan::{number, split_rate};

/// Bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bytes(pub u64);

/// Bytes a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ByteRate(pub u64);

/// Bits a second, with a burst in bits where one is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BitRate {
    /// Bits a second.
    pub per_second: u64,
    /// Bits at once.
    pub burst: Option<u64>,
}

/// Events a second, with a burst in events where one is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventRate {
    /// Events a second.
    pub per_second: u64,
    /// Events at once.
    pub burst: Option<u64>,
}

/// A plain number of things.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Count(pub u64);

/// Thousandths of a processor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Processors(pub u64);

/// Seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seconds(pub u64);

/// What is wrong with a quantity. Each says how the quantity is written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnitError {
    /// Not a number at all.
    #[error("`{text}` is no {what}")]
    NotANumber {
        /// As written.
        text: String,
        /// The quantity that belongs here.
        what: &'static str,
    },
    /// A number without the unit it needs.
    #[error("`{text}` lacks a unit")]
    NoUnit {
        /// As written.
        text: String,
    },
    /// A unit that does not belong here.
    #[error("`{unit}` is no unit of {what}")]
    WrongUnit {
        /// The unit.
        unit: String,
        /// The quantity that belongs here.
        what: &'static str,
    },
    /// Bits where bytes belong.
    #[error("`{unit}` counts bits; {what} counts bytes")]
    Bits {
        /// The unit.
        unit: String,
        /// The quantity that belongs here.
        what: &'static str,
    },
    /// Bytes where bits belong.
    #[error("`{unit}` counts bytes; {what} counts bits")]
    Bytes {
        /// The unit.
        unit: String,
        /// The quantity that belongs here.
        what: &'static str,
    },
    /// A rate without `/s`.
    #[error("`{text}` is an amount, not a rate")]
    NotARate {
        /// As written.
        text: String,
    },
    /// An amount with `/s`.
    #[error("`{text}` is a rate, not an amount")]
    Rate {
        /// As written.
        text: String,
    },
    /// A part of the smallest unit, or more than 64 bits.
    #[error("`{text}` is no whole number of {smallest} that fits in 64 bits")]
    OutOfRange {
        /// As written.
        text: String,
        /// The smallest unit.
        smallest: &'static str,
    },
    /// Zero where that would stop everything.
    #[error("`{text}` would allow nothing at all")]
    Zero {
        /// As written.
        text: String,
    },
}

/// A quantity with a unit.
pub trait Quantity: Sized {
    /// What it is, for messages: `a size`.
    const WHAT: &'static str;
    /// How it is written, for help.
    const EXAMPLE: &'static str;
    /// The pattern of the JSON Schema.
    const PATTERN: &'static str;
    /// What a number without a unit may be.
    const BARE: Bare;
    /// Reads it.
    fn parse(text: &str) -> Result<Self, UnitError>;
}

/// Numbers that need no unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bare {
    /// None: there always is a unit.
    Never,
    /// Nought, which is the same in every unit.
    Zero,
    /// Whole ones.
    Whole,
    /// Any above nought.
    Any,
}

/// A unit with its factor.
type Units = &'static [(&'static str, u64)];

const BYTES: Units = &[
    ("B", 1),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
    ("kB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
];
const BITS: Units =
    &[("bit", 1), ("kbit", 1_000), ("Mbit", 1_000_000), ("Gbit", 1_000_000_000), ("Tbit", 1_000_000_000_000)];
const COUNTS: Units = &[("", 1), ("k", 1_000), ("M", 1_000_000), ("G", 1_000_000_000)];
const SECONDS: Units = &[("s", 1), ("min", 60), ("h", 3600)];

/// The number of smallest units in `text`.
fn amount(text: &str, units: Units, what: &'static str, smallest: &'static str) -> Result<u64, UnitError> {
    let (digits, unit) =
        number(text).ok_or_else(|| UnitError::NotANumber { text: text.trim().to_owned(), what })?;
    let factor = match units.iter().find(|(name, _)| *name == unit) {
        Some((_, factor)) => *factor,
        None if digits.is_zero() && unit.is_empty() => 1,
        None if unit.is_empty() => return Err(UnitError::NoUnit { text: text.trim().to_owned() }),
        None => return Err(wrong_unit(unit, what)),
    };
    digits.times(factor).ok_or_else(|| UnitError::OutOfRange { text: text.trim().to_owned(), smallest })
}

/// Why `unit` does not belong to `what`.
fn wrong_unit(unit: &str, what: &'static str) -> UnitError {
    let unit = unit.to_owned();
    if BITS.iter().any(|(name, _)| *name == unit) {
        UnitError::Bits { unit, what }
    } else if BYTES.iter().any(|(name, _)| *name == unit) {
        UnitError::Bytes { unit, what }
    } else {
        UnitError::WrongUnit { unit, what }
    }
}

/// The amount in `text`, which is no rate.
fn plain(text: &str, units: Units, what: &'static str, smallest: &'static str) -> Result<u64, UnitError> {
    if text.trim_end().ends_with("/s") {
        return Err(UnitError::Rate { text: text.trim().to_owned() });
    }
    amount(text, units, what, smallest)
}

/// `AMOUNT/s [burst AMOUNT]`.
fn rate(
    text: &str,
    units: Units,
    what: &'static str,
    smallest: &'static str,
) -> Result<(u64, Option<u64>), UnitError> {
    let (per_second, burst) = split_rate(text);
    let per_second = per_second.ok_or_else(|| match amount(text, units, what, smallest) {
        Err(error @ (UnitError::NotANumber { .. } | UnitError::Bits { .. } | UnitError::Bytes { .. })) => {
            error
        }
        _ => UnitError::NotARate { text: text.trim().to_owned() },
    })?;
    let value = amount(per_second, units, what, smallest)?;
    if value == 0 {
        return Err(UnitError::Zero { text: text.trim().to_owned() });
    }
    Ok((value, burst.map(|burst| amount(burst, units, what, smallest)).transpose()?))
}

impl Quantity for Bytes {
    const WHAT: &'static str = "a size";
    const EXAMPLE: &'static str = "a size is written `512 MiB`";
    const PATTERN: &'static str = r"^(0|[0-9]+(\.[0-9]+)? ?([KMGT]iB|[kMGT]?B))$";
    const BARE: Bare = Bare::Zero;
    fn parse(text: &str) -> Result<Self, UnitError> {
        plain(text, BYTES, Self::WHAT, "bytes").map(Bytes)
    }
}

impl Quantity for ByteRate {
    const WHAT: &'static str = "a rate of bytes";
    const EXAMPLE: &'static str = "a rate of bytes is written `20 MiB/s`";
    const PATTERN: &'static str = r"^[0-9]+(\.[0-9]+)? ?([KMGT]iB|[kMGT]?B)/s$";
    const BARE: Bare = Bare::Never;
    fn parse(text: &str) -> Result<Self, UnitError> {
        match rate(text, BYTES, Self::WHAT, "bytes")? {
            (value, None) => Ok(ByteRate(value)),
            (_, Some(_)) => Err(UnitError::NotANumber { text: text.trim().to_owned(), what: Self::WHAT }),
        }
    }
}

impl Quantity for BitRate {
    const WHAT: &'static str = "a rate of bits";
    const EXAMPLE: &'static str = "a rate of bits is written `100 Mbit/s`, or `100 Mbit/s burst 1 Mbit`";
    const PATTERN: &'static str = r"^[0-9]+(\.[0-9]+)? ?[kMGT]?bit/s( burst [0-9]+(\.[0-9]+)? ?[kMGT]?bit)?$";
    const BARE: Bare = Bare::Never;
    fn parse(text: &str) -> Result<Self, UnitError> {
        rate(text, BITS, Self::WHAT, "bits").map(|(per_second, burst)| BitRate { per_second, burst })
    }
}

impl Quantity for EventRate {
    const WHAT: &'static str = "a rate";
    const EXAMPLE: &'static str = "a rate is written `50/s`, or `50/s burst 200`";
    const PATTERN: &'static str = r"^[0-9]+(\.[0-9]+)? ?[kMG]?/s( burst [0-9]+(\.[0-9]+)? ?[kMG]?)?$";
    const BARE: Bare = Bare::Never;
    fn parse(text: &str) -> Result<Self, UnitError> {
        rate(text, COUNTS, Self::WHAT, "events").map(|(per_second, burst)| EventRate { per_second, burst })
    }
}

impl Quantity for Count {
    const WHAT: &'static str = "a number";
    const EXAMPLE: &'static str = "a number is written `4096` or `100k`";
    const PATTERN: &'static str = r"^[0-9]+(\.[0-9]+)? ?[kMG]?$";
    const BARE: Bare = Bare::Whole;
    fn parse(text: &str) -> Result<Self, UnitError> {
        plain(text, COUNTS, Self::WHAT, "things").map(Count)
    }
}

impl Quantity for Processors {
    const WHAT: &'static str = "a number of processors";
    const EXAMPLE: &'static str = "processors are written `1.5`, in steps of 0.001";
    const PATTERN: &'static str = r"^[0-9]+(\.[0-9]{1,3})?$";
    const BARE: Bare = Bare::Any;
    fn parse(text: &str) -> Result<Self, UnitError> {
        let millis = plain(text, &[("", 1000)], Self::WHAT, "thousandths of a processor")?;
        if millis == 0 {
            return Err(UnitError::Zero { text: text.trim().to_owned() });
        }
        Ok(Processors(millis))
    }
}

impl Quantity for Seconds {
    const WHAT: &'static str = "a time";
    const EXAMPLE: &'static str = "a time is written `30 s`";
    const PATTERN: &'static str = r"^(0|[0-9]+(\.[0-9]+)? ?(s|min|h))$";
    const BARE: Bare = Bare::Zero;
    fn parse(text: &str) -> Result<Self, UnitError> {
        plain(text, SECONDS, Self::WHAT, "seconds").map(Seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_quantities_of_the_language() {
        assert_eq!(Bytes::parse("512 MiB"), Ok(Bytes(512 << 20)));
        assert_eq!(Bytes::parse("1.5 GB"), Ok(Bytes(1_500_000_000)));
        assert_eq!(Bytes::parse("0"), Ok(Bytes(0)));
        assert_eq!(ByteRate::parse("20 MiB/s"), Ok(ByteRate(20 << 20)));
        assert_eq!(
            BitRate::parse("100 Mbit/s burst 1Mbit"),
            Ok(BitRate { per_second: 100_000_000, burst: Some(1_000_000) })
        );
        assert_eq!(EventRate::parse("50/s"), Ok(EventRate { per_second: 50, burst: None }));
        assert_eq!(Count::parse("100k"), Ok(Count(100_000)));
        assert_eq!(Processors::parse("1.5"), Ok(Processors(1500)));
        assert_eq!(Seconds::parse("2 min"), Ok(Seconds(120)));
    }

    #[test]
    fn bits_and_bytes_are_not_mixed() {
        assert!(matches!(Bytes::parse("512 Mbit"), Err(UnitError::Bits { .. })));
        assert!(matches!(BitRate::parse("512 MiB/s"), Err(UnitError::Bytes { .. })));
        assert!(matches!(BitRate::parse("512 MiB"), Err(UnitError::Bytes { .. })));
    }

    #[test]
    fn a_unit_is_never_guessed() {
        assert!(matches!(Bytes::parse("512"), Err(UnitError::NoUnit { .. })));
        assert!(matches!(Bytes::parse("512M"), Err(UnitError::WrongUnit { .. })));
        assert!(matches!(Bytes::parse("20 MiB/s"), Err(UnitError::Rate { .. })));
        assert!(matches!(EventRate::parse("50"), Err(UnitError::NotARate { .. })));
        assert!(matches!(EventRate::parse("50/min"), Err(UnitError::NotARate { .. })));
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        assert!(matches!(Bytes::parse("20000000 TiB"), Err(UnitError::OutOfRange { .. })));
        assert!(matches!(Bytes::parse("0.5 B"), Err(UnitError::OutOfRange { .. })));
        assert!(matches!(Processors::parse("0.0001"), Err(UnitError::OutOfRange { .. })));
        assert!(matches!(Processors::parse("0"), Err(UnitError::Zero { .. })));
        assert!(matches!(EventRate::parse("0/s"), Err(UnitError::Zero { .. })));
        for text in ["", "-1", "1e9", "0x10", "1.", ".5", "1..2", "９", "1 2", &"9".repeat(200)] {
            assert!(Count::parse(text).is_err(), "{text}");
        }
    }
}
