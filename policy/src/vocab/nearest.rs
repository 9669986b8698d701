//! "Did you mean": the nearest name.

/// The candidate most like a word, if one is near enough to be meant: at most a third of the word's letters
/// (and at least one) inserted, deleted, replaced or swapped. Letter case counts for nothing.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = word.to_lowercase();
    let limit = (lower.chars().count() / 3).max(1);
    let scored = candidates
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(&lower, &candidate.to_lowercase()), candidate));
    scored.filter(|(distance, _)| *distance <= limit).min().map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn a_slip_of_the_finger_is_understood() {
        assert_eq!(nearest("opneat", ["openat", "open", "openat2"]), Some("openat"));
        assert_eq!(nearest("af_inet", ["AF_INET", "AF_INET6"]), Some("AF_INET"));
        assert_eq!(nearest("recieve", ["read", "write"]), None);
        assert_eq!(nearest("x", ["ab", "abc"]), None);
    }

    #[test]
    fn of_equally_near_ones_the_first_by_name_is_taken() {
        assert_eq!(nearest("dup4", ["dup3", "dup2"]), Some("dup2"));
    }
}
