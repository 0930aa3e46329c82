//! What may have been meant by a word that is not known.

use strsim::damerau_levenshtein;

/// A question to append to an error, or nothing.
pub(super) fn did_you_mean<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    /// Longer words are not typing errors, and would take long to compare.
    const LONGEST: usize = 64;
    if word.len() > LONGEST {
        return String::new();
    }
    let distances = known.into_iter().map(|each| (damerau_levenshtein(word, each), each));
    let nearest = distances.min().filter(|(distance, each)| {
        *distance <= each.chars().count().max(word.chars().count()).div_ceil(3)
    });
    nearest.map(|(_, each)| format!("; did you mean '{each}'?")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_near_is_offered() {
        let known = ["memory", "rate", "burst"];
        assert_eq!(did_you_mean("memroy", known), "; did you mean 'memory'?");
        assert_eq!(did_you_mean("temperature", known), "");
        assert_eq!(did_you_mean(&"m".repeat(1000), known), "");
    }
}
