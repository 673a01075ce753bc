//! A kernel's signature, read token by token.

use std::iter::Peekable;

use proc_macro::{Delimiter, Group, Ident, Span, TokenStream, TokenTree, token_stream};

use crate::refusal::Refusal;

/// A function that may be a kernel.
pub struct Signature {
    /// Attributes and visibility.
    prefix: TokenStream,
    name: Ident,
    parameters: Group,
    body: Group,
}

type Tokens = Peekable<token_stream::IntoIter>;

impl Signature {
    /// Reads a function; refuses what cannot be a kernel.
    pub fn read(function: TokenStream) -> Result<Self, Refusal> {
        let mut tokens = function.into_iter().peekable();
        let prefix = read_prefix(&mut tokens);
        let is_unsafe = read_qualifiers(&mut tokens)?;
        let name = match tokens.next() {
            Some(TokenTree::Ident(name)) => name,
            other => return Err(unexpected(other, "a function's name")),
        };
        if !is_unsafe {
            return Err(Refusal::new(
                name.span(),
                format!("a kernel is `unsafe`, because nothing checks what a launch passes: write `unsafe fn {name}`"),
            ));
        }
        let parameters = match tokens.next() {
            Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Parenthesis => group,
            Some(TokenTree::Punct(punct)) if punct.as_char() == '<' => {
                return Err(Refusal::new(
                    punct.span(),
                    "a kernel is not generic, because an entry point is one function: \
                     write one kernel per instance, each calling a generic function",
                ));
            }
            other => return Err(unexpected(other, "the kernel's parameters")),
        };
        check_parameters(&parameters)?;
        let body = match tokens.next() {
            Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => group,
            Some(TokenTree::Punct(punct)) if punct.as_char() == '-' => {
                let at = tokens.nth(1).map_or(punct.span(), |result| result.span());
                return Err(Refusal::new(
                    at,
                    "a kernel gives no value, because it has no caller to give it to: write it through a pointer",
                ));
            }
            other => return Err(unexpected(other, "the kernel's body")),
        };
        Ok(Self { prefix, name, parameters, body })
    }

    /// The function as an entry point on the GPU, and as it is elsewhere.
    pub fn into_kernel(self) -> TokenStream {
        let on_gpu = "#[cfg(target_arch = \"nvptx64\")] #[unsafe(no_mangle)]";
        let elsewhere = "#[cfg(not(target_arch = \"nvptx64\"))]";
        [self.function(on_gpu, "unsafe extern \"ptx-kernel\" fn"), self.function(elsewhere, "unsafe fn")]
            .into_iter()
            .collect()
    }

    fn function(&self, attributes: &str, keywords: &str) -> TokenStream {
        let parse = |source: &str| -> TokenStream { source.parse().expect("the macro's own tokens are valid Rust") };
        let name = TokenTree::from(self.name.clone());
        let parameters = TokenTree::from(self.parameters.clone());
        let body = TokenTree::from(self.body.clone());
        [parse(attributes), self.prefix.clone(), parse(keywords), [name, parameters, body].into_iter().collect()]
            .into_iter()
            .collect()
    }
}

/// Attributes and visibility: `#`, `pub`, and what stands in brackets after either.
fn read_prefix(tokens: &mut Tokens) -> TokenStream {
    let in_prefix = |token: &TokenTree| match token {
        TokenTree::Punct(punct) => punct.as_char() == '#',
        TokenTree::Ident(ident) => ident.to_string() == "pub",
        TokenTree::Group(_) => true,
        TokenTree::Literal(_) => false,
    };
    std::iter::from_fn(|| tokens.next_if(in_prefix)).collect()
}

/// Reads everything up to and including `fn`. Returns whether `unsafe` is there.
fn read_qualifiers(tokens: &mut Tokens) -> Result<bool, Refusal> {
    let mut is_unsafe = false;
    loop {
        match tokens.next() {
            Some(TokenTree::Ident(keyword)) => match keyword.to_string().as_str() {
                "fn" => return Ok(is_unsafe),
                "unsafe" => is_unsafe = true,
                "extern" => {
                    return Err(Refusal::new(
                        keyword.span(),
                        "a kernel's ABI is #[kernel]'s to choose: leave `extern` out",
                    ));
                }
                other => {
                    return Err(Refusal::new(keyword.span(), format!("a kernel is not `{other}`: write `unsafe fn`")));
                }
            },
            other => return Err(unexpected(other, "a function")),
        }
    }
}

fn check_parameters(parameters: &Group) -> Result<(), Refusal> {
    for token in parameters.stream() {
        if let TokenTree::Ident(ident) = token {
            match ident.to_string().as_str() {
                "self" => {
                    return Err(Refusal::new(
                        ident.span(),
                        "a kernel takes no `self`, because a launch has no value to call it on: \
                         write a free function",
                    ));
                }
                "impl" => {
                    return Err(Refusal::new(
                        ident.span(),
                        "a kernel is not generic, because an entry point is one function: name the parameter's type",
                    ));
                }
                _ => {}
            }
        }
    }
    Ok(())
}

fn unexpected(found: Option<TokenTree>, expected: &str) -> Refusal {
    match found {
        Some(token) => Refusal::new(token.span(), format!("#[kernel] expected {expected} here, and found `{token}`")),
        None => Refusal::new(
            Span::call_site(),
            format!("#[kernel] expected {expected}: put it on an `unsafe fn` with a body"),
        ),
    }
}
