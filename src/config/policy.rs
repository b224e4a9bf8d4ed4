//! `[upstream.policy]`: what of a record goes upstream.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{ConfigError, wrong};
use crate::domain::policy::Policy;

/// Whether something goes upstream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Goes {
    /// It does.
    #[default]
    Send,
    /// It stays here.
    Withhold,
}

/// `[upstream.policy]`. Whether its names are fields of a record is looked at when the policy is applied.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct PolicySection {
    /// Fields that stay here, by path or by name.
    pub withhold: BTreeSet<String>,
    /// Fields of which a pseudonym goes upstream.
    pub pseudonymise: BTreeSet<String>,
    /// File of 32 bytes with the key of the pseudonyms.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_file: Option<PathBuf>,
    /// Whether fields that this program does not know go upstream.
    pub unknown_fields: Goes,
    /// `[upstream.policy.circumstances]`: groups of special circumstances by name.
    pub circumstances: BTreeMap<String, Goes>,
}

impl PolicySection {
    /// The policy that the section says.
    pub fn policy(&self) -> Result<Policy, ConfigError> {
        let mut circumstances = BTreeMap::new();
        for (name, goes) in &self.circumstances {
            let key = format!("upstream.policy.circumstances.{name}");
            let group = name.parse();
            let group = group.map_err(|error| wrong(&key, &format!("{error}")))?;
            circumstances.insert(group, *goes == Goes::Send);
        }
        Ok(Policy {
            withhold: self.withhold.clone(),
            pseudonymise: self.pseudonymise.clone(),
            circumstances,
            withhold_unknown: self.unknown_fields == Goes::Withhold,
        })
    }
}
