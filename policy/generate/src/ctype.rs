//! C declarations of parameters: where the name begins, and how much of a register the type takes.

/// Words that end a declaration without being a parameter's name.
const TYPE_WORDS: [&str; 12] =
    ["int", "long", "unsigned", "short", "char", "void", "u32", "u64", "size_t", "off_t", "loff_t", "const"];

/// Type and name of `unsigned int fd`; the name is empty where the declaration has none.
pub(crate) fn split(declaration: &str) -> (&str, &str) {
    let declaration = declaration.trim();
    let Some((before, last)) = declaration.rsplit_once(' ') else { return (declaration, "") };
    let structural = before == "struct" || before == "enum" || before == "const struct";
    if last == "*" || structural || last == "..." || TYPE_WORDS.contains(&last) || last.ends_with("_t") {
        return (declaration, "");
    }
    (before, last)
}

/// How an argument of a C type lies in its register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// An integer of this many bits on every architecture.
    Fixed {
        /// 16, 32 or 64.
        bits: u8,
        /// Two's complement.
        signed: bool,
    },
    /// An integer as wide as a register.
    Register {
        /// Two's complement.
        signed: bool,
    },
    /// A pointer: as wide as a register; what it points to cannot be seen.
    Pointer,
}

/// The kernel's integer types in signatures.
const TYPES: &[(&str, Shape)] = &[
    ("int", Shape::Fixed { bits: 32, signed: true }),
    ("unsigned", Shape::Fixed { bits: 32, signed: false }),
    ("unsigned int", Shape::Fixed { bits: 32, signed: false }),
    ("long", Shape::Register { signed: true }),
    ("unsigned long", Shape::Register { signed: false }),
    ("u16", Shape::Fixed { bits: 16, signed: false }),
    ("u32", Shape::Fixed { bits: 32, signed: false }),
    ("__u32", Shape::Fixed { bits: 32, signed: false }),
    ("__s32", Shape::Fixed { bits: 32, signed: true }),
    ("u64", Shape::Fixed { bits: 64, signed: false }),
    ("__u64", Shape::Fixed { bits: 64, signed: false }),
    ("uint32_t", Shape::Fixed { bits: 32, signed: false }),
    ("size_t", Shape::Register { signed: false }),
    ("compat_size_t", Shape::Register { signed: false }),
    ("off_t", Shape::Register { signed: true }),
    ("loff_t", Shape::Fixed { bits: 64, signed: true }),
    ("umode_t", Shape::Fixed { bits: 16, signed: false }),
    ("pid_t", Shape::Fixed { bits: 32, signed: true }),
    ("uid_t", Shape::Fixed { bits: 32, signed: false }),
    ("gid_t", Shape::Fixed { bits: 32, signed: false }),
    ("qid_t", Shape::Fixed { bits: 32, signed: false }),
    ("old_uid_t", Shape::Fixed { bits: 16, signed: false }),
    ("old_gid_t", Shape::Fixed { bits: 16, signed: false }),
    ("key_t", Shape::Fixed { bits: 32, signed: true }),
    ("key_serial_t", Shape::Fixed { bits: 32, signed: true }),
    ("timer_t", Shape::Fixed { bits: 32, signed: true }),
    ("mqd_t", Shape::Fixed { bits: 32, signed: true }),
    ("clockid_t", Shape::Fixed { bits: 32, signed: true }),
    ("rwf_t", Shape::Fixed { bits: 32, signed: true }),
    ("aio_context_t", Shape::Register { signed: false }),
    ("old_sigset_t", Shape::Register { signed: false }),
    ("__sighandler_t", Shape::Pointer),
    ("cap_user_header_t", Shape::Pointer),
    ("cap_user_data_t", Shape::Pointer),
    ("enum landlock_rule_type", Shape::Fixed { bits: 32, signed: false }),
];

/// The shape of a C type.
pub(crate) fn shape(ctype: &str) -> Option<Shape> {
    let plain = ctype.strip_prefix("const ").unwrap_or(ctype);
    if plain.contains('*') {
        return Some(Shape::Pointer);
    }
    TYPES.iter().find(|(name, _)| *name == plain).map(|(_, shape)| *shape)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_is_the_last_word_that_is_no_type() {
        assert_eq!(split("unsigned int fd"), ("unsigned int", "fd"));
        assert_eq!(split("const char * filename"), ("const char *", "filename"));
        assert_eq!(split("unsigned long"), ("unsigned long", ""));
        assert_eq!(split("struct sockaddr *"), ("struct sockaddr *", ""));
        assert_eq!(split("umode_t"), ("umode_t", ""));
    }

    #[test]
    fn pointers_and_integers() {
        assert_eq!(shape("const struct iovec *"), Some(Shape::Pointer));
        assert_eq!(shape("umode_t"), Some(Shape::Fixed { bits: 16, signed: false }));
        assert_eq!(shape("struct stat"), None);
    }
}
