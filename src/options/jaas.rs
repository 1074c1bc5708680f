//! `sasl.jaas.config` of the Java client: a login module with its options.
//!
//! Kafka's client reads it with Java's `StreamTokenizer`, so what is quoted how, and what is a comment, follows from that
//! class: `/` begins a comment, alone too; a quoted text knows backslashes and ends with its line; a bare word begins
//! with a letter. karrow does the same, and refuses what it does not understand rather than guess at a password. No reason
//! that it gives says anything of what it has read.

use std::iter::Peekable;
use std::str::Chars;

/// Which of the two mechanisms with a user and a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Module {
    /// `PlainLoginModule`.
    Plain,
    /// `ScramLoginModule`.
    Scram,
}

impl Module {
    const ALL: [Module; 2] = [Module::Plain, Module::Scram];

    fn class(self) -> &'static str {
        match self {
            Module::Plain => "org.apache.kafka.common.security.plain.PlainLoginModule",
            Module::Scram => "org.apache.kafka.common.security.scram.ScramLoginModule",
        }
    }

    /// The class's name without its package.
    pub fn name(self) -> &'static str {
        match self {
            Module::Plain => "PlainLoginModule",
            Module::Scram => "ScramLoginModule",
        }
    }

    /// Whether a mechanism gets its password from this module.
    pub fn serves(self, mechanism: &str) -> bool {
        match self {
            Module::Plain => mechanism == "PLAIN",
            Module::Scram => mechanism.starts_with("SCRAM-"),
        }
    }
}

/// What a login module says.
#[derive(PartialEq, Eq)]
pub struct Login {
    /// The module.
    pub module: Module,
    /// Its option `username`.
    pub username: String,
    /// Its option `password`.
    pub password: String,
}

/// Reads the one login module that there may be; the error says what is wrong.
pub fn parse(text: &str) -> Result<Login, &'static str> {
    let mut tokens = Tokens(text.chars().peekable());
    let class = tokens.next()?.ok_or("there is no login module in it")?;
    let module = Module::ALL.into_iter().find(|module| class.is_text(module.class())).ok_or(
        "only PlainLoginModule and ScramLoginModule of org.apache.kafka.common.security can be used; set sasl.username and \
         sasl.password, or use a client certificate",
    )?;
    let flag = tokens.next()?;
    let flags = ["required", "requisite", "sufficient", "optional"];
    if !matches!(&flag, Some(Token::Text(flag)) if flags.contains(&flag.to_lowercase().as_str())) {
        return Err("the word behind the login module has to be required, requisite, sufficient or optional");
    }
    let (mut username, mut password) = (None, None);
    loop {
        let name = match tokens.next()? {
            Some(Token::Symbol(';')) => break,
            Some(Token::Text(name)) => name,
            Some(Token::Symbol(_)) => return Err(OPTION_FORM),
            None => return Err("it has to end with a semicolon"),
        };
        let (Some(Token::Symbol('=')), Some(Token::Text(value))) = (tokens.next()?, tokens.next()?) else {
            return Err(OPTION_FORM);
        };
        match name.as_str() {
            "username" => username = Some(value),
            "password" => password = Some(value),
            "tokenauth" if value.eq_ignore_ascii_case("false") => {}
            "tokenauth" => return Err("delegation tokens cannot be used; log in with a user and a password"),
            _ => return Err("a login module can have the options username and password, and no others"),
        }
    }
    if tokens.next()?.is_some() {
        return Err("behind the semicolon there has to be nothing more; only one login module can be used");
    }
    let username = username.ok_or("the login module has no option username")?;
    let password = password.ok_or("the login module has no option password")?;
    if [&username, &password].into_iter().any(|value| value.starts_with([' ', '\t', '\n', '\x0b', '\x0c', '\r'])) {
        return Err("user and password must not begin with a blank, which librdkafka would cut off");
    }
    Ok(Login { module, username, password })
}

const OPTION_FORM: &str = "an option has to be written name=\"value\"";

enum Token {
    /// A word, or what was quoted.
    Text(String),
    Symbol(char),
}

impl Token {
    fn is_text(&self, expected: &str) -> bool {
        matches!(self, Token::Text(text) if text == expected)
    }
}

struct Tokens<'a>(Peekable<Chars<'a>>);

impl Tokens<'_> {
    fn next(&mut self) -> Result<Option<Token>, &'static str> {
        while let Some(c) = self.0.next() {
            match c {
                '\0'..=' ' => {}
                '/' => self.skip_comment(),
                '"' | '\'' => return self.quoted(c).map(|text| Some(Token::Text(text))),
                c if begins_word(c) => {
                    let mut word = String::from(c);
                    while let Some(c) = self.0.next_if(|c| begins_word(*c) || matches!(*c, '0'..='9' | '.' | '-')) {
                        word.push(c);
                    }
                    return Ok(Some(Token::Text(word)));
                }
                c => return Ok(Some(Token::Symbol(c))),
            }
        }
        Ok(None)
    }

    fn skip_comment(&mut self) {
        // What stands behind a single slash is skipped unseen, be it the end of the line.
        if self.0.next() != Some('*') {
            while self.0.next().is_some_and(|c| !is_line_end(c)) {}
            return;
        }
        let mut last = ' ';
        for c in self.0.by_ref() {
            if last == '*' && c == '/' {
                return;
            }
            last = c;
        }
    }

    fn quoted(&mut self, quote: char) -> Result<String, &'static str> {
        let mut text = String::new();
        loop {
            match self.0.next() {
                Some(c) if c == quote => return Ok(text),
                Some('\\') => text.extend(self.escaped()),
                Some(c) if !is_line_end(c) => text.push(c),
                _ => return Err("a quote is not closed on its line"),
            }
        }
    }

    /// What a backslash and the characters behind it stand for; `None` at the end of the text.
    fn escaped(&mut self) -> Option<char> {
        let c = self.0.next()?;
        Some(match c {
            'a' => '\x07',
            'b' => '\x08',
            'f' => '\x0c',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'v' => '\x0b',
            '0'..='7' => {
                // Up to three octal digits that fit a byte.
                let more = if c <= '3' { 2 } else { 1 };
                let mut code = c.to_digit(8)?;
                for _ in 0..more {
                    match self.0.next_if(|c| c.is_digit(8)).and_then(|c| c.to_digit(8)) {
                        Some(digit) => code = code * 8 + digit,
                        None => break,
                    }
                }
                char::from_u32(code)?
            }
            c => c,
        })
    }
}

fn begins_word(c: char) -> bool {
    c.is_ascii_alphabetic() || matches!(c, '_' | '$') || c >= '\u{a0}'
}

fn is_line_end(c: char) -> bool {
    matches!(c, '\n' | '\r')
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: &str = "org.apache.kafka.common.security.plain.PlainLoginModule";
    const SCRAM: &str = "org.apache.kafka.common.security.scram.ScramLoginModule";

    fn login(options: &str) -> (String, String) {
        let login = parse(&format!("{PLAIN} required {options};")).unwrap_or_else(|why| panic!("{options}: {why}"));
        (login.username, login.password)
    }

    #[test]
    fn both_modules_are_read() {
        for (class, module) in [(PLAIN, Module::Plain), (SCRAM, Module::Scram)] {
            let login = parse(&format!("\n {class} REQUIRED\n  username=\"alice\"\n  password=\"secret\" ; \n"));
            let expected = Login { module, username: "alice".to_owned(), password: "secret".to_owned() };
            assert!(login == Ok(expected));
        }
    }

    #[test]
    fn quoting_is_javas() {
        for (written, password) in [
            (r#""a \"b\" \\ c""#, "a \"b\" \\ c"),
            (r#"'it"s'"#, "it\"s"),
            (r#""a;b=c//d/*e*/""#, "a;b=c//d/*e*/"),
            (r#""\141\60\477\0""#, "a0'7\0"),
            (r#""\x\t\v""#, "x\t\u{b}"),
            ("bare-word_1.$x", "bare-word_1.$x"),
            ("\"a\"/* and */", "a"),
            ("\"a\" / and = \"this\"\n", "a"),
            ("\"a\" /\nand = \"this\"\n", "a"),
            ("\"old\" password=\"new\"", "new"),
            ("\"größe 😀\"", "größe 😀"),
            ("größe", "größe"),
            ("\"\"", ""),
        ] {
            let (username, found) = login(&format!("username=u password={written}"));
            assert_eq!((username.as_str(), found.as_str()), ("u", password), "{written}");
        }
        assert_eq!(login("password = \"p\" // note\n username\n=\n\"u\" tokenauth=false"), ("u".into(), "p".into()));
    }

    #[test]
    fn everything_else_is_refused_without_a_word_of_it() {
        let good = "username=\"u\" password=\"hunter2\"";
        for (text, why) in [
            ("".to_owned(), "there is no login module in it"),
            ("/ hunter2".to_owned(), "there is no login module in it"),
            (format!("hunter2 required {good};"), "only PlainLoginModule and ScramLoginModule"),
            ("com.sun.security.auth.module.Krb5LoginModule required;".to_owned(), "only PlainLoginModule and Scram"),
            (format!("{PLAIN} {good};"), "the word behind the login module"),
            (format!("{PLAIN} hunter2 {good};"), "the word behind the login module"),
            (format!("{PLAIN} required {good}"), "it has to end with a semicolon"),
            (format!("{PLAIN} required {good}; {PLAIN} required {good};"), "behind the semicolon"),
            (format!("{PLAIN} required username=\"u\" password hunter2;"), "an option has to be written"),
            (format!("{PLAIN} required username=\"u\" password=2hunter2;"), "an option has to be written"),
            (format!("{PLAIN} required username=\"u\" password=;"), "an option has to be written"),
            (format!("{PLAIN} required {good}, x;"), "an option has to be written"),
            (format!("{PLAIN} required username=\"u\" password=\"hunter2;"), "a quote is not closed"),
            (format!("{PLAIN} required username=\"u\" password=\"hunter2\n\";"), "a quote is not closed"),
            (format!("{PLAIN} required username=\"u\" password=\"hunter2\\"), "a quote is not closed"),
            (format!("{PLAIN} required {good} hunter2=\"hunter2\";"), "a login module can have the options"),
            (format!("{SCRAM} required {good} tokenauth=\"true\";"), "delegation tokens cannot be used"),
            (format!("{PLAIN} required password=\"hunter2\";"), "the login module has no option username"),
            (format!("{PLAIN} required username=\"hunter2\";"), "the login module has no option password"),
            (format!("{PLAIN} required username=\"u\" password=\" hunter2\";"), "user and password must not begin"),
        ] {
            let found = parse(&text).err().unwrap_or_else(|| panic!("{text} is taken"));
            assert!(found.starts_with(why), "{text}: {found}");
            assert!(!found.contains("hunter2"), "{found}");
        }
    }
}
