//! What a source file uses: rooms of its own crate, outside crates, `unsafe`, and the modules it declares.
//!
//! Read from tokens, so that comments and strings do not count and the insides of macros do. Names brought in by a glob
//! or a macro of ours are not followed: whoever brought them in was checked.

use std::{collections::BTreeSet, str::FromStr as _};

use proc_macro2::{Delimiter, LexError, TokenStream, TokenTree};

/// One thing a file uses, and the line it does it on.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Use {
    pub(super) line: usize,
    pub(super) what: What,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum What {
    /// A module directly below the crate's root; `*` for all of them.
    Room(String),
    Crate(String),
    Unsafe,
    /// A module declared here, with or without a body.
    Module(String),
}

/// What `source` uses. `module` is its own path in the crate; `crates` are the names that mean outside crates, and
/// `library` the one that means our own from a binary.
pub(super) fn uses(
    source: &str,
    module: &[String],
    crates: &BTreeSet<String>,
    library: &str,
) -> Result<Vec<Use>, LexError> {
    let mut reader = Reader { crates, library, test: false, uses: Vec::new() };
    reader.read(TokenStream::from_str(source)?, module);
    Ok(reader.uses)
}

struct Reader<'a> {
    crates: &'a BTreeSet<String>,
    library: &'a str,
    /// Inside `#[cfg(test)] mod …`: tests may use other crates than what they test.
    test: bool,
    uses: Vec<Use>,
}

impl Reader<'_> {
    fn read(&mut self, stream: TokenStream, module: &[String]) {
        let tokens: Vec<TokenTree> = stream.into_iter().collect();
        let mut cfg_test = false;
        let mut at = 0;
        while let Some(token) = tokens.get(at) {
            at += 1;
            match token {
                TokenTree::Group(group) => {
                    cfg_test |= group.stream().to_string() == "cfg (test)" && is_attribute(&tokens, at - 1);
                    self.read(group.stream(), module);
                }
                TokenTree::Ident(name) if name == "mod" => {
                    at = self.module(&tokens, at, module, &mut cfg_test);
                }
                TokenTree::Ident(name) if name == "unsafe" => {
                    // `#[unsafe(no_mangle)]` is an attribute's word, but asks for the same care.
                    self.record(&tokens[at - 1], What::Unsafe);
                }
                TokenTree::Ident(_) if !is_continued(&tokens, at - 1) => {
                    at = self.path(&tokens, at - 1, module);
                }
                TokenTree::Punct(end) if end.as_char() == ';' => cfg_test = false,
                _ => {}
            }
        }
    }

    /// `mod name;` or `mod name { … }`, whose body is one module deeper. Returns where reading goes on.
    fn module(&mut self, tokens: &[TokenTree], at: usize, module: &[String], cfg_test: &mut bool) -> usize {
        let Some(name @ TokenTree::Ident(ident)) = tokens.get(at) else { return at };
        self.record(name, What::Module(ident.to_string()));
        let Some(TokenTree::Group(body)) = tokens.get(at + 1) else { return at + 1 };
        let before = self.test;
        self.test |= std::mem::take(cfg_test);
        let inner: Vec<String> = module.iter().cloned().chain([ident.to_string()]).collect();
        self.read(body.stream(), &inner);
        self.test = before;
        at + 2
    }

    /// A path that begins at `at`. Returns where reading goes on.
    fn path(&mut self, tokens: &[TokenTree], at: usize, module: &[String]) -> usize {
        let TokenTree::Ident(head) = &tokens[at] else { return at + 1 };
        let head = head.to_string();
        let qualified = is_separator(tokens, at + 1);
        match head.as_str() {
            "crate" if qualified => self.below(tokens, at + 3, &[]),
            "self" if qualified => self.below(tokens, at + 3, module),
            "super" if qualified => self.below(tokens, at + 3, parent(module)),
            _ if head == self.library && qualified => self.below(tokens, at + 3, &[]),
            _ if self.crates.contains(&head) && (qualified || is_imported(tokens, at)) => {
                self.record(&tokens[at], What::Crate(head));
                at + 1
            }
            _ => at + 1,
        }
    }

    /// What follows `prefix::`, until the room is known.
    fn below(&mut self, tokens: &[TokenTree], at: usize, prefix: &[String]) -> usize {
        match tokens.get(at) {
            Some(TokenTree::Ident(name)) if name == "super" && is_separator(tokens, at + 1) => {
                return self.below(tokens, at + 3, parent(prefix));
            }
            Some(token @ TokenTree::Ident(name)) => {
                let room = prefix.first().cloned().unwrap_or_else(|| name.to_string());
                self.record(token, What::Room(room));
            }
            Some(token @ TokenTree::Punct(star)) if star.as_char() == '*' => {
                let room = prefix.first().cloned().unwrap_or_else(|| "*".to_owned());
                self.record(token, What::Room(room));
            }
            Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => {
                let inner: Vec<TokenTree> = group.stream().into_iter().collect();
                for element in
                    inner.split(|token| matches!(token, TokenTree::Punct(comma) if comma.as_char() == ','))
                {
                    self.below(element, 0, prefix);
                }
            }
            _ => {}
        }
        at + 1
    }

    fn record(&mut self, token: &TokenTree, what: What) {
        if !(self.test && matches!(what, What::Crate(_) | What::Unsafe)) {
            self.uses.push(Use { line: token.span().start().line, what });
        }
    }
}

fn parent(module: &[String]) -> &[String] {
    module.split_last().map_or(&[], |(_, parent)| parent)
}

fn is_separator(tokens: &[TokenTree], at: usize) -> bool {
    is_punct(tokens.get(at), ':') && is_punct(tokens.get(at + 1), ':')
}

fn is_punct(token: Option<&TokenTree>, wanted: char) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == wanted)
}

/// Whether the identifier goes on from what is before it: `a::HERE`, `a.HERE`; but not `use ::HERE`.
fn is_continued(tokens: &[TokenTree], at: usize) -> bool {
    let before = |back: usize| at.checked_sub(back).and_then(|at| tokens.get(at));
    if is_punct(before(1), '.') && !is_punct(before(2), '.') {
        return true;
    }
    let separated = is_punct(before(1), ':') && is_punct(before(2), ':');
    let absolute = match before(3) {
        Some(TokenTree::Ident(word)) => word == "use" || word == "in" || word == "return",
        Some(TokenTree::Punct(punct)) => punct.as_char() != '>',
        Some(TokenTree::Group(_) | TokenTree::Literal(_)) | None => true,
    };
    separated && !absolute
}

/// `use name;`, `use name as other;`, `extern crate name;`.
fn is_imported(tokens: &[TokenTree], at: usize) -> bool {
    let word = at.checked_sub(1).and_then(|at| tokens.get(at));
    matches!(word, Some(TokenTree::Ident(word)) if word == "use" || word == "crate")
}

fn is_attribute(tokens: &[TokenTree], at: usize) -> bool {
    at.checked_sub(1).is_some_and(|at| is_punct(tokens.get(at), '#'))
}
