//! In which order services are started: each after what it needs.

use alloc::string::String;
use alloc::vec::Vec;
use control::platform::Unit;

/// Why a set of units cannot be started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UnitError {
    /// A unit needs one that there is not.
    Missing {
        /// The unit.
        unit: String,
        /// What it needs.
        needs: String,
    },
    /// Two units have the same name.
    Twice {
        /// The name.
        unit: String,
    },
    /// Units need each other, or come after each other, in a circle.
    Circle {
        /// One of them.
        unit: String,
    },
}

/// The units' indices, each behind all that it needs or comes after; otherwise in the order given.
///
/// # Errors
/// [`UnitError`].
pub fn start_order(units: &[Unit]) -> Result<Vec<usize>, UnitError> {
    let index_of = |name: &str| units.iter().position(|unit| unit.name == name);
    for (at, unit) in units.iter().enumerate() {
        if index_of(&unit.name) != Some(at) {
            return Err(UnitError::Twice { unit: unit.name.clone() });
        }
        if let Some(needs) = unit.needs.iter().find(|needs| index_of(needs).is_none()) {
            return Err(UnitError::Missing { unit: unit.name.clone(), needs: needs.clone() });
        }
    }
    let mut order: Vec<usize> = Vec::new();
    while order.len() < units.len() {
        // What a unit comes after need not be there.
        let placed = |name: &String| index_of(name).is_none_or(|at| order.contains(&at));
        let next = units.iter().enumerate().find(|(at, unit)| {
            !order.contains(at) && unit.needs.iter().chain(&unit.after).all(placed)
        });
        match next {
            Some((at, _)) => order.push(at),
            None => {
                let stuck = units.iter().enumerate().find(|(at, _)| !order.contains(at));
                let unit = stuck.map(|(_, unit)| unit.name.clone()).unwrap_or_default();
                return Err(UnitError::Circle { unit });
            }
        }
    }
    Ok(order)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unit(name: &str, needs: &[&str]) -> Unit {
        Unit { needs: needs.iter().map(|needs| (*needs).into()).collect(), ..Unit::new(name) }
    }

    #[test]
    fn each_comes_behind_what_it_needs() {
        let units = [
            unit("vfs", &["storage", "logger"]),
            unit("storage", &["logger"]),
            unit("logger", &[]),
        ];
        assert_eq!(start_order(&units), Ok([2, 1, 0].into()));
    }

    #[test]
    fn what_cannot_be_started_is_named() {
        let circle = [unit("a", &["b"]), unit("b", &["a"]), unit("c", &[])];
        assert_eq!(start_order(&circle), Err(UnitError::Circle { unit: "a".into() }));
        let missing = [unit("a", &["b"])];
        let error = UnitError::Missing { unit: "a".into(), needs: "b".into() };
        assert_eq!(start_order(&missing), Err(error));
        let twice = [unit("a", &[]), unit("a", &[])];
        assert_eq!(start_order(&twice), Err(UnitError::Twice { unit: "a".into() }));
    }
}
