//! Reads what the nested cargo writes.

/// The library target that cargo built last, from its JSON messages: the crate of kernels, since its dependencies come
/// before it.
///
/// The search is no JSON parser, because a build script should not wait for one to compile. A crate's name is an
/// identifier, so nothing in it is escaped.
pub(crate) fn built_library(messages: &str) -> Option<&str> {
    const CDYLIB: &str = r#""crate_types":["cdylib"]"#;
    const NAME: &str = r#""name":""#;
    let message = messages.lines().rfind(|line| line.contains(CDYLIB))?;
    let after_types = &message[message.find(CDYLIB)?..];
    let name = &after_types[after_types.find(NAME)? + NAME.len()..];
    name.split('"').next()
}

/// The diagnostics without the compiler's notices that PTX versions are unstable features: they are asked for here, on
/// every build, and would stand before the error that matters.
pub(crate) fn readable(diagnostics: &str) -> String {
    const NOTICE: &str = "warning: unstable feature specified for `-Ctarget-feature`";
    let paragraphs = diagnostics.split("\n\n");
    let kept: Vec<&str> = paragraphs.filter(|paragraph| !paragraph.trim_start().starts_with(NOTICE)).collect();
    kept.join("\n\n").trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_cdylib_is_the_kernel_crate() {
        let messages = concat!(
            r#"{"reason":"compiler-artifact","target":{"kind":["lib"],"crate_types":["lib"],"name":"core"}}"#,
            "\n",
            r#"{"reason":"compiler-artifact","target":{"kind":["cdylib"],"crate_types":["cdylib"],"name":"my_kernels"}}"#,
            "\n",
            r#"{"reason":"build-finished","success":true}"#,
        );
        assert_eq!(built_library(messages), Some("my_kernels"));
        assert_eq!(built_library(r#"{"reason":"build-finished"}"#), None);
    }

    #[test]
    fn notices_about_ptx_versions_are_left_out() {
        let diagnostics = "warning: unstable feature specified for `-Ctarget-feature`: `ptx81`\n  |\n  = note: this\n\n\
                           error: expected `;`\n --> src/lib.rs:3:1\n\n\
                           error: could not compile `k`\n";
        assert_eq!(readable(diagnostics), "error: expected `;`\n --> src/lib.rs:3:1\n\nerror: could not compile `k`");
    }
}
