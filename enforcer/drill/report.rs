//! The lines that the reader outside takes: a name, a word, and a number with some words.

use crate::call;

/// Bytes that all lines together have room in; a table that outgrows it ends without its last line, which the
/// reader notices.
const ROOM: usize = 16 << 10;

pub(crate) struct Report {
    descriptor: usize,
    text: [u8; ROOM],
    length: usize,
}

impl Report {
    pub(crate) fn new(descriptor: usize) -> Report {
        Report { descriptor, text: [0; ROOM], length: 0 }
    }

    fn put(&mut self, bytes: &[u8]) {
        for byte in bytes {
            if let Some(place) = self.text.get_mut(self.length) {
                *place = *byte;
                self.length += 1;
            }
        }
    }

    pub(crate) fn line(&mut self, name: &[u8], word: &[u8], number: Option<u32>) {
        self.put(name);
        if !word.is_empty() {
            self.put(b" ");
            self.put(word);
        }
        if let Some(number) = number {
            self.put(b" ");
            for place in [100, 10, 1] {
                let digit = number / place % 10;
                if number >= place || place == 1 {
                    self.put(&[b'0' + digit as u8]);
                }
            }
        }
        self.put(b"\n");
    }

    pub(crate) fn flush(&self) {
        let mut from = 0;
        while from < self.length {
            let written =
                call!(WRITE, self.descriptor, (&raw const self.text) as usize + from, self.length - from);
            if written <= 0 {
                return;
            }
            from += written as usize;
        }
    }
}
