//! The forwarded form of records: what a policy leaves of a content, field by field.
//!
//! Like the canonical form it is cut out of the encoded record along the contract's descriptors and never
//! decoded as a whole, so that what stays is byte for byte what it was.

mod circumstances;
mod fields;

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};

use prost::encoding::{WireType, encode_key, encode_varint};

use super::wire::{WireField, WireFields};
use crate::domain::circumstance::CircumstanceGroup;
use crate::domain::policy::{Fate, Policy};
use crate::domain::record::RecordKind;
use crate::security::pseudonym::PseudonymKey;
use crate::sync::codec::Unreadable;
use crate::sync::forwarded::ForwardedForm;
use circumstances::Traces;
use fields::{FIELDS, Shape};

pub use circumstances::tells;
pub use fields::{ContractField, contract_fields};

/// Changes whenever this program forms records in another way under the same policy.
const FORMS: &[u8] = b"childsync.v1 forwarded form 1";

/// A policy that cannot be applied. It names the key below `upstream.policy`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{key}: {problem}")]
pub struct PolicyError {
    /// The key.
    pub key: &'static str,
    /// What is wrong and what to do.
    pub problem: String,
}

/// What is done with one field of a part.
enum Rule {
    Send,
    Withhold,
    /// For what the pseudonym is: fields of one purpose give the same for the same value.
    Pseudonymise(&'static str),
    Part(Part),
}

/// The fields of a part that the contract knows, by number.
#[derive(Default)]
struct Part(HashMap<u32, Rule>);

/// A policy made ready for the contract.
pub struct PolicyForm {
    policy: Policy,
    key: Option<PseudonymKey>,
    child: Part,
    report: Part,
    /// Rules for a record from which a circumstance is withheld: what else could tell of it goes too.
    child_in_circumstances: Part,
    report_in_circumstances: Part,
}

impl PolicyForm {
    /// Reads a policy against the contract.
    pub fn new(policy: Policy, key: Option<PseudonymKey>) -> Result<Self, PolicyError> {
        check_names("withhold", &policy.withhold, may_be_withheld)?;
        check_names("pseudonymise", &policy.pseudonymise, |field| {
            field
                .purpose
                .map(|_| ())
                .ok_or("has no form for a pseudonym: withhold it, or send it")
        })?;
        if !policy.pseudonymise.is_empty() && key.is_none() {
            return Err(PolicyError {
                key: "key_file",
                problem: "is needed to pseudonymise: make one with `childsync pki seal-key FILE`"
                    .to_owned(),
            });
        }
        let part = |kind, tells: bool| {
            let mut part = Part::default();
            for field in FIELDS.iter().filter(|field| field.kind == kind) {
                let fate = if tells && circumstances::tells(&field.path) {
                    Fate::Withhold
                } else {
                    fate_in(&policy, field)
                };
                part.put(field, fate);
            }
            part
        };
        Ok(Self {
            child: part(RecordKind::Child, false),
            report: part(RecordKind::CaseReport, false),
            child_in_circumstances: part(RecordKind::Child, true),
            report_in_circumstances: part(RecordKind::CaseReport, true),
            policy,
            key,
        })
    }

    /// What becomes of a field, apart from circumstances.
    pub fn fate(&self, field: &ContractField) -> Fate {
        fate_in(&self.policy, field)
    }

    /// The policy.
    pub const fn policy(&self) -> &Policy {
        &self.policy
    }

    fn write(
        &self,
        part: &Part,
        traces: &Traces<'_>,
        message: &[u8],
        formed: &mut Vec<u8>,
    ) -> Result<(), Unreadable> {
        for field in WireFields::new(message) {
            let field = field?;
            if traces.withholds(&field)? {
                continue;
            }
            match part.0.get(&field.number) {
                Some(Rule::Withhold) => {}
                Some(Rule::Pseudonymise(purpose)) => self.put_pseudonym(purpose, &field, formed)?,
                Some(Rule::Part(inner)) => {
                    let bytes = field.delimited.unwrap_or_default();
                    let mut inside = Vec::with_capacity(bytes.len());
                    self.write(inner, &traces.inside(), bytes, &mut inside)?;
                    put(field.number, &inside, formed);
                }
                None if self.policy.withhold_unknown || traces.any_withheld() => {}
                Some(Rule::Send) | None => match traces.rewritten(&field) {
                    Some(bytes) => put(field.number, bytes, formed),
                    None => formed.extend_from_slice(field.encoded),
                },
            }
        }
        Ok(())
    }

    fn put_pseudonym(
        &self,
        purpose: &str,
        field: &WireField<'_>,
        formed: &mut Vec<u8>,
    ) -> Result<(), Unreadable> {
        let value = field.delimited.unwrap_or_default();
        let value = std::str::from_utf8(value).map_err(|_| Unreadable("a text is not UTF-8"))?;
        // Without a key nothing goes; `new` has made sure that there is one.
        if let Some(key) = self.key.as_ref().filter(|_| !value.is_empty()) {
            put(
                field.number,
                key.pseudonym(purpose, value).as_bytes(),
                formed,
            );
        }
        Ok(())
    }
}

impl ForwardedForm for PolicyForm {
    fn of<'a>(&self, kind: RecordKind, content: &'a [u8]) -> Result<Cow<'a, [u8]>, Unreadable> {
        let traces = Traces::of(&self.policy, kind, content)?;
        let part = match (kind, traces.any_withheld()) {
            (RecordKind::Child, false) => &self.child,
            (RecordKind::Child, true) => &self.child_in_circumstances,
            (RecordKind::CaseReport, false) => &self.report,
            (RecordKind::CaseReport, true) => &self.report_in_circumstances,
        };
        let mut formed = Vec::with_capacity(content.len());
        self.write(part, &traces, content, &mut formed)?;
        Ok(if formed == content {
            Cow::Borrowed(content)
        } else {
            Cow::Owned(formed)
        })
    }

    fn digest(&self) -> [u8; 32] {
        let mut digest = blake3::Hasher::new();
        let mut add = |text: &[u8]| {
            digest.update(&u64::try_from(text.len()).unwrap_or(u64::MAX).to_be_bytes());
            digest.update(text);
        };
        add(FORMS);
        // Fields by what becomes of them, so that another spelling of the same policy is the same.
        for field in FIELDS.iter() {
            add(field.path.as_bytes());
            add(self.fate(field).word().as_bytes());
        }
        for group in CircumstanceGroup::ALL {
            let named = self.policy.circumstances.contains_key(group);
            add(self.policy.group(*group).word().as_bytes());
            add(&[u8::from(named)]);
        }
        add(&[u8::from(self.policy.withhold_unknown)]);
        if !self.policy.pseudonymise.is_empty() {
            add(&self
                .key
                .as_ref()
                .map(PseudonymKey::name)
                .unwrap_or_default());
        }
        *digest.finalize().as_bytes()
    }
}

impl Part {
    fn put(&mut self, field: &ContractField, fate: Fate) {
        let Some((last, above)) = field.numbers.split_last() else {
            return;
        };
        let mut part = self;
        for number in above {
            match part
                .0
                .entry(*number)
                .or_insert_with(|| Rule::Part(Self::default()))
            {
                Rule::Part(inner) => part = inner,
                // The part above is withheld as a whole.
                Rule::Send | Rule::Withhold | Rule::Pseudonymise(_) => return,
            }
        }
        let rule = match (fate, field.purpose, field.shape) {
            (Fate::Withhold, _, _) => Rule::Withhold,
            (Fate::Pseudonymise, Some(purpose), _) => Rule::Pseudonymise(purpose),
            (Fate::Send | Fate::Pseudonymise, _, Shape::Part) => Rule::Part(Self::default()),
            (Fate::Send | Fate::Pseudonymise, _, Shape::Value) => Rule::Send,
        };
        part.0.insert(*last, rule);
    }
}

fn fate_in(policy: &Policy, field: &ContractField) -> Fate {
    let is_named = |names: &BTreeSet<String>| names.iter().any(|name| field.is_within(name));
    if is_named(&policy.withhold) {
        Fate::Withhold
    } else if is_named(&policy.pseudonymise) {
        Fate::Pseudonymise
    } else {
        Fate::Send
    }
}

/// Every name must name a field, and every field that it names must be fit for it.
fn check_names(
    key: &'static str,
    names: &BTreeSet<String>,
    is_fit: impl Fn(&ContractField) -> Result<(), &'static str>,
) -> Result<(), PolicyError> {
    for name in names {
        let mut named = FIELDS
            .iter()
            .filter(|field| field.is_named(name))
            .peekable();
        if named.peek().is_none() {
            let problem = "is no field of a record: `childsync policy show` lists them";
            return Err(PolicyError {
                key,
                problem: format!("{name} {problem}"),
            });
        }
        for field in named {
            if let Err(problem) = is_fit(field) {
                return Err(PolicyError {
                    key,
                    problem: format!("{} {problem}", field.path),
                });
            }
        }
    }
    Ok(())
}

fn may_be_withheld(field: &ContractField) -> Result<(), &'static str> {
    if field.is_required {
        Err("must go upstream: no hub takes a record without it")
    } else {
        Ok(())
    }
}

fn put(number: u32, bytes: &[u8], formed: &mut Vec<u8>) {
    encode_key(number, WireType::LengthDelimited, formed);
    encode_varint(u64::try_from(bytes.len()).unwrap_or(u64::MAX), formed);
    formed.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests;
