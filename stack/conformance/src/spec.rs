//! The documents, as they are when this is built, and the sentence that each number stands for.

/// Number of the document, title, text. 06 and 07 are other services, with tests of their own.
pub(crate) const DOCUMENTS: [(&str, &str, &str); 6] = [
    ("T", "00 Terms", include_str!("../../../spec/00-terms.md")),
    ("D", "01 Discovery", include_str!("../../../spec/01-discovery.md")),
    ("L", "02 Links", include_str!("../../../spec/02-links.md")),
    ("P", "03 Matching", include_str!("../../../spec/03-matching.md")),
    ("M", "04 Membership", include_str!("../../../spec/04-membership.md")),
    ("C", "05 Clients", include_str!("../../../spec/05-client.md")),
];

/// The title of the document that a number is in.
pub(crate) fn title(number: &str) -> &'static str {
    let letter = number.split('-').next().unwrap_or_default();
    DOCUMENTS.iter().find(|(known, ..)| *known == letter).map_or("other", |(_, title, _)| title)
}

/// The requirements of a document: each number with the place where its text begins.
fn places(letter: &'static str, text: &'static str) -> impl Iterator<Item = (String, usize)> {
    let mark = format!("`[{letter}-");
    let mut from = 0;
    std::iter::from_fn(move || {
        loop {
            let start = from + text.get(from..)?.find(&mark)?;
            let digits = text.get(start + mark.len()..)?;
            let (number, _) = digits.split_once("]`")?;
            from = start + mark.len();
            if !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()) {
                let name = format!("{letter}-{number}");
                let end = start + mark.len() + number.len() + 2;
                from = end;
                return Some((name, end));
            }
        }
    })
}

/// All numbers of the documents, in their order.
pub(crate) fn numbers() -> Vec<String> {
    let all = DOCUMENTS.iter().flat_map(|(letter, _, text)| places(letter, text));
    // "for example `[L-12]`" of document 00 has another letter than the document, so it is not among them.
    all.map(|(number, _)| number).collect()
}

/// The sentence that a number stands for, without line ends.
pub(crate) fn sentence(number: &str) -> Option<String> {
    let letter = number.split('-').next()?;
    let (letter, _, text) = DOCUMENTS.iter().find(|(known, ..)| *known == letter)?;
    let (_, at) = places(letter, text).find(|(known, _)| known == number)?;
    let rest = text.get(at..)?;
    let mut block = String::new();
    for (count, line) in rest.lines().enumerate() {
        let begins = line.trim_start();
        let over = begins.is_empty()
            || begins.starts_with("- ")
            || begins.starts_with("```")
            || begins.starts_with(['|', '#']);
        if count > 0 && over {
            break;
        }
        block.push(' ');
        block.push_str(line.trim());
    }
    let block = block.split(" `[").next()?.trim();
    // Up to the end of the first sentence that says MUST.
    let must = block.find("MUST").unwrap_or(0);
    let end = block.get(must..)?.match_indices(". ").map(|(at, _)| must + at + 1).next().unwrap_or(block.len());
    Some(block.get(..end)?.to_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_number_stands_once_and_has_a_sentence_with_must() {
        let numbers = numbers();
        assert!(numbers.len() > 190, "{}", numbers.len());
        let distinct: BTreeSet<_> = numbers.iter().collect();
        assert_eq!(distinct.len(), numbers.len(), "a number stands twice");
        for number in &numbers {
            let sentence = sentence(number).unwrap();
            assert!(sentence.contains("MUST"), "{number}: {sentence}");
            assert!(sentence.len() < 700 && !sentence.contains('\n'), "{number}: {sentence}");
        }
    }

    #[test]
    fn sentences_are_those_of_the_documents() {
        assert_eq!(sentence("L-35").unwrap(), "Hello MUST be sent exactly once.");
        assert_eq!(sentence("L-12").unwrap(), "I MUST NOT send a server name.");
        assert_eq!(sentence("P-4").unwrap(), "A receiver MUST close the link with `BadElement` (8) otherwise.");
        assert_eq!(sentence("L-999"), None);
    }
}
