//! Garbage in the upper halves of 32-bit arguments, against the running kernel.
//!
//! The kernel cuts a register to the type that `SYSCALL_DEFINE` declares; a seccomp filter sees it whole.
//! So a condition on an `int` must be compared as 32 bits, as the diagrams do: else `socket(1 << 32 | 40)`
//! is another call to the filter and the same one to the kernel.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use stockade_policy::condition::{Comparison, Condition, Operator, Width};
use stockade_policy::lattice::action::Action;
use stockade_policy::lattice::diagram::{Decision, Diagram};
use stockade_policy::origin::Origins;
use stockade_policy::vocab::parameters::parameters;
use stockade_policy::vocab::{Arch, syscalls};

/// A call that does nothing lasting: x86_64 number, registers, and the parameters declared as `int`,
/// `unsigned int` or a type of that size.
struct Sample(&'static str, u64, [u64; 6], &'static [u8]);

const SAMPLES: [Sample; 27] = [
    Sample("socket(AF_UNIX, SOCK_STREAM, 0)", 41, [1, 1, 0, 0, 0, 0], &[0, 1, 2]),
    Sample("socket(99, SOCK_STREAM, 0)", 41, [99, 1, 0, 0, 0, 0], &[0, 1, 2]),
    Sample("dup(100)", 32, [100, 0, 0, 0, 0, 0], &[0]),
    Sample("dup(99)", 32, [99, 0, 0, 0, 0, 0], &[0]),
    Sample("fcntl(100, F_GETFD)", 72, [100, 1, 0, 0, 0, 0], &[0, 1]),
    Sample("ioctl(100, FIOCLEX)", 16, [100, 0x5451, 0, 0, 0, 0], &[0, 1]),
    Sample("ioctl(100, TIOCSTI)", 16, [100, 0x5412, 0, 0, 0, 0], &[0, 1]),
    Sample("lseek(100, 5, SEEK_SET)", 8, [100, 5, 0, 0, 0, 0], &[0, 2]),
    Sample("ftruncate(100, 7)", 77, [100, 7, 0, 0, 0, 0], &[0]),
    Sample("fchmod(100, 0600)", 91, [100, 0o600, 0, 0, 0, 0], &[0]),
    Sample("listen(101, 1)", 50, [101, 1, 0, 0, 0, 0], &[0, 1]),
    Sample("kill(1, 0)", 62, [1, 0, 0, 0, 0, 0], &[0, 1]),
    Sample("kill(1, 99)", 62, [1, 99, 0, 0, 0, 0], &[0, 1]),
    Sample("getpriority(PRIO_PROCESS, 0)", 140, [0, 0, 0, 0, 0, 0], &[0, 1]),
    Sample("umask(022)", 95, [0o22, 0, 0, 0, 0, 0], &[0]),
    Sample("personality(0xffffffff)", 135, [0xffff_ffff, 0, 0, 0, 0, 0], &[0]),
    Sample("prctl(PR_GET_DUMPABLE)", 157, [3, 0, 0, 0, 0, 0], &[0]),
    Sample("setfsuid(-1)", 122, [0xffff_ffff, 0, 0, 0, 0, 0], &[0]),
    Sample("getpgid(0)", 121, [0, 0, 0, 0, 0, 0], &[0]),
    Sample("sched_getscheduler(0)", 145, [0, 0, 0, 0, 0, 0], &[0]),
    Sample("sched_get_priority_max(SCHED_FIFO)", 146, [1, 0, 0, 0, 0, 0], &[0]),
    Sample("setns(100, CLONE_NEWNET)", 308, [100, 0x4000_0000, 0, 0, 0, 0], &[0, 1]),
    Sample("eventfd2(0, 0)", 290, [0, 0, 0, 0, 0, 0], &[0, 1]),
    Sample("epoll_create1(0)", 291, [0, 0, 0, 0, 0, 0], &[0]),
    Sample("inotify_init1(0)", 294, [0, 0, 0, 0, 0, 0], &[0]),
    Sample("timerfd_create(CLOCK_MONOTONIC, 0)", 283, [1, 0, 0, 0, 0, 0], &[0, 1]),
    Sample("pidfd_open(1, 0)", 434, [1, 0, 0, 0, 0, 0], &[0, 1]),
];

/// Parameters of 64 bits, whose upper half the kernel does not cut: the control.
const WHOLE: [Sample; 2] = [
    Sample("lseek(100, 5, SEEK_SET)", 8, [100, 5, 0, 0, 0, 0], &[1]),
    Sample("unshare(0)", 272, [0, 0, 0, 0, 0, 0], &[0]),
];

const GARBAGE: [u64; 4] = [1, 0x7fff_ffff, 0x8000_0000, 0xdead_beef];

/// A process that makes raw system calls.
struct Driver {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Driver {
    /// The driver, or why there is none.
    fn start() -> Result<Self, String> {
        if !cfg!(all(target_arch = "x86_64", target_os = "linux")) {
            return Err("the numbers are x86_64's".to_owned());
        }
        let mut child = Command::new("python3")
            .args(["-c", include_str!("lattice_registers.py")])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("python3: {error}"))?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err("no pipes".to_owned());
        };
        Ok(Driver { child, input, output: BufReader::new(output) })
    }

    /// Result and errno of one line.
    fn ask(&mut self, line: &str) -> (i64, i64) {
        writeln!(self.input, "{line}").expect("the driver reads");
        let mut answer = String::new();
        self.output.read_line(&mut answer).expect("the driver answers");
        let mut numbers = answer.split_whitespace().map(|word| word.parse().expect("a number"));
        (numbers.next().expect("a result"), numbers.next().expect("an errno"))
    }

    fn call(&mut self, number: u64, registers: [u64; 6]) -> (i64, i64) {
        let words = registers.map(|register| register.to_string()).join(" ");
        self.ask(&format!("call {number} {words}"))
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn dirty(registers: [u64; 6], parameter: u8, garbage: u64) -> [u64; 6] {
    let mut dirty = registers;
    dirty[usize::from(parameter)] |= garbage << 32;
    dirty
}

/// How the vocabulary reads a parameter of a sample, whose name it must know.
fn width(sample: &Sample, parameter: u8) -> Width {
    let Sample(name, number, ..) = sample;
    let number = u32::try_from(*number).expect("a number of x86_64");
    let call = syscalls::name(Arch::X86_64, number).expect("a call with a name");
    assert!(name.starts_with(call), "{name} is {call}");
    let list = parameters(Arch::X86_64, call).expect("a call with parameters");
    list[usize::from(parameter)].width.expect("a known width")
}

/// Allows where the parameter has this value at this width.
fn equals(parameter: u8, width: Width, value: u64) -> Diagram {
    let leaf = |action| Diagram::leaf(Decision { action, origins: Origins::new() });
    let comparison =
        Comparison { argument: parameter, width, mask: u64::MAX, operator: Operator::Equal, value };
    let condition = Condition::Compare(comparison);
    Diagram::choose("sample", &condition, &leaf(Action::Allow), &leaf(Action::Errno(1)))
        .expect("a small diagram")
}

#[test]
fn the_kernel_and_the_diagram_ignore_the_upper_half() {
    let mut driver = match Driver::start() {
        Ok(driver) => driver,
        Err(why) => return println!("SKIP registers: no raw system calls here: {why}"),
    };
    driver.call(95, [0o22, 0, 0, 0, 0, 0]); // umask returns the one before: make that ours
    let mut tried = 0;
    for sample in &SAMPLES {
        let Sample(name, number, registers, parameters) = sample;
        let plain = driver.call(*number, *registers);
        for parameter in *parameters {
            let value = registers[usize::from(*parameter)];
            let width = width(sample, *parameter);
            assert!(matches!(width, Width::U32 | Width::I32), "{name}, parameter {parameter}");
            for garbage in GARBAGE {
                let registers = dirty(*registers, *parameter, garbage);
                let told = driver.call(*number, registers);
                assert_eq!(told, plain, "{name}, parameter {parameter} with {garbage:#x} above");
                let decided = equals(*parameter, width, value).decide(&registers).action;
                assert_eq!(decided, Action::Allow, "{name}");
                tried += 1;
            }
        }
    }
    println!("the kernel ignored the upper half in {tried} calls of {} kinds", SAMPLES.len());
}

#[test]
fn the_kernel_and_the_diagram_read_whole_parameters_whole() {
    let mut driver = match Driver::start() {
        Ok(driver) => driver,
        Err(why) => return println!("SKIP registers: no raw system calls here: {why}"),
    };
    for sample in &WHOLE {
        let Sample(name, number, registers, parameters) = sample;
        let plain = driver.call(*number, *registers);
        for parameter in *parameters {
            let value = registers[usize::from(*parameter)];
            let width = width(sample, *parameter);
            assert!(matches!(width, Width::U64 | Width::I64), "{name}, parameter {parameter}");
            let registers = dirty(*registers, *parameter, 1);
            assert_ne!(driver.call(*number, registers), plain, "{name}, parameter {parameter}");
            let decided = equals(*parameter, width, value).decide(&registers).action;
            assert_eq!(decided, Action::Errno(1), "{name}");
        }
    }
}

/// A filter that answers `ERRNO` 77 to a `socket` whose domain has an upper half.
#[test]
fn a_filter_sees_the_upper_half() {
    const SEEN: i64 = 77;
    let mut driver = match Driver::start() {
        Ok(driver) => driver,
        Err(why) => return println!("SKIP registers: no raw system calls here: {why}"),
    };
    let program: [(u16, u8, u8, u32); 6] = [
        (0x20, 0, 0, 0),                // load the number
        (0x15, 0, 3, 41),               // socket, or allow
        (0x20, 0, 0, 20),               // load the upper half of argument 0
        (0x15, 1, 0, 0),                // zero: allow
        (0x06, 0, 0, 0x0005_0000 | 77), // SECCOMP_RET_ERRNO
        (0x06, 0, 0, 0x7fff_0000),      // SECCOMP_RET_ALLOW
    ];
    let mut hex = String::new();
    for (code, on_true, on_false, k) in program {
        let bytes = [&code.to_le_bytes()[..], &[on_true, on_false], &k.to_le_bytes()].concat();
        for byte in bytes {
            write!(hex, "{byte:02x}").expect("a string grows");
        }
    }
    let (installed, errno) = driver.ask(&format!("filter {hex}"));
    if installed != 0 {
        return println!("SKIP registers: the filter was refused: errno {errno}");
    }
    let (made, _) = driver.call(41, [1, 1, 0, 0, 0, 0]);
    assert!(made >= 0, "AF_UNIX is allowed");
    assert_eq!(driver.call(41, [1 << 32 | 1, 1, 0, 0, 0, 0]), (-1, SEEN));
}
