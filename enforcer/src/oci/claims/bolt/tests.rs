use super::*;
use std::io::Write;

const PAGE: usize = 4096;

fn header(number: u64, flags: u16, count: usize) -> Vec<u8> {
    let count = u16::try_from(count).unwrap();
    [&number.to_ne_bytes()[..], &flags.to_ne_bytes(), &count.to_ne_bytes(), &0_u32.to_ne_bytes()].concat()
}

/// A leaf with these elements: flags, key, value.
fn leaf_page(number: u64, elements: &[(u32, &str, &[u8])]) -> Vec<u8> {
    let mut page = header(number, LEAF, elements.len());
    let (mut table, mut text) = (Vec::new(), Vec::new());
    for (at, (flags, key, value)) in elements.iter().enumerate() {
        let place = HEADER * (elements.len() - at) + text.len();
        for word in [*flags, u32::try_from(place).unwrap(), size(key.as_bytes()), size(value)] {
            table.extend(word.to_ne_bytes());
        }
        text.extend([key.as_bytes(), value].concat());
    }
    page.extend([table, text].concat());
    page
}

fn size(text: &[u8]) -> u32 {
    u32::try_from(text.len()).unwrap()
}

/// A bucket that stands where it is named.
fn bucket(elements: &[(u32, &str, &[u8])]) -> Vec<u8> {
    [vec![0; HEADER], leaf_page(0, elements)].concat()
}

fn head_page(number: u64, root: u64, transaction: u64) -> Vec<u8> {
    let mut head = Vec::new();
    head.extend(MAGIC.to_ne_bytes());
    for word in [2, u32::try_from(PAGE).unwrap(), 0] {
        head.extend(word.to_ne_bytes());
    }
    for word in [root, 0, 0, 6, transaction] {
        head.extend(word.to_ne_bytes());
    }
    let sum = checksum(&head);
    [header(number, 4, 0), head, sum.to_ne_bytes().to_vec()].concat()
}

/// Two heads, an old root, and a root that branches into two leaves, the second with buckets.
fn database() -> Vec<u8> {
    let container = bucket(&[(0, "config", b"{}"), (0, "state", b"x")]);
    let containers = bucket(&[(1, "beef", &container)]);
    let mut branches = header(3, BRANCH, 2);
    for (place, page) in [(32_u32, 4_u64), (17, 5)] {
        branches.extend([&place.to_ne_bytes()[..], &1_u32.to_ne_bytes(), &page.to_ne_bytes()].concat());
    }
    branches.extend(b"ab");
    let pages = [
        head_page(0, 3, 8),
        head_page(1, 2, 7),
        leaf_page(2, &[]),
        branches,
        leaf_page(4, &[(0, "a", b"1")]),
        leaf_page(5, &[(1, "ctr", &containers), (0, "z", b"2")]),
    ];
    pages
        .into_iter()
        .flat_map(|mut page| {
            page.resize(PAGE, 0);
            page
        })
        .collect()
}

fn open(bytes: &[u8]) -> io::Result<Bolt> {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    Bolt::open(file)
}

#[test]
fn a_value_is_found_behind_its_buckets() {
    let bolt = open(&database()).unwrap();
    let value = |buckets: &[&str], key: &str| bolt.value(buckets, key).unwrap();
    assert_eq!(value(&["ctr", "beef"], "config"), Some(b"{}".to_vec()));
    assert_eq!(value(&[], "a"), Some(b"1".to_vec()));
    for (buckets, key) in [(&["ctr", "cafe"][..], "config"), (&["ctr"], "beef"), (&["z"], "x"), (&[], "0")] {
        assert_eq!(value(buckets, key), None, "{buckets:?}, {key}");
    }
    // The newer head is torn: the older one's tree is empty.
    let mut torn = database();
    torn[HEADER + 50] ^= 1;
    assert_eq!(open(&torn).unwrap().value(&["ctr", "beef"], "config").unwrap(), None);
}

#[test]
fn what_is_no_database_is_an_error_and_nothing_worse() {
    assert!(open(b"").is_err() && open(&[0; 3 * PAGE]).is_err());
    let whole = database();
    for end in (0..whole.len()).step_by(97) {
        drop(open(&whole[..end]).and_then(|bolt| bolt.value(&["ctr", "beef"], "config")));
    }
    for at in (2 * PAGE..whole.len()).filter(|at| at % PAGE < 400) {
        let mut bytes = whole.clone();
        bytes[at] = !bytes[at];
        drop(open(&bytes).and_then(|bolt| bolt.value(&["ctr", "beef"], "config")));
    }
    // A branch that leads to itself.
    let mut round = whole;
    round[3 * PAGE + HEADER + 8] = 3;
    round[3 * PAGE + HEADER + 24] = 3;
    assert!(open(&round).unwrap().value(&["ctr", "beef"], "config").is_err());
}

#[test]
fn a_writer_is_waited_for() {
    let (mut file, path) = tempfile::NamedTempFile::new().unwrap().keep().unwrap();
    file.write_all(&database()).unwrap();
    flock(&file, FlockOperation::LockExclusive).unwrap();
    let reader = std::thread::spawn({
        let path = path.clone();
        move || Bolt::open(File::open(path).unwrap()).map(drop)
    });
    assert!(!reader.is_finished());
    flock(&file, FlockOperation::Unlock).unwrap();
    reader.join().unwrap().unwrap();
    std::fs::remove_file(path).unwrap();
}
