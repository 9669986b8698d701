//! Text of a condition → tokens with their places.

use super::parser::ExpressionError;

/// A token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// A name or one of the words `and`, `or`, `not`, `in`.
    Word(String),
    /// A number and whether it is in base 16.
    Number(i128, bool),
    /// Punctuation and operators.
    Symbol(&'static str),
}

/// A token with the characters before it and its own length in characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Lexed {
    /// The token.
    pub(super) token: Token,
    /// Characters before it.
    pub(super) at: usize,
    /// Characters of it.
    pub(super) width: usize,
}

/// Longest first, so that `<=` is not read as `<`.
const SYMBOLS: [&str; 14] = ["==", "!=", "<=", ">=", "<", ">", "&", "|", "(", ")", "{", "}", ",", "@"];

/// What other languages write, and what it is called here.
const FOREIGN: [(&str, &str); 5] = [
    ("&&", "`and`"),
    ("||", "`or`"),
    ("=", "`==`"),
    ("!", "`not`"),
    ("~", "the bits of the mask themselves"),
];

/// The tokens of `text`.
pub(super) fn lex(text: &str) -> Result<Vec<Lexed>, ExpressionError> {
    let mut tokens = Vec::new();
    let mut rest = text;
    let mut at = 0;
    while let Some(c) = rest.chars().next() {
        if c.is_whitespace() {
            rest = &rest[c.len_utf8()..];
            at += 1;
            continue;
        }
        let (token, length) = token(rest, at)?;
        let width = rest[..length].chars().count();
        tokens.push(Lexed { token, at, width });
        rest = &rest[length..];
        at += width;
    }
    Ok(tokens)
}

/// The token that `rest` begins with and its bytes.
fn token(rest: &str, at: usize) -> Result<(Token, usize), ExpressionError> {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let first = rest.chars().next().unwrap_or(' ');
    if first.is_ascii_digit() || (first == '-' && rest[1..].starts_with(|c: char| c.is_ascii_digit())) {
        let length = rest[1..].find(|c| !word(c)).map_or(rest.len(), |end| end + 1);
        let (number, hexadecimal) = number(&rest[..length])
            .ok_or_else(|| ExpressionError::Number { text: rest[..length].to_owned(), at })?;
        return Ok((Token::Number(number, hexadecimal), length));
    }
    if word(first) {
        let length = rest.find(|c| !word(c)).unwrap_or(rest.len());
        return Ok((Token::Word(rest[..length].to_owned()), length));
    }
    let foreign = FOREIGN.iter().find(|(text, _)| rest.starts_with(text));
    let symbol = SYMBOLS.into_iter().find(|symbol| rest.starts_with(symbol));
    match (symbol, foreign) {
        (Some(symbol), Some((foreign, _))) if symbol.len() >= foreign.len() => {
            Ok((Token::Symbol(symbol), symbol.len()))
        }
        (_, Some((found, instead))) => Err(ExpressionError::Foreign { found, instead, at }),
        (Some(symbol), None) => Ok((Token::Symbol(symbol), symbol.len())),
        (None, None) => Err(ExpressionError::Character { found: first, at }),
    }
}

/// A number as written, and whether it is in base 16.
fn number(text: &str) -> Option<(i128, bool)> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text),
    };
    let (radix, digits) = match digits.get(..2) {
        Some("0x" | "0X") => (16, &digits[2..]),
        Some("0o") => (8, &digits[2..]),
        // C reads a leading zero as octal, people as decimal: neither is right for everyone.
        Some(two) if two.starts_with('0') => return None,
        _ => (10, digits),
    };
    let magnitude = i128::from(u64::from_str_radix(digits, radix).ok()?);
    let number = sign * magnitude;
    (number >= i128::from(i64::MIN)).then_some((number, radix == 16))
}
