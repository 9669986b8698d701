//! Names in a condition that mean nothing, explained.

use crate::diagnostic::Flaw;
use crate::expression::LowerError;
use crate::parse::read::{quoted, unknown};
use crate::parse::report::Report;
use crate::vocab::constants;
use crate::vocab::nearest::nearest;
use crate::vocab::parameters::ParameterError;

/// Reports what is wrong with a condition on `call`.
pub(super) fn explain(error: &LowerError, call: &str, report: &mut Report) {
    let (flaw, origin) = match error {
        LowerError::Parameter { parameter, source } => {
            (parameters(call, &parameter.value, source), &parameter.origin)
        }
        LowerError::UnknownConstant { name } => {
            let names: Vec<&str> = constants::names().collect();
            let flaw = unknown("constant", &name.value, &names);
            (flaw.help("constants are named as in the kernel's headers; a number does as well"), &name.origin)
        }
        LowerError::NoValueHere { name, arch } => {
            let flaw = Flaw::new(format!("`{}` has no value on {arch}", name.value));
            (flaw.help("write the number, or name the interfaces with `architectures:`"), &name.origin)
        }
        LowerError::DoesNotFit { value, parameter, bits } => {
            let message =
                format!("`{}` does not fit: the kernel looks at {bits} bits of `{parameter}`", value.value);
            (Flaw::new(message), &value.origin)
        }
        LowerError::OutsideMask { value } => {
            let message =
                format!("`{}` has bits that the mask takes away: this can never be equal", value.value);
            (Flaw::new(message), &value.origin)
        }
    };
    report.push_word(flaw, origin);
}

/// What any call can be asked about.
const REGISTERS: &str = "the registers of any call are `arg0` to `arg5`, compared whole and without a sign";

fn parameters(call: &str, parameter: &str, error: &ParameterError) -> Flaw {
    match error {
        ParameterError::Unknown { names, .. } if names.is_empty() => {
            Flaw::new(format!("`{call}` has no parameters, so it takes no condition")).help(REGISTERS)
        }
        ParameterError::Unknown { names, .. } => {
            let flaw = Flaw::new(format!("`{call}` has no parameter `{parameter}`"));
            let near = (parameter.len() <= 64).then(|| nearest(parameter, names.iter().copied())).flatten();
            let flaw = match near {
                Some(name) => flaw.help(format!("did you mean `{name}`?")),
                None => flaw,
            };
            flaw.help(format!("valid: {}", quoted(names))).help(REGISTERS)
        }
        ParameterError::NoSignature { .. } => {
            Flaw::new(error.to_string()).help("allow or deny the call as a whole").help(REGISTERS)
        }
        ParameterError::Split { .. } => {
            Flaw::new(error.to_string()).help("name the interfaces with `architectures:`")
        }
    }
}
