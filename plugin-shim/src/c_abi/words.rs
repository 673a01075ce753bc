//! The header's constants: their numbers, and their names for messages.

use std::fmt::Write;

use tensorrt_scatter::{Reduce, ScalarType};

use crate::operators::Declaration;

/// The number of a type in `trts_type`.
pub(super) const fn type_number(scalar: ScalarType) -> i32 {
    match scalar {
        ScalarType::F32 => 1,
        ScalarType::F16 => 2,
        ScalarType::BF16 => 3,
        ScalarType::F64 => 4,
        ScalarType::I32 => 5,
        ScalarType::I64 => 6,
    }
}

/// The name of a type in `trts_type`.
pub(super) fn type_constant(scalar: ScalarType) -> String {
    constant(&scalar.to_string())
}

/// The number of a reduction in `trts_reduce`.
pub(super) const fn reduce_number(reduce: Reduce) -> i32 {
    match reduce {
        Reduce::Sum => 0,
        Reduce::Mul => 1,
        Reduce::Mean => 2,
        Reduce::Min => 3,
        Reduce::Max => 4,
    }
}

/// The name of a reduction in `trts_reduce`.
pub(super) fn reduce_constant(reduce: Reduce) -> String {
    constant(reduce.name())
}

/// The name of an operator in `trts_operator`.
pub(super) fn operator_constant(declaration: &Declaration) -> String {
    constant(declaration.name)
}

fn constant(name: &str) -> String {
    format!("TRTS_{}", name.to_uppercase())
}

/// The items of a list, the last one after "or".
pub(super) fn alternatives(items: impl IntoIterator<Item = String>) -> String {
    let items: Vec<_> = items.into_iter().collect();
    let mut text = String::new();
    for (at, item) in items.iter().enumerate() {
        let separator = if at == 0 {
            ""
        } else if at + 1 == items.len() {
            " or "
        } else {
            ", "
        };
        let _ = write!(text, "{separator}{item}");
    }
    text
}

/// Constants with their numbers: "TRTS_SUM (0), TRTS_MUL (1) or TRTS_MEAN (2)".
pub(super) fn numbered(constants: impl IntoIterator<Item = (String, i32)>) -> String {
    alternatives(constants.into_iter().map(|(name, number)| format!("{name} ({number})")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operators::{Content, OPERATORS, Role};

    const HEADER: &str = include_str!("../../include/tensorrt_scatter.h");

    /// The header without comments and line ends.
    fn header() -> String {
        let mut code = String::new();
        for part in HEADER.split("/*") {
            code.push_str(part.split_once("*/").map_or(part, |(_, behind)| behind));
        }
        code.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// The constants of an enum that follows a typedef of that name.
    fn constants(of: &str) -> Vec<(String, i32)> {
        let header = header();
        let (_, behind) = header.split_once(&format!("typedef int32_t {of}; enum {{")).unwrap();
        let (list, _) = behind.split_once('}').unwrap();
        let constant = |item: &str| {
            let (name, number) = item.split_once('=').unwrap();
            (name.trim().to_owned(), number.trim().parse().unwrap())
        };
        list.split(',').map(constant).collect()
    }

    #[test]
    fn the_headers_constants_are_those_here() {
        let types = ScalarType::ALL.map(|scalar| (type_constant(scalar), type_number(scalar)));
        assert_eq!(constants("trts_type"), types);
        let reductions = Reduce::ALL.map(|reduce| (reduce_constant(reduce), reduce_number(reduce)));
        assert_eq!(constants("trts_reduce"), reductions);
        let operators: Vec<_> = OPERATORS.iter().map(operator_constant).zip(0..).collect();
        assert_eq!(constants("trts_operator"), operators);
    }

    #[test]
    fn the_headers_functions_take_what_the_declarations_say() {
        for declaration in &OPERATORS {
            // A destination is out itself.
            let inputs = declaration.inputs.iter().filter(|input| input.role != Role::Destination);
            let inputs = inputs.map(|input| format!("const trts_tensor *{}", input.name));
            let outputs = declaration.outputs.iter().map(|output| format!("const trts_tensor *{}", output.name));
            let mut parameters: Vec<_> = inputs.collect();
            parameters.push("const trts_options *options".to_owned());
            parameters.extend(outputs);
            parameters.push("const trts_target *target".to_owned());
            let function = format!("trts_status {}({});", declaration.function(), parameters.join(", "));
            assert!(header().contains(&function), "{function}");
        }
    }

    #[test]
    fn outputs_begin_with_values() {
        for declaration in &OPERATORS {
            assert_eq!(declaration.outputs[0].content, Content::Values, "{}", declaration.name);
        }
    }
}
