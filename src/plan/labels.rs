//! Residency and compliance: which targets carry the labels that a request needs.

use crate::{
    config::Need,
    fault::{Fault, FaultKind},
};

/// What the rule and what the client's key require: both hold.
pub(super) type Needs<'n> = [&'n [Need]; 2];

/// Whether these labels are all that is needed.
pub(super) fn comply(labels: &[(String, String)], needs: Needs<'_>) -> bool {
    let has = |need: &Need| {
        let found = labels.iter().find(|(name, _)| *name == need.name);
        found.is_some_and(|(_, value)| need.values.contains(value))
    };
    needs.into_iter().flatten().all(has)
}

/// The refusal of a request that no target may be sent.
pub fn no_compliant_target<'n>(model: &str, needs: impl Iterator<Item = &'n Need>) -> Fault {
    let needs: Vec<_> = needs
        .map(|need| format!("{}={}", need.name, need.values.join("|")))
        .collect();
    let message = format!(
        "No target of `{model}` has the labels that this request needs: {}. It was sent nowhere.",
        needs.join(", ")
    );
    Fault::new(FaultKind::Forbidden, message).coded("no_compliant_target")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn need(name: &str, values: &[&str]) -> Need {
        Need {
            name: name.into(),
            values: values.iter().map(|v| (*v).to_owned()).collect(),
        }
    }

    #[test]
    fn every_need_of_both_must_be_met_by_one_of_its_values() {
        let labels = [("hipaa", "true"), ("region", "eu")].map(|(n, v)| (n.into(), v.into()));
        let met = |rule: &[Need], key: &[Need]| comply(&labels, [rule, key]);
        assert!(met(&[], &[]));
        assert!(met(
            &[need("region", &["us", "eu"])],
            &[need("hipaa", &["true"])]
        ));
        assert!(!met(&[need("region", &["us"])], &[need("region", &["eu"])]));
        assert!(!met(
            &[need("region", &["eu"])],
            &[need("hipaa", &["false"])]
        ));
        assert!(!met(&[need("soc2", &["true"])], &[]));
        assert!(!comply(&[], [&[need("region", &["eu"])], &[]]));
    }

    #[test]
    fn the_refusal_names_what_was_needed() {
        let needs = [need("region", &["eu", "ch"]), need("hipaa", &["true"])];
        let fault = no_compliant_target("smart", needs.iter());
        assert_eq!(
            (fault.status(), fault.code.as_deref()),
            (403, Some("no_compliant_target"))
        );
        assert_eq!(
            fault.message,
            "No target of `smart` has the labels that this request needs: region=eu|ch, hipaa=true. It was sent nowhere."
        );
    }
}
