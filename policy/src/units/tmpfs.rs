//! Sizes as options of a tmpfs have them. tmpfs(5).

/// Bytes of `64m`, `65536k`, `1g`, `4096`. A share of the memory (`50%`) is no number.
pub(crate) fn tmpfs_size(text: &str) -> Option<u64> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let factor = match text.get(digits.len()..)?.to_ascii_lowercase().as_str() {
        "" => 1,
        "k" => 1 << 10,
        "m" => 1 << 20,
        "g" => 1 << 30,
        _ => return None,
    };
    digits.parse::<u64>().ok()?.checked_mul(factor)
}

#[cfg(test)]
mod tests {
    use super::tmpfs_size;

    #[test]
    fn sizes_as_mount_takes_them() {
        for (text, bytes) in
            [("64m", Some(64 << 20)), ("1G", Some(1 << 30)), ("5", Some(5)), ("50%", None), ("", None)]
        {
            assert_eq!(tmpfs_size(text), bytes, "{text}");
        }
        assert_eq!(tmpfs_size("99999999999999999999g"), None);
    }
}
