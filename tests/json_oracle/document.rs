//! A plain reader of JSON documents (RFC 8259, rule J3), by recursive descent.
//!
//! It keeps what the rules need and `serde_json::Value` loses: the text of every value as it was written, and members
//! with the same name, in order. It makes no attempt to be fast.

/// A value, and its text as written.
#[derive(Debug)]
pub struct Node<'a> {
    pub text: &'a str,
    pub kind: Kind<'a>,
}

#[derive(Debug)]
pub enum Kind<'a> {
    Null,
    Bool(bool),
    /// Its text is the number.
    Number,
    String(Text),
    Array(Vec<Node<'a>>),
    /// Members in the order of the text, duplicates kept.
    Object(Vec<(Text, Node<'a>)>),
}

/// A string without its escapes; `None` if it has a surrogate without its other half, which is grammatical, but no text.
pub type Text = Option<String>;

/// How deep values may nest, the outermost included.
pub const DEEPEST: usize = 1000;

/// Why bytes are not a document, for whoever reads a failed test.
pub type Malformed = &'static str;

/// The value that a payload holds. `Ok(None)`: it is empty, or holds only blanks.
pub fn read(payload: &[u8]) -> Result<Option<Node<'_>>, Malformed> {
    let text = std::str::from_utf8(payload).map_err(|_| "invalid UTF-8")?;
    let mut reader = Reader { text: text.strip_prefix('\u{feff}').unwrap_or(text), at: 0 };
    reader.skip_blanks();
    if reader.rest().is_empty() {
        return Ok(None);
    }
    let node = reader.value(0)?;
    reader.skip_blanks();
    if reader.rest().is_empty() { Ok(Some(node)) } else { Err("something behind the value") }
}

impl<'a> Node<'a> {
    /// The member of this name; the last, if there are several.
    pub fn member(&self, name: &str) -> Option<&Node<'a>> {
        let Kind::Object(members) = &self.kind else { return None };
        members.iter().rev().find(|(key, _)| key.as_deref() == Some(name)).map(|(_, value)| value)
    }

    /// The element or member that a token of a JSON Pointer leads to.
    pub fn step(&self, token: &str) -> Option<&Node<'a>> {
        match &self.kind {
            Kind::Array(elements) => elements.get(array_index(token)?),
            _ => self.member(token),
        }
    }
}

/// RFC 6901: digits without leading zeros.
fn array_index(token: &str) -> Option<usize> {
    let is_index = token.bytes().all(|byte| byte.is_ascii_digit()) && (token == "0" || !token.starts_with('0'));
    if is_index { token.parse().ok() } else { None }
}

/// Whether all of the text is one number of RFC 8259.
pub fn is_number(text: &str) -> bool {
    let mut reader = Reader { text, at: 0 };
    reader.number().is_ok() && reader.rest().is_empty()
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn next_byte(&self) -> Option<u8> {
        self.rest().bytes().next()
    }

    fn take(&mut self, expected: &str) -> bool {
        let found = self.rest().starts_with(expected);
        if found {
            self.at += expected.len();
        }
        found
    }

    fn skip_blanks(&mut self) {
        self.skip_while(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r'));
    }

    /// How many bytes were skipped.
    fn skip_while(&mut self, wanted: impl Fn(u8) -> bool) -> usize {
        let skipped = self.rest().bytes().take_while(|byte| wanted(*byte)).count();
        self.at += skipped;
        skipped
    }

    /// A value inside `outer` containers.
    fn value(&mut self, outer: usize) -> Result<Node<'a>, Malformed> {
        let start = self.at;
        let kind = match self.next_byte() {
            Some(b'{') => self.object(outer + 1)?,
            Some(b'[') => self.array(outer + 1)?,
            Some(b'"') => Kind::String(self.string()?),
            Some(b'-' | b'0'..=b'9') => {
                self.number()?;
                Kind::Number
            }
            _ if self.take("null") => Kind::Null,
            _ if self.take("true") => Kind::Bool(true),
            _ if self.take("false") => Kind::Bool(false),
            _ => return Err("no value"),
        };
        Ok(Node { text: &self.text[start..self.at], kind })
    }

    fn object(&mut self, depth: usize) -> Result<Kind<'a>, Malformed> {
        let mut members = Vec::new();
        self.list('{', '}', depth, |reader| {
            if reader.next_byte() != Some(b'"') {
                return Err("no member name");
            }
            let name = reader.string()?;
            reader.skip_blanks();
            if !reader.take(":") {
                return Err("no colon");
            }
            reader.skip_blanks();
            members.push((name, reader.value(depth)?));
            Ok(())
        })?;
        Ok(Kind::Object(members))
    }

    fn array(&mut self, depth: usize) -> Result<Kind<'a>, Malformed> {
        let mut elements = Vec::new();
        self.list('[', ']', depth, |reader| {
            elements.push(reader.value(depth)?);
            Ok(())
        })?;
        Ok(Kind::Array(elements))
    }

    /// Items between brackets, separated by commas.
    fn list(
        &mut self,
        open: char,
        close: char,
        depth: usize,
        mut item: impl FnMut(&mut Self) -> Result<(), Malformed>,
    ) -> Result<(), Malformed> {
        if depth > DEEPEST {
            return Err("nested too deep");
        }
        let (open, close) = (open.to_string(), close.to_string());
        self.take(&open);
        self.skip_blanks();
        if self.take(&close) {
            return Ok(());
        }
        loop {
            item(self)?;
            self.skip_blanks();
            if self.take(&close) {
                return Ok(());
            }
            if !self.take(",") {
                return Err("neither a comma nor a closing bracket");
            }
            self.skip_blanks();
        }
    }

    fn number(&mut self) -> Result<(), Malformed> {
        let is_digit = |byte: u8| byte.is_ascii_digit();
        self.take("-");
        let leading_zero = self.next_byte() == Some(b'0');
        let digits = self.skip_while(is_digit);
        if digits == 0 || (leading_zero && digits > 1) {
            return Err("no number, or one with a leading zero");
        }
        if self.take(".") && self.skip_while(is_digit) == 0 {
            return Err("no digit behind the point");
        }
        if self.take("e") || self.take("E") {
            if !self.take("+") {
                self.take("-");
            }
            if self.skip_while(is_digit) == 0 {
                return Err("no digit in the exponent");
            }
        }
        Ok(())
    }

    fn string(&mut self) -> Result<Text, Malformed> {
        // UTF-16, because escapes are: what they spell may be half a character.
        let mut units: Vec<u16> = Vec::new();
        self.take("\"");
        loop {
            let next = self.rest().chars().next().ok_or("no closing quote")?;
            self.at += next.len_utf8();
            match next {
                '"' => return Ok(String::from_utf16(&units).ok()),
                '\\' => units.push(self.escape()?),
                '\0'..='\u{1f}' => return Err("a control character in a string"),
                _ => units.extend_from_slice(next.encode_utf16(&mut [0; 2])),
            }
        }
    }

    fn escape(&mut self) -> Result<u16, Malformed> {
        for (escape, meaning) in [
            ("\"", '"'),
            ("\\", '\\'),
            ("/", '/'),
            ("b", '\u{8}'),
            ("f", '\u{c}'),
            ("n", '\n'),
            ("r", '\r'),
            ("t", '\t'),
        ] {
            if self.take(escape) {
                return Ok(u16::try_from(u32::from(meaning)).expect("these are ASCII"));
            }
        }
        if !self.take("u") {
            return Err("an unknown escape");
        }
        let digits = self.rest().get(..4).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let digits = digits.ok_or("no four hexadecimal digits")?;
        self.at += 4;
        Ok(u16::from_str_radix(digits, 16).expect("four hexadecimal digits"))
    }
}
