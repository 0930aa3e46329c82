//! Reading token streams: every token at any depth, and the attributes that a file opens with.

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};

/// Calls `visit` with each run of sibling tokens, the outermost first.
///
/// A run is the whole file or the inside of one pair of brackets, so that a visitor can look at
/// what follows a token.
pub(crate) fn each_run(tokens: &TokenStream, visit: &mut impl FnMut(&[TokenTree])) {
    let run: Vec<TokenTree> = tokens.clone().into_iter().collect();
    visit(&run);
    for token in &run {
        if let TokenTree::Group(group) = token {
            each_run(&group.stream(), visit);
        }
    }
}

/// The line of each identifier `word`, keywords included, at any depth.
pub(crate) fn lines_of_word(tokens: &TokenStream, word: &str) -> Vec<usize> {
    let mut lines = Vec::new();
    each_run(tokens, &mut |run| {
        lines.extend(
            run.iter()
                .filter(|token| matches!(token, TokenTree::Ident(ident) if ident == word))
                .map(line),
        );
    });
    lines.sort_unstable();
    lines
}

/// The contents of the attributes `#![…]` that a file opens with, docs included.
pub(crate) fn opening_attributes(tokens: &TokenStream) -> Vec<TokenStream> {
    let mut attributes = Vec::new();
    let mut rest = tokens.clone().into_iter();
    while let (Some(hash), Some(bang), Some(TokenTree::Group(group))) =
        (rest.next(), rest.next(), rest.next())
    {
        if !is_punct(&hash, '#') || !is_punct(&bang, '!') || !is_bracket(&group) {
            break;
        }
        attributes.push(group.stream());
    }
    attributes
}

/// The line that a token starts on, counted from 1.
pub(crate) fn line(token: &TokenTree) -> usize {
    token.span().start().line
}

/// Whether a token is this one character.
pub(crate) fn is_punct(token: &TokenTree, character: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == character)
}

fn is_bracket(group: &Group) -> bool {
    group.delimiter() == Delimiter::Bracket
}
