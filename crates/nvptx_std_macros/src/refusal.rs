//! Why a function cannot be a kernel.

use proc_macro::{Delimiter, Group, Ident, Literal, Punct, Spacing, Span, TokenStream, TokenTree};

/// The compile error to report.
pub struct Refusal {
    at: Span,
    message: String,
}

impl Refusal {
    pub fn new(at: Span, message: impl Into<String>) -> Self {
        Self { at, message: message.into() }
    }

    /// `::core::compile_error! { "message" }`, every token of it at the place refused.
    pub fn into_compile_error(self) -> TokenStream {
        let message = TokenTree::from(Literal::string(&self.message));
        let joint = |punct| TokenTree::from(Punct::new(punct, Spacing::Joint));
        let alone = |punct| TokenTree::from(Punct::new(punct, Spacing::Alone));
        let name = |name| TokenTree::from(Ident::new(name, self.at));
        let argument = Group::new(Delimiter::Brace, [message].map(|token| self.located(token)).into_iter().collect());
        [
            joint(':'),
            alone(':'),
            name("core"),
            joint(':'),
            alone(':'),
            name("compile_error"),
            alone('!'),
            argument.into(),
        ]
        .map(|token| self.located(token))
        .into_iter()
        .collect()
    }

    fn located(&self, mut token: TokenTree) -> TokenTree {
        token.set_span(self.at);
        token
    }
}
