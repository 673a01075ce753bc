//! The header's constants: their numbers, and their names for messages.

use std::fmt::Write;

use tensorrt_scatter::{Combine, Reduce, ScalarType};

use crate::operators::Declaration;

/// The name of a type in `trts_type`.
pub(super) fn type_constant(scalar: ScalarType) -> String {
    constant(&scalar.to_string())
}

/// The name of a reduction in `trts_reduce`.
pub(super) fn reduce_constant(reduce: Reduce) -> String {
    constant(reduce.name())
}

/// The name of a way to combine two values in `trts_combine`.
pub(super) fn combine_constant(combine: Combine) -> String {
    constant(&format!("combine_{combine}"))
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
    use tensorrt_scatter::{IndexType, ReduceOperator, Shape, gpu::raw::EMBEDDED_PTX};

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

    /// The header's text, in which no line ends and no star begins a line.
    fn text() -> String {
        let lines = HEADER.lines().map(|line| line.trim().trim_start_matches("* "));
        lines.collect::<Vec<_>>().join(" ")
    }

    /// The type of an enum and its constants, each with its number and perhaps a comment.
    fn constants(of: &str, constants: impl IntoIterator<Item = (String, i32, Option<String>)>) -> String {
        let constants: Vec<_> = constants.into_iter().collect();
        let line = |(at, (name, number, comment)): (usize, &(String, i32, Option<String>))| {
            let comma = if at + 1 < constants.len() { "," } else { "" };
            let comment = comment.as_ref().map_or_else(String::new, |comment| format!(" /* {comment} */"));
            format!("    {name} = {number}{comma}{comment}\n")
        };
        let lines: String = constants.iter().enumerate().map(line).collect();
        format!("typedef int32_t {of};\nenum {{\n{lines}}};\n")
    }

    #[track_caller]
    fn assert_header_has(text: &str) {
        assert!(HEADER.contains(text), "include/tensorrt_scatter.h: expected\n{text}");
    }

    /// The operators with a choice of reductions, each with that choice.
    fn reducing() -> impl Iterator<Item = (&'static Declaration, ReduceOperator)> {
        OPERATORS.iter().filter_map(|declaration| Some((declaration, declaration.reductions?)))
    }

    #[test]
    fn the_headers_constants_are_those_here() {
        let types = ScalarType::ALL.map(|scalar| (type_constant(scalar), scalar.number(), None));
        assert_header_has(&constants("trts_type", types));
        let reductions = Reduce::ALL.map(|reduce| {
            let having = reducing().filter(|(_, operator)| operator.has(reduce));
            let functions: Vec<_> = having.map(|(declaration, _)| declaration.function()).collect();
            let comment = (functions.len() < reducing().count()).then(|| functions.join(", "));
            (reduce_constant(reduce), reduce.number(), comment)
        });
        assert_header_has(&constants("trts_reduce", reductions));
        let combines = Combine::ALL.map(|combine| (combine_constant(combine), combine.number(), None));
        assert_header_has(&constants("trts_combine", combines));
        let operators = OPERATORS.iter().zip(0..).map(|(operator, number)| (operator_constant(operator), number, None));
        assert_header_has(&constants("trts_operator", operators));
    }

    #[test]
    fn the_headers_comments_name_what_there_is() {
        let indices = alternatives(IndexType::ALL.into_iter().map(|index| type_constant(index.scalar())));
        assert_header_has(&format!("index, destination, other_index, indptr, perm and arg_out {indices}. */"));
        let having: Vec<_> = Reduce::ALL.into_iter().filter(|reduce| reduce.has_arg()).map(reduce_constant).collect();
        let sentence = format!("arg_out is for {},", having.join(" and "));
        assert!(text().contains(&sentence), "expected \"{sentence}\"");
        let names: Vec<_> = reducing().map(|(declaration, _)| declaration.name).collect();
        assert_header_has(&format!("/* {} */", names.join(", ")));
        let oldest = EMBEDDED_PTX[0].architecture;
        assert_header_has(&format!("compute capability {}.{}.", oldest / 10, oldest % 10));
        assert_header_has(&format!("#define TRTS_MAX_RANK {}\n", Shape::MAX_RANK));
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
    fn only_positions_may_be_left_out_and_they_come_last() {
        for declaration in &OPERATORS {
            let contents = declaration.outputs.iter().map(|output| output.content);
            let optional: Vec<_> = contents.map(|content| content == Content::Positions).collect();
            assert!(!optional[0] && optional.is_sorted(), "{}", declaration.name);
        }
    }
}
