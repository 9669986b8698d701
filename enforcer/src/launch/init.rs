//! The init's file: its program, and behind it the block that it reads.

use super::LaunchError;
use crate::layer::capabilities;
use std::os::fd::RawFd;
use stockade_policy::plan::Seccomp;

mod layout {
    //! The layout that the init shares.
    #![expect(unreachable_pub, reason = "the init compiles the same file as a crate of its own")]
    include!("../../init/block.rs");
}

pub(super) use layout::message;

/// The init up to where its block begins; built by build.rs.
const PROGRAM: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/init"));

/// What the block says.
pub(super) struct Contents<'a> {
    pub(super) mask: u64,
    pub(super) control: RawFd,
    pub(super) terminal: bool,
    pub(super) write_xor_execute: bool,
    pub(super) capabilities: &'a capabilities::Part,
    pub(super) filter: Option<&'a Seccomp>,
    /// Paths to try, each ended by NUL.
    pub(super) candidates: &'a [u8],
}

impl Contents<'_> {
    /// The whole file.
    pub(super) fn file(&self) -> Result<Vec<u8>, LaunchError> {
        let too_long = || LaunchError::BadInput {
            object: "PATH".to_owned(),
            why: "filter and search path together do not fit into the init's block",
        };
        let offset = |at: usize| u32::try_from(at).map_err(|_| too_long());
        let filter = self.filter.map_or(&[][..], |filter| &filter.program);
        let head = size_of::<layout::Block>();
        let candidates_at = head + filter.len() * 8;
        let length = candidates_at + self.candidates.len();
        if length > layout::CAPACITY {
            return Err(too_long());
        }
        let block = layout::Block {
            mask: self.mask,
            control: self.control,
            terminal: u32::from(self.terminal),
            write_xor_execute: u32::from(self.write_xor_execute),
            late_capabilities: u32::from(self.capabilities.is_late()),
            capabilities: self.capabilities.late_words(),
            filter_flags: self.filter.map_or(0, |filter| filter.flags),
            filter_offset: offset(head)?,
            filter_length: offset(filter.len())?,
            candidates_offset: offset(candidates_at)?,
            candidates: offset(self.candidates.iter().filter(|byte| **byte == 0).count())?,
        };
        let mut file = Vec::with_capacity(PROGRAM.len() + length);
        file.extend_from_slice(PROGRAM);
        write_head(&block, &mut file);
        for instruction in filter {
            file.extend_from_slice(&instruction.0.to_ne_bytes());
            file.extend_from_slice(&[instruction.1, instruction.2]);
            file.extend_from_slice(&instruction.3.to_ne_bytes());
        }
        file.extend_from_slice(self.candidates);
        Ok(file)
    }
}

/// The head field by field, in the order of the structure, which has no holes but the last word.
fn write_head(block: &layout::Block, file: &mut Vec<u8>) {
    let begin = file.len();
    file.extend_from_slice(&block.mask.to_ne_bytes());
    file.extend_from_slice(&block.control.to_ne_bytes());
    let words = [block.terminal, block.write_xor_execute, block.late_capabilities]
        .into_iter()
        .chain(block.capabilities)
        .chain([block.filter_flags, block.filter_offset, block.filter_length])
        .chain([block.candidates_offset, block.candidates]);
    words.for_each(|word| file.extend_from_slice(&word.to_ne_bytes()));
    file.resize(begin + size_of::<layout::Block>(), 0);
}

#[cfg(test)]
mod tests {
    use super::layout::Block;
    use std::mem::offset_of;

    #[test]
    fn head_is_written_as_it_is_laid_out() {
        let block = Block {
            mask: 1,
            control: 2,
            terminal: 3,
            write_xor_execute: 4,
            late_capabilities: 5,
            capabilities: [6, 7, 8, 9, 10, 11],
            filter_flags: 12,
            filter_offset: 13,
            filter_length: 14,
            candidates_offset: 15,
            candidates: 16,
        };
        let mut file = Vec::new();
        super::write_head(&block, &mut file);
        assert_eq!(file.len(), size_of::<Block>());
        let word = |at: usize| u32::from_ne_bytes(file[at..at + 4].try_into().unwrap());
        let offsets = [
            (offset_of!(Block, mask), 1),
            (offset_of!(Block, control), 2),
            (offset_of!(Block, terminal), 3),
            (offset_of!(Block, write_xor_execute), 4),
            (offset_of!(Block, late_capabilities), 5),
            (offset_of!(Block, capabilities), 6),
            (offset_of!(Block, filter_flags), 12),
            (offset_of!(Block, filter_offset), 13),
            (offset_of!(Block, filter_length), 14),
            (offset_of!(Block, candidates_offset), 15),
            (offset_of!(Block, candidates), 16),
        ];
        for (at, value) in offsets {
            assert_eq!(word(at), value);
        }
    }

    #[test]
    fn the_program_is_small_and_ends_on_a_page() {
        assert!(super::PROGRAM.starts_with(b"\x7fELF"));
        assert_eq!(super::PROGRAM.len() % 4096, 0);
        assert!(super::PROGRAM.len() <= 0x1_0000);
    }
}
