//! Who asks: the client's key becomes an id and a team, and the key itself goes no further.

use crate::{
    config::{Gateway, Key, Need},
    fault::{Fault, FaultKind},
    host::{Exchange, Headers, keys::state},
    plan::{Who, covers},
};
use sha2::{Digest, Sha256};

/// Who a request comes from; on an open gateway, nobody in particular.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Caller {
    key: Option<Key>,
}

impl Caller {
    /// Looks the key up by its hash; `Authorization` wins over `x-api-key`.
    ///
    /// Errors: `Unauthenticated` when keys are configured and none of them came.
    pub(super) fn identify(config: &Gateway, headers: &Headers) -> Result<Self, Fault> {
        let Some(keys) = &config.keys else {
            return Ok(Self::default());
        };
        let authorization = headers.get("authorization").map(|value| {
            let (scheme, token) = value.split_once(' ').unwrap_or((value, ""));
            if scheme.eq_ignore_ascii_case("bearer") {
                token.trim()
            } else {
                ""
            }
        });
        let sent = authorization.or(headers.get("x-api-key").map(str::trim));
        let Some(sent) = sent.filter(|key| !key.is_empty()) else {
            return Err(Fault::new(
                FaultKind::Unauthenticated,
                "This gateway needs a key: send `Authorization: Bearer <key>` or `x-api-key: <key>`.",
            ));
        };
        let hash: [u8; 32] = Sha256::digest(sent.as_bytes()).into();
        // Hashes, not keys, are compared: how long it takes tells nothing about a key.
        match keys.iter().find(|key| key.sha256 == hash) {
            Some(key) => Ok(Self {
                key: Some(key.clone()),
            }),
            None => Err(Fault::new(
                FaultKind::Unauthenticated,
                "This gateway does not know the key that was sent.",
            )),
        }
    }

    /// The caller that sends the key of this id.
    pub(super) fn named(config: &Gateway, id: &str) -> Option<Self> {
        let key = config.keys.iter().flatten().find(|key| key.id == id)?;
        Some(Self {
            key: Some(key.clone()),
        })
    }

    /// Whether this caller may ask how requests are planned.
    pub(super) fn is_admin(&self) -> bool {
        self.key.as_ref().is_some_and(|key| key.admin)
    }

    /// Writes who it is into the record.
    pub(super) fn record(&self, host: &dyn Exchange) {
        let Some(key) = &self.key else { return };
        host.set_state(state::KEY_ID, &key.id);
        for (name, value) in [
            (state::TEAM, &key.team),
            (state::USER, &key.user),
            (state::PROJECT, &key.project),
        ] {
            if let Some(value) = value {
                host.set_state(name, value);
            }
        }
    }

    /// Whether this caller may ask for a name.
    pub(super) fn allows(&self, asked: &str) -> bool {
        self.names()
            .is_none_or(|names| names.iter().any(|name| covers(name, asked)))
    }

    /// Who it is, as rules see it.
    pub(super) fn who(&self) -> Who<'_> {
        let key = self.key.as_ref();
        let said = |text: fn(&Key) -> Option<&String>| key.and_then(text).map(String::as_str);
        Who {
            key: said(|key| Some(&key.id)),
            team: said(|key| key.team.as_ref()),
            user: said(|key| key.user.as_ref()),
            project: said(|key| key.project.as_ref()),
        }
    }

    /// The labels that every target of its requests must carry.
    pub(super) fn requires(&self) -> &[Need] {
        self.key
            .as_ref()
            .map(|key| key.require.as_slice())
            .unwrap_or_default()
    }

    /// Whether this caller may say itself where its requests go.
    pub(super) fn overrides(&self, config: &Gateway) -> bool {
        self.key
            .as_ref()
            .map_or(config.overrides, |key| key.overrides)
    }

    /// Whether this caller may use paths whose requests name no model.
    pub(super) fn passes(&self) -> bool {
        self.key.as_ref().is_none_or(|key| key.passthrough)
    }

    /// The names that the key is limited to.
    pub(super) fn names(&self) -> Option<&[String]> {
        self.key.as_ref()?.models.as_deref()
    }
}
