//! The documents of users name what the declarations have.

use std::{fs, path::Path};

use super::{Declaration, OPERATORS, declaration::ValueTypes};
use crate::tensor::DataType;
use tensorrt_scatter::{Reduce, ScalarType};

fn read(file: &str) -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(file);
    fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// The page of an operator's plugin.
fn page(declaration: &Declaration) -> (String, String) {
    let file = format!("docs/plugins/{}.md", declaration.plugin.to_str().unwrap());
    let text = read(&file);
    (file, text)
}

/// The row of a table that begins with this cell.
fn row<'a>(file: &str, text: &'a str, cell: &str) -> &'a str {
    let start = format!("| {cell} |");
    text.lines().find(|line| line.starts_with(&start)).unwrap_or_else(|| panic!("{file}: there is no row \"{start}\""))
}

/// The items of a list, the last one after a word.
fn listed(items: &[String], word: &str) -> String {
    let (last, others) = items.split_last().unwrap();
    format!("{} {word} {last}", others.join(", "))
}

#[test]
fn every_reduction_is_in_the_documents_of_its_operators() {
    let readme = read("README.md");
    for declaration in &OPERATORS {
        let Some(operator) = declaration.reductions else { continue };
        let names: Vec<_> = operator.reductions().map(Reduce::name).collect();
        let cell = format!("`{}`", declaration.name);
        let row_of_readme = row("README.md", &readme, &cell);
        let expected = format!("| {} |", names.join(", "));
        assert!(row_of_readme.contains(&expected), "README.md: expected \"{expected}\" in {row_of_readme}");
        let (file, text) = page(declaration);
        // "add" is torch_scatter's second name of the sum.
        let quoted: Vec<_> = names.iter().map(|name| format!("\"{name}\"")).collect();
        let expected = listed(&quoted, "or").replace("\"sum\",", "\"sum\", \"add\" (the same),");
        let row_of_page = row(&file, &text, "`reduce`");
        assert!(row_of_page.contains(&expected), "{file}: expected {expected} in {row_of_page}");
    }
}

#[test]
fn every_type_is_in_the_documents() {
    let types = listed(&ScalarType::ALL.map(|scalar| scalar.to_string()), "and");
    assert!(read("README.md").contains(&types), "README.md: expected \"{types}\"");
    let names = |types: &[DataType]| types.iter().map(|of| of.text_name()).collect::<Vec<_>>();
    let overview = read("docs/plugins/README.md");
    let row_of_values = row("docs/plugins/README.md", &overview, "`src`; `base` and `out` have the same");
    for name in names(DataType::VALUES) {
        assert!(row_of_values.contains(&name), "docs/plugins/README.md: expected {name} in {row_of_values}");
    }
    let compatibility = read("docs/COMPATIBILITY.md");
    let row_of_values = row("COMPATIBILITY.md", &compatibility, "types of values");
    for name in names(DataType::VALUES) {
        assert!(row_of_values.contains(&name), "COMPATIBILITY.md: expected {name} in {row_of_values}");
    }
    let floats = listed(&names(DataType::FLOATS), "or");
    for declaration in OPERATORS.iter().filter(|declaration| declaration.value_types() == Some(ValueTypes::Floats)) {
        let (file, text) = page(declaration);
        assert!(row(&file, &text, "`src`").contains(&floats), "{file}: expected {floats}");
    }
}

#[test]
fn every_operator_is_in_the_documents() {
    for file in ["README.md", "docs/ARCHITECTURE.md"] {
        let text = read(file);
        for declaration in &OPERATORS {
            assert!(text.contains(declaration.name), "{file} does not name {}", declaration.name);
        }
    }
    let overview = read("docs/plugins/README.md");
    for declaration in &OPERATORS {
        let plugin = declaration.plugin.to_str().unwrap();
        row("docs/plugins/README.md", &overview, &format!("[{plugin}]({plugin}.md)"));
    }
}
