//! A kernel that does nothing but count, and lets one call fail.

use super::{Errno, Sys};
use libc::c_long;
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::{Cell, RefCell};

thread_local! {
    /// How often this thread has allocated or freed.
    static TOUCHED: Cell<usize> = const { Cell::new(0) };
}

/// The system's allocator, counting: the child of a launch shares the launcher's heap and may not touch it.
struct Counting;

// SAFETY: every request goes to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        touch();
        // SAFETY: as the caller vouches.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        touch();
        // SAFETY: as the caller vouches.
        unsafe { System.dealloc(at, layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        touch();
        // SAFETY: as the caller vouches.
        unsafe { System.realloc(at, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn touch() {
    // A thread that is ending has nothing to count any more.
    let _ = TOUCHED.try_with(|count| count.set(count.get() + 1));
}

/// How often this thread has touched the heap so far.
pub(crate) fn heap_touched() -> usize {
    TOUCHED.get()
}

/// Calls that are recorded without touching the heap.
const MOST: usize = 4096;

/// Takes every call, does none of them.
pub(crate) struct Recorder {
    calls: RefCell<Vec<c_long>>,
    fails: Option<(usize, Errno)>,
    descriptor: Cell<usize>,
}

impl Recorder {
    /// Lets the call at `index`, counted from 0, fail.
    pub(crate) fn new(fails: Option<(usize, Errno)>) -> Recorder {
        Recorder { calls: RefCell::new(Vec::with_capacity(MOST)), fails, descriptor: Cell::new(1000) }
    }

    /// The numbers of all calls so far.
    pub(crate) fn calls(&self) -> Vec<c_long> {
        self.calls.borrow().clone()
    }
}

impl Sys for Recorder {
    unsafe fn call(&self, number: c_long, args: [usize; 6]) -> Result<usize, Errno> {
        let index = self.calls.borrow().len();
        self.calls.borrow_mut().push(number);
        if let Some((_, errno)) = self.fails.filter(|(at, _)| *at == index) {
            return Err(errno);
        }
        match number {
            libc::SYS_openat
            | libc::SYS_openat2
            | libc::SYS_open_tree
            | libc::SYS_fsopen
            | libc::SYS_fsmount
            | libc::SYS_landlock_create_ruleset
            | libc::SYS_socket => {
                self.descriptor.set(self.descriptor.get() + 1);
                Ok(self.descriptor.get())
            }
            // The one message that the child waits for.
            libc::SYS_recvfrom => Ok(1),
            libc::SYS_write => Ok(args[2]),
            // The kernel's newest capability is the one that the vocabulary ends with.
            libc::SYS_prctl if args[0] == 23 || args[0] == 24 => {
                if args[1] > 40 {
                    Err(Errno::EINVAL)
                } else {
                    Ok(1)
                }
            }
            _ => Ok(0),
        }
    }
}
