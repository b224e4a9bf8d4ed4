//! The paths of the HTTP port. The table is what requests are matched with, and what the description of
//! the port is checked against.

use http::Method;
use uuid::Uuid;

use super::answers::Problem;
use crate::domain::correction::CorrectionReason;
use crate::domain::record::{RecordId, RecordKind};
use crate::store::OwnKey;

/// Every path with its method. `{kind}` is `child` or `case-report`, `{reason}` a reason to correct.
pub const ROUTES: [(&str, &str); 15] = [
    ("GET", "/"),
    ("GET", "/corrections"),
    ("GET", "/corrections/{reason}"),
    ("GET", "/openapi.json"),
    ("GET", "/v1/status"),
    ("GET", "/v1/bundles"),
    ("POST", "/v1/bundles"),
    ("POST", "/v1/bundles/receipt"),
    ("GET", "/v1/corrections"),
    ("GET", "/v1/corrections/{reason}"),
    ("GET", "/v1/records"),
    ("POST", "/v1/records"),
    ("GET", "/v1/records/{kind}/{record_id}"),
    ("PUT", "/v1/records/{kind}/{record_id}"),
    ("DELETE", "/v1/records/{kind}/{record_id}"),
];

/// What a request asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route {
    /// The page for the official.
    Page,
    /// The page of what is to be corrected, for one reason or for all.
    CorrectionsPage(Option<CorrectionReason>),
    /// What is to be corrected for one reason, or how much for each.
    Corrections(Option<CorrectionReason>),
    /// The description of the port.
    Openapi,
    /// How the agent is doing.
    Status,
    /// The bundles that were written.
    ListBundles,
    /// Write what waits as a bundle.
    WriteBundle,
    /// Take the receipt of a bundle.
    TakeReceipt,
    /// Records of one standing.
    ListRecords,
    /// Where one record is.
    ShowRecord(OwnKey),
    /// Keep one record.
    PutRecord(RecordKind, String),
    /// Keep some records.
    PostRecords,
    /// Withdraw one record.
    WithdrawRecord(RecordKind, String),
}

/// What a request carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestBody {
    /// Nothing that is looked at.
    Nothing,
    /// JSON.
    Json,
    /// A file.
    File,
}

impl Route {
    /// What the request carries.
    pub fn body(&self) -> RequestBody {
        match self {
            Self::PutRecord(..) | Self::PostRecords => RequestBody::Json,
            Self::TakeReceipt => RequestBody::File,
            Self::Page
            | Self::ListBundles
            | Self::WriteBundle
            | Self::CorrectionsPage(_)
            | Self::Corrections(_)
            | Self::Openapi
            | Self::Status
            | Self::ListRecords
            | Self::ShowRecord(_)
            | Self::WithdrawRecord(..) => RequestBody::Nothing,
        }
    }
}

/// Finds what a request asks for.
pub(super) fn find(method: &Method, path: &str) -> Result<Route, Problem> {
    let mut is_known_path = false;
    for (known, template) in ROUTES {
        let Some(values) = fit(template, path) else {
            continue;
        };
        is_known_path = true;
        if method.as_str() == known {
            return route(known, template, &values);
        }
    }
    Err(if is_known_path {
        Problem::MethodUnknown
    } else {
        Problem::PathUnknown
    })
}

/// The values of the template's placeholders, if the path fits it.
fn fit<'a>(template: &str, path: &'a str) -> Option<Vec<&'a str>> {
    let (mut parts, mut values) = (path.split('/'), Vec::new());
    for expected in template.split('/') {
        let part = parts.next()?;
        if expected.starts_with('{') {
            values.push(part);
        } else if expected != part {
            return None;
        }
    }
    parts.next().is_none().then_some(values)
}

fn route(method: &str, template: &str, values: &[&str]) -> Result<Route, Problem> {
    let kind = || values.first().copied().and_then(read_kind);
    let reason = || {
        let word = values.first().copied().unwrap_or_default();
        let reason = CorrectionReason::from_word(word);
        reason.map(Some).ok_or(Problem::PathUnknown)
    };
    let id = || values.get(1).copied().unwrap_or_default().to_owned();
    Ok(match (method, template) {
        ("GET", "/") => Route::Page,
        ("GET", "/corrections") => Route::CorrectionsPage(None),
        ("GET", "/corrections/{reason}") => Route::CorrectionsPage(reason()?),
        ("GET", "/v1/corrections") => Route::Corrections(None),
        ("GET", "/v1/corrections/{reason}") => Route::Corrections(reason()?),
        ("GET", "/openapi.json") => Route::Openapi,
        ("GET", "/v1/bundles") => Route::ListBundles,
        ("POST", "/v1/bundles") => Route::WriteBundle,
        ("POST", "/v1/bundles/receipt") => Route::TakeReceipt,
        ("GET", "/v1/status") => Route::Status,
        ("GET", "/v1/records") => Route::ListRecords,
        ("POST", "/v1/records") => Route::PostRecords,
        ("PUT", _) => Route::PutRecord(kind().ok_or(Problem::PathUnknown)?, id()),
        ("DELETE", _) => Route::WithdrawRecord(kind().ok_or(Problem::PathUnknown)?, id()),
        (_, _) => {
            let kind = kind().ok_or(Problem::PathUnknown)?;
            let record_id = Uuid::try_parse(&id()).map_err(|_| Problem::PathUnknown)?;
            Route::ShowRecord((kind, RecordId::new(record_id)))
        }
    })
}

/// The kind of a word of a path.
pub fn read_kind(word: &str) -> Option<RecordKind> {
    [RecordKind::Child, RecordKind::CaseReport]
        .into_iter()
        .find(|kind| kind_word(*kind) == word)
}

/// The kind as a word of a path.
pub const fn kind_word(kind: RecordKind) -> &'static str {
    match kind {
        RecordKind::Child => "child",
        RecordKind::CaseReport => "case-report",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_of_the_table_leads_somewhere() {
        let id = Uuid::from_u128(1).to_string();
        for (method, template) in ROUTES {
            let path = template
                .replace("{kind}", "child")
                .replace("{reason}", "number")
                .replace("{record_id}", &id);
            let method = Method::from_bytes(method.as_bytes()).expect("a method");

            assert!(find(&method, &path).is_ok(), "{method} {path}");
        }
    }

    #[test]
    fn what_is_not_in_the_table_leads_nowhere() {
        for (method, path, problem) in [
            (Method::GET, "/v1", Problem::PathUnknown),
            (Method::GET, "/v1/status/", Problem::PathUnknown),
            (Method::GET, "/v1/records/child/x", Problem::PathUnknown),
            (Method::GET, "/v1/corrections/x", Problem::PathUnknown),
            (Method::PUT, "/v1/records/person/x", Problem::PathUnknown),
            (Method::POST, "/v1/status", Problem::MethodUnknown),
            (Method::OPTIONS, "/v1/records", Problem::MethodUnknown),
        ] {
            assert_eq!(find(&method, path), Err(problem), "{method} {path}");
        }
    }
}
