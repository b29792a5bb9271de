//! What a person types, as a query of the index.

/// Every word must be there, words between quotation marks one behind the other. The last word may be the beginning of
/// one, unless a space follows. `None`: nothing to look for.
pub(super) fn fts(typed: &str) -> Option<String> {
    let mut terms: Vec<String> = Vec::new();
    let mut quoted = false;
    let open_end = !typed.ends_with(|last: char| last.is_whitespace() || last == '"');
    for part in typed.split('"') {
        if quoted {
            terms.extend(term(part));
        } else {
            terms.extend(part.split_whitespace().filter_map(term));
        }
        quoted = !quoted;
    }
    let last = terms.last_mut()?;
    if open_end {
        last.push('*');
    }
    Some(terms.join(" "))
}

/// A phrase of the query language; `None` where there is nothing the index has words of.
fn term(words: &str) -> Option<String> {
    words.chars().any(char::is_alphanumeric).then(|| format!("\"{}\"", words.replace('\0', " ")))
}

#[cfg(test)]
mod tests {
    use super::fts;

    #[test]
    fn what_people_type_is_a_query() {
        for (typed, query) in [
            ("best", Some("\"best\"*")),
            ("best ", Some("\"best\"")),
            ("best of", Some("\"best\" \"of\"*")),
            ("\"best of times\" age", Some("\"best of times\" \"age\"*")),
            ("\"best of times\"", Some("\"best of times\"")),
            ("\"best of", Some("\"best of\"*")),
            ("don't - stop", Some("\"don't\" \"stop\"*")),
            ("AND OR NOT NEAR(a* text:b ^c", Some("\"AND\" \"OR\" \"NOT\" \"NEAR(a*\" \"text:b\" \"^c\"*")),
            ("", None),
            (" ?! \" ", None),
        ] {
            assert_eq!(fts(typed).as_deref(), query, "{typed}");
        }
    }
}
