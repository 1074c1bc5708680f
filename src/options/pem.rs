//! PEM as Java reads it, made into PEM as OpenSSL reads it.
//!
//! A value in a properties file is one line: its author either writes `\n` or lets lines run together with blanks between
//! them. Java's client takes both, OpenSSL wants a line break behind each boundary, and lines that are not too long.

const BEGIN: &str = "-----BEGIN ";
const DASHES: &str = "-----";
const LINE_LETTERS: usize = 64;

/// The blocks of a text, with line breaks; `None` if there is none, or one that is no PEM.
pub fn unfold(text: &str) -> Option<String> {
    let mut lines = String::with_capacity(text.len() + 64);
    let mut rest = text;
    while let Some((_, block)) = rest.split_once(BEGIN) {
        let (label, block) = block.split_once(DASHES)?;
        let end = format!("-----END {label}-----");
        let (body, behind) = block.split_once(&end)?;
        let letters: String = body.split_ascii_whitespace().collect();
        if letters.is_empty() || !letters.bytes().all(|b| b.is_ascii_alphanumeric() || b"+/=".contains(&b)) {
            return None;
        }
        lines.push_str(&format!("{BEGIN}{label}{DASHES}\n"));
        for (number, letter) in letters.chars().enumerate() {
            if number > 0 && number % LINE_LETTERS == 0 {
                lines.push('\n');
            }
            lines.push(letter);
        }
        lines.push_str(&format!("\n{end}\n"));
        rest = behind;
    }
    Some(lines).filter(|lines| !lines.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_ran_together_are_parted_again() {
        let long = "A".repeat(70);
        let folded =
            format!("-----BEGIN X Y----- {long} BB== -----END X Y-----  -----BEGIN Z-----\nCC\n-----END Z-----");
        let first = "A".repeat(64);
        let unfolded = format!(
            "-----BEGIN X Y-----\n{first}\nAAAAAABB==\n-----END X Y-----\n-----BEGIN Z-----\nCC\n-----END Z-----\n"
        );
        assert_eq!(unfold(&folded).as_deref(), Some(&*unfolded));
        assert_eq!(unfold(&unfolded), Some(unfolded));
    }

    #[test]
    fn what_is_no_pem_is_refused() {
        for text in [
            "",
            "AAAA",
            "-----BEGIN X-----",
            "-----BEGIN X-----AA-----END Y-----",
            "-----BEGIN X----------END X-----",
            "-----BEGIN X-----Proc-Type: 4,ENCRYPTED AA-----END X-----",
        ] {
            assert_eq!(unfold(text), None, "{text}");
        }
    }
}
