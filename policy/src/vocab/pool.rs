//! A sorted set of names as one string.

/// Names one after the other, and where each begins; one start more than there are names.
pub(super) struct Pool {
    pub(super) text: &'static str,
    pub(super) starts: &'static [usize],
}

impl Pool {
    /// How many names there are.
    pub(super) fn len(&self) -> usize {
        self.starts.len() - 1
    }

    /// The name at a position.
    pub(super) fn get(&self, index: usize) -> &'static str {
        &self.text[self.starts[index]..self.starts[index + 1]]
    }

    /// The position of a name.
    pub(super) fn find(&self, name: &str) -> Option<usize> {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = low.midpoint(high);
            match self.get(middle).cmp(name) {
                std::cmp::Ordering::Equal => return Some(middle),
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
            }
        }
        None
    }

    /// Every name, in order.
    pub(super) fn iter(&self) -> impl ExactSizeIterator<Item = &'static str> {
        (0..self.len()).map(|index| self.get(index))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static POOL: Pool = Pool { text: "acceptbindsend", starts: &[0, 6, 10, 14] };

    #[test]
    fn names_are_found_where_they_are() {
        assert_eq!(POOL.iter().collect::<Vec<_>>(), ["accept", "bind", "send"]);
        for (index, name) in POOL.iter().enumerate() {
            assert_eq!(POOL.find(name), Some(index));
        }
        for absent in ["", "a", "bin", "binds", "zzz"] {
            assert_eq!(POOL.find(absent), None);
        }
    }
}
