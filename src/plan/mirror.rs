//! Which requests are copied to a target whose answer reaches nobody.
//!
//! The copy obeys what the plan obeys: the labels that the rule and the key require, and the provider that a client insists
//! on. Where a guard has chosen the model, because others must not see the request, there is none.

use super::{
    Facts, Step,
    draw::{FNV, hash, mix},
    labels, step,
};
use crate::config::{Gateway, Mirror, Model};

/// Why a request is not copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unmirrored {
    /// A guard has chosen who may see it.
    Guarded,
    /// The target lacks a label that the request needs.
    Label,
    /// The client asked for another provider.
    Provider,
    /// Others are.
    Share,
    /// The target is asked first anyhow.
    Asked,
    /// The target cools down.
    Cooling,
}

/// Where a copy of a request for this model may go, with its provider's place; what is drawn is not asked here. `None`:
/// the model has no mirror.
pub(super) fn target(
    config: &Gateway,
    model: &Model,
    asked: &str,
    needs: labels::Needs<'_>,
    facts: &Facts<'_>,
) -> Option<Result<(usize, Step), Unmirrored>> {
    let Mirror { target, .. } = model.mirror.as_ref()?;
    let (provider, step) = step(config, model, target, asked)?;
    let wanted = facts.overrides.provider;
    Some(if facts.only {
        Err(Unmirrored::Guarded)
    } else if !labels::comply(&target.labels, needs) {
        Err(Unmirrored::Label)
    } else if wanted.is_some_and(|wanted| wanted != provider) {
        Err(Unmirrored::Provider)
    } else {
        Ok((provider, step))
    })
}

/// Whether a request is one of those that are copied.
pub fn is_drawn(mirror: &Mirror, seed: u64) -> bool {
    // Apart from what else is drawn for the same request.
    let bits = mix(seed ^ hash("mirror", FNV));
    let drawn = (u128::from(bits) * u128::from(Mirror::WHOLE)) >> u64::BITS;
    drawn < u128::from(mirror.share)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Target, To};

    fn mirror(share: u32) -> Mirror {
        Mirror {
            target: Target {
                to: To::Provider {
                    provider: 0,
                    model: None,
                },
                weight: 0,
                labels: Vec::new(),
            },
            share,
        }
    }

    fn drawn(share: u32) -> u32 {
        let mirror = mirror(share);
        let seeds = (0..100_000).map(|request: u64| mix(request));
        u32::try_from(seeds.filter(|seed| is_drawn(&mirror, *seed)).count()).unwrap()
    }

    #[test]
    fn so_many_requests_are_copied_as_configured() {
        assert_eq!(drawn(Mirror::WHOLE), 100_000);
        // Of 100 000, four standard deviations on either side.
        assert!(drawn(50_000).abs_diff(5000) < 276, "{}", drawn(50_000));
        assert!(drawn(1000).abs_diff(100) < 40, "{}", drawn(1000));
    }

    #[test]
    fn who_is_copied_does_not_depend_on_which_target_is_drawn_for_it() {
        // The draw of a weight looks at the same number; half of either half is copied.
        let mirror = mirror(500_000);
        let seeds: Vec<u64> = (0..100_000).map(|request: u64| mix(request)).collect();
        let upper = |seed: &&u64| mix(**seed) > u64::MAX / 2;
        let both = seeds.iter().filter(upper);
        let both = both.filter(|seed| is_drawn(&mirror, **seed)).count();
        assert!(both.abs_diff(25_000) < 600, "{both}");
    }
}
