//! Splits a written quantity into its number and its unit.

/// A decimal number without sign or exponent, exactly as written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Decimal {
    /// All digits as one integer.
    digits: u128,
    /// How many of them stand after the point.
    scale: u32,
}

impl Decimal {
    /// Whether it is nought.
    pub(super) fn is_zero(self) -> bool {
        self.digits == 0
    }

    /// Times `factor`, where that is a whole number of 64 bits.
    pub(super) fn times(self, factor: u64) -> Option<u64> {
        let product = self.digits.checked_mul(u128::from(factor))?;
        let divisor = 10u128.checked_pow(self.scale)?;
        (product % divisor == 0).then(|| u64::try_from(product / divisor).ok())?
    }
}

/// The number at the start of `text` and what follows it, without the space between.
pub(super) fn number(text: &str) -> Option<(Decimal, &str)> {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (written, unit) = text.split_at(end);
    let (whole, part) = match written.split_once('.') {
        Some((_, "")) => return None,
        Some((whole, part)) => (whole, part),
        None => (written, ""),
    };
    // 30 digits are more than 64 bits hold and less than 128 do.
    if whole.is_empty() || whole.len() + part.len() > 30 {
        return None;
    }
    let digits = format!("{whole}{part}").parse().ok()?;
    let scale = u32::try_from(part.len()).ok()?;
    Some((Decimal { digits, scale }, unit.trim_start()))
}

/// `AMOUNT/s [burst AMOUNT]` as its two amounts; the first is `None` where `/s` is missing.
pub(super) fn split_rate(text: &str) -> (Option<&str>, Option<&str>) {
    let (rate, burst) = match text.split_once(" burst ") {
        Some((rate, burst)) => (rate, Some(burst)),
        None => (text, None),
    };
    (rate.trim_end().strip_suffix("/s"), burst)
}
