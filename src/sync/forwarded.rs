//! What of a record goes upstream.
//!
//! A golden record has two contents: the whole one, which stays here, and its forwarded form, which is what
//! the policy of the hub leaves of it. Everything that the upstream is told, and everything that is compared
//! with it, is the forwarded form and its hash.

use std::borrow::Cow;
use std::sync::Arc;

use crate::domain::record::{ContentHash, RecordKind};
use crate::sync::codec::Unreadable;

/// The policy of a hub as it is applied. Implemented by the room that knows the contract.
pub trait ForwardedForm: Send + Sync {
    /// What goes upstream of a canonical content: canonical again, and borrowed where nothing is kept back.
    fn of<'a>(&self, kind: RecordKind, content: &'a [u8]) -> Result<Cow<'a, [u8]>, Unreadable>;

    /// Another digest means other forms: what was sent under the old one must be looked at again.
    fn digest(&self) -> [u8; 32];
}

/// The form of a hub that forwards; a hub without an upstream has none.
pub type Forms = Option<Arc<dyn ForwardedForm>>;

/// The hash of what goes upstream of a content: that of the content itself where all of it goes.
pub fn forwarded_hash(
    forms: &Forms,
    kind: RecordKind,
    content: &[u8],
) -> Result<ContentHash, Unreadable> {
    let Some(form) = forms.as_ref().filter(|_| !content.is_empty()) else {
        return Ok(ContentHash::of(content));
    };
    Ok(ContentHash::of(&form.of(kind, content)?))
}
