//! Certificates for one test.

use std::path::{Path, PathBuf};

use childsync::domain::clock::{Clock, SystemClock, Timestamp};
use childsync::security::directory::IdentityDirectory;
use childsync::security::identity::Identity;
use childsync::security::pki::{CertificateRequest, issue, make_authority};
use tempfile::TempDir;

/// A CA and what it issued.
pub(crate) struct Pki {
    folder: TempDir,
}

impl Pki {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        make_authority(&folder.path().join("ca"), "test CA", SystemClock.now()).expect("a CA");
        Self { folder }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The identity directory of a node, issued when it is first asked for.
    pub(crate) fn node(&self, name: &str) -> PathBuf {
        self.issued(name, &format!("childsync://node/{name}"))
    }

    /// The identity directory of an operator.
    pub(crate) fn operator(&self, name: &str) -> PathBuf {
        self.issued(
            &format!("operator-{name}"),
            &format!("childsync://operator/{name}"),
        )
    }

    fn issued(&self, folder: &str, uri: &str) -> PathBuf {
        let out = self.folder.path().join(folder);
        if !out.exists() {
            let identity = uri.parse::<Identity>().expect("an identity");
            self.issue(identity, 1, SystemClock.now(), &out);
        }
        out
    }

    /// Issues a certificate as of a given time.
    pub(crate) fn issue(&self, identity: Identity, days: u32, now: Timestamp, out: &Path) {
        let request = CertificateRequest {
            identity,
            hosts: vec!["127.0.0.1".to_owned()],
            days,
        };
        issue(&self.folder.path().join("ca"), &request, out, now).expect("a certificate");
    }

    pub(crate) fn directory(&self, name: &str) -> IdentityDirectory {
        IdentityDirectory::read(&self.node(name)).expect("an identity directory")
    }
}
