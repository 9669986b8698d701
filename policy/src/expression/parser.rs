//! Tokens → expression, by descent along the grammar.

use super::lexer::{Lexed, Token, lex};
use super::{Comparison, Expression, Rule, Test, Value};
use crate::condition::Operator;
use crate::origin::{At, Origin};

/// Nesting of `not` and parentheses that is taken.
const DEPTH: usize = 32;
/// Comparisons that one condition may have.
const COMPARISONS: usize = 256;

/// What is wrong with the text of a rule; `at` counts characters from its beginning.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExpressionError {
    /// A character that no token begins with.
    #[error("`{found}` has no meaning in a rule")]
    Character {
        /// The character.
        found: char,
        /// Where.
        at: usize,
    },
    /// An operator of another language.
    #[error("`{found}` is written {instead} here")]
    Foreign {
        /// The operator.
        found: &'static str,
        /// What the language has for it.
        instead: &'static str,
        /// Where.
        at: usize,
    },
    /// Digits that make no number of 64 bits.
    #[error("`{text}` is no number of 64 bits; numbers are written `5`, `0x1f`, `0o17` or `-1`")]
    Number {
        /// The digits.
        text: String,
        /// Where.
        at: usize,
    },
    /// Something else should stand here.
    #[error("{expected} is expected, not {found}")]
    Expected {
        /// What should.
        expected: &'static str,
        /// What does.
        found: String,
        /// Where.
        at: usize,
        /// How wide it is.
        width: usize,
    },
    /// The text ends too early.
    #[error("the rule ends where {expected} is expected")]
    End {
        /// What should follow.
        expected: &'static str,
        /// Where.
        at: usize,
    },
    /// `(flags & MASK) == 0`
    #[error("`&` binds tighter than a comparison here: write it without the parentheses")]
    MaskInParentheses {
        /// Where.
        at: usize,
    },
    /// `flags & A | B`
    #[error("a mask of several values stands in parentheses: `& (A | B)`")]
    BareAlternative {
        /// Where.
        at: usize,
    },
    /// Too deep or too long.
    #[error("a rule has at most {COMPARISONS} comparisons, {DEPTH} deep")]
    TooLarge {
        /// Where.
        at: usize,
    },
}

impl ExpressionError {
    /// Characters before the fault, and its width.
    pub fn span(&self) -> (usize, usize) {
        match self {
            ExpressionError::Foreign { at, found, .. } => (*at, found.len()),
            ExpressionError::Number { at, text } => (*at, text.chars().count()),
            ExpressionError::Expected { at, width, .. } => (*at, *width),
            ExpressionError::Character { at, .. }
            | ExpressionError::End { at, .. }
            | ExpressionError::MaskInParentheses { at }
            | ExpressionError::BareAlternative { at }
            | ExpressionError::TooLarge { at } => (*at, 1),
        }
    }
}

/// Where the characters of a text stand.
pub trait Locate: Fn(usize) -> Origin {}
impl<F: Fn(usize) -> Origin> Locate for F {}

/// `name` or `name(condition)`.
pub fn parse_rule(text: &str, origin: &impl Locate) -> Result<Rule, ExpressionError> {
    let mut parser = Parser::new(text, origin)?;
    let call = parser.name("the name of a system call")?;
    let when = if parser.take("(") {
        let when = parser.or(0)?;
        parser.expect(")", "`)`, `and` or `or`")?;
        Some(when)
    } else {
        None
    };
    parser.end(if when.is_some() { "nothing more" } else { "`(`" })?;
    Ok(Rule { call, when })
}

/// A condition alone, as after `when:`.
pub fn parse_condition(text: &str, origin: &impl Locate) -> Result<Expression, ExpressionError> {
    let mut parser = Parser::new(text, origin)?;
    let condition = parser.or(0)?;
    parser.end("`and` or `or`")?;
    Ok(condition)
}

struct Parser<'a, L> {
    tokens: Vec<Lexed>,
    position: usize,
    length: usize,
    comparisons: usize,
    origin: &'a L,
}

impl<'a, L: Locate> Parser<'a, L> {
    fn new(text: &str, origin: &'a L) -> Result<Self, ExpressionError> {
        Ok(Parser { tokens: lex(text)?, position: 0, length: text.chars().count(), comparisons: 0, origin })
    }

    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.position).map(|lexed| &lexed.token)
    }

    /// Characters before the next token.
    fn at(&self) -> usize {
        self.tokens.get(self.position).map_or(self.length, |lexed| lexed.at)
    }

    fn take(&mut self, symbol: &str) -> bool {
        let found = matches!(self.peek(), Some(Token::Symbol(found)) if *found == symbol);
        self.position += usize::from(found);
        found
    }

    fn take_word(&mut self, word: &str) -> bool {
        let found = matches!(self.peek(), Some(Token::Word(found)) if found == word);
        self.position += usize::from(found);
        found
    }

    /// The error that `expected` does not stand here.
    fn missing(&self, expected: &'static str) -> ExpressionError {
        let Some(lexed) = self.tokens.get(self.position) else {
            return ExpressionError::End { expected, at: self.length };
        };
        let found = match &lexed.token {
            Token::Word(word) => format!("`{word}`"),
            Token::Number(number, _) => format!("`{number}`"),
            Token::Symbol(symbol) => format!("`{symbol}`"),
        };
        ExpressionError::Expected { expected, found, at: lexed.at, width: lexed.width }
    }

    fn expect(&mut self, symbol: &str, expected: &'static str) -> Result<(), ExpressionError> {
        if self.take(symbol) { Ok(()) } else { Err(self.missing(expected)) }
    }

    fn end(&self, expected: &'static str) -> Result<(), ExpressionError> {
        if self.peek().is_none() { Ok(()) } else { Err(self.missing(expected)) }
    }

    fn name(&mut self, expected: &'static str) -> Result<At<String>, ExpressionError> {
        const RESERVED: [&str; 4] = ["and", "or", "not", "in"];
        let at = self.at();
        match self.peek() {
            Some(Token::Word(word)) if !RESERVED.contains(&word.as_str()) => {
                let name = At { value: word.clone(), origin: (self.origin)(at) };
                self.position += 1;
                Ok(name)
            }
            _ => Err(self.missing(expected)),
        }
    }

    fn or(&mut self, depth: usize) -> Result<Expression, ExpressionError> {
        let mut parts = vec![self.and(depth)?];
        while self.take_word("or") {
            parts.push(self.and(depth)?);
        }
        Ok(one_or(parts, Expression::Or))
    }

    fn and(&mut self, depth: usize) -> Result<Expression, ExpressionError> {
        let mut parts = vec![self.not(depth)?];
        while self.take_word("and") {
            parts.push(self.not(depth)?);
        }
        Ok(one_or(parts, Expression::And))
    }

    fn not(&mut self, depth: usize) -> Result<Expression, ExpressionError> {
        if depth > DEPTH {
            return Err(ExpressionError::TooLarge { at: self.at() });
        }
        if self.take_word("not") {
            return Ok(Expression::Not(Box::new(self.not(depth + 1)?)));
        }
        let at = self.at();
        if self.take("(") {
            if self.is_bare_mask() {
                return Err(ExpressionError::MaskInParentheses { at });
            }
            let inner = self.or(depth + 1)?;
            self.expect(")", "`)`, `and` or `or`")?;
            return Ok(inner);
        }
        self.comparison().map(Expression::Compare)
    }

    /// Whether `parameter & value )` follows: C's way to write a masked comparison.
    fn is_bare_mask(&self) -> bool {
        let ahead = |index: usize| self.tokens.get(self.position + index).map(|lexed| &lexed.token);
        matches!(ahead(0), Some(Token::Word(_)))
            && matches!(ahead(1), Some(Token::Symbol("&")))
            && matches!(ahead(2), Some(Token::Word(_) | Token::Number(..)))
            && matches!(ahead(3), Some(Token::Symbol(")")))
    }

    fn comparison(&mut self) -> Result<Comparison, ExpressionError> {
        self.comparisons += 1;
        if self.comparisons > COMPARISONS {
            return Err(ExpressionError::TooLarge { at: self.at() });
        }
        let parameter = self.name("the name of a parameter")?;
        let mask = if self.take("&") { self.mask()? } else { Vec::new() };
        if self.take_word("in") {
            return Ok(Comparison {
                parameter,
                mask,
                test: Test::In { negated: false, values: self.set()? },
            });
        }
        if self.take_word("not") {
            if !self.take_word("in") {
                return Err(self.missing("`in`"));
            }
            return Ok(Comparison { parameter, mask, test: Test::In { negated: true, values: self.set()? } });
        }
        const OPERATORS: [Operator; 6] = [
            Operator::Equal,
            Operator::NotEqual,
            Operator::LessOrEqual,
            Operator::GreaterOrEqual,
            Operator::Less,
            Operator::Greater,
        ];
        match OPERATORS.into_iter().find(|operator| self.take(operator.symbol())) {
            Some(operator) => {
                let test = Test::Against(operator, self.value()?);
                Ok(Comparison { parameter, mask, test })
            }
            None => Err(self.missing("a comparison such as `== 0` or `in {A, B}`")),
        }
    }

    fn mask(&mut self) -> Result<Vec<At<Value>>, ExpressionError> {
        if !self.take("(") {
            let value = self.value()?;
            if matches!(self.peek(), Some(Token::Symbol("|"))) {
                return Err(ExpressionError::BareAlternative { at: self.at() });
            }
            return Ok(vec![value]);
        }
        let mut values = vec![self.value()?];
        while self.take("|") {
            values.push(self.value()?);
        }
        self.expect(")", "`|` or `)`")?;
        Ok(values)
    }

    fn set(&mut self) -> Result<Vec<At<Value>>, ExpressionError> {
        self.expect("{", "`{`")?;
        let mut values = vec![self.value()?];
        while self.take(",") {
            values.push(self.value()?);
            // Every value is a comparison of its own.
            self.comparisons += 1;
            if self.comparisons > COMPARISONS {
                return Err(ExpressionError::TooLarge { at: self.at() });
            }
        }
        self.expect("}", "`,` or `}`")?;
        Ok(values)
    }

    fn value(&mut self) -> Result<At<Value>, ExpressionError> {
        let origin = (self.origin)(self.at());
        if let Some(Token::Number(number, hexadecimal)) = self.peek() {
            let value = Value::Number { number: *number, hexadecimal: *hexadecimal };
            self.position += 1;
            return Ok(At { value, origin });
        }
        self.name("a number or the name of a constant").map(|name| name.map(Value::Name))
    }
}

/// The only part itself, or all of them combined.
fn one_or(mut parts: Vec<Expression>, combine: fn(Vec<Expression>) -> Expression) -> Expression {
    if parts.len() == 1 { parts.remove(0) } else { combine(parts) }
}
