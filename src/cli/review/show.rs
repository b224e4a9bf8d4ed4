//! The lists that `childsync review` shows.

use comfy_table::Table;
use serde_json::json;

use crate::cli::operator::say;
use crate::cli::status::plain_table;
use crate::grpc::proto::v1;

pub(super) fn table(header: &[&str]) -> Table {
    let mut table = plain_table();
    table.set_header(header.to_vec());
    table
}

pub(super) fn record(reference: Option<&v1::RecordReference>) -> String {
    reference.map_or_else(String::new, |it| format!("{}/{}", it.node, it.record_id))
}

pub(super) fn instant(at: Option<&prost_types::Timestamp>) -> String {
    at.map_or_else(String::new, ToString::to_string)
}

/// The pairs that wait.
pub(super) fn reviews(answer: &v1::ListReviewsResponse, json: bool) {
    if json {
        let reviews = answer.reviews.iter().map(|review| {
            json!({
                "one": record(review.one.as_ref()),
                "other": record(review.other.as_ref()),
                "bits": review.bits,
                "opened_at": instant(review.opened_at.as_ref()),
            })
        });
        say(json!({
            "reviews": reviews.collect::<Vec<_>>(),
            "open": answer.open,
            "next_page": answer.next_page_token,
        }));
        return;
    }
    let mut table = table(&["bits", "one", "other", "waits since"]);
    for review in &answer.reviews {
        table.add_row([
            format!("{:+.1}", review.bits),
            record(review.one.as_ref()),
            record(review.other.as_ref()),
            instant(review.opened_at.as_ref()),
        ]);
    }
    say(table);
    say(format_args!("{} pairs wait.", answer.open));
    if !answer.next_page_token.is_empty() {
        say(format_args!("More: --page {}", answer.next_page_token));
    }
}

pub(super) fn verdict(verdict: v1::Verdict) -> &'static str {
    match verdict {
        v1::Verdict::Unspecified => "",
        v1::Verdict::Same => "same",
        v1::Verdict::Different => "different",
        v1::Verdict::Later => "later",
    }
}

/// Who decided what.
pub(super) fn decisions(answer: &v1::ListDecisionsResponse, json: bool) {
    let said = |decision: &v1::Decision| match decision.verdict() {
        v1::Verdict::Unspecified => "undone",
        said @ (v1::Verdict::Same | v1::Verdict::Different | v1::Verdict::Later) => verdict(said),
    };
    if json {
        let decisions = answer.decisions.iter().map(|decision| {
            json!({
                "decision": decision.decision,
                "one": record(decision.one.as_ref()),
                "other": record(decision.other.as_ref()),
                "verdict": said(decision),
                "decided_by": decision.decided_by,
                "decided_at": instant(decision.decided_at.as_ref()),
            })
        });
        say(json!({ "decisions": decisions.collect::<Vec<_>>() }));
        return;
    }
    let mut table = table(&["no.", "said", "one", "other", "by", "at"]);
    for decision in &answer.decisions {
        table.add_row([
            decision.decision.to_string(),
            said(decision).to_owned(),
            record(decision.one.as_ref()),
            record(decision.other.as_ref()),
            decision.decided_by.clone(),
            instant(decision.decided_at.as_ref()),
        ]);
    }
    say(table);
}

/// Golden records whose source records contradict each other.
pub(super) fn conflicts(answer: &v1::ListConflictsResponse, json: bool) {
    if json {
        let conflicts = answer
            .conflicts
            .iter()
            .map(|conflict| json!({ "golden_id": conflict.golden_id, "fields": conflict.fields }));
        say(json!({
            "conflicts": conflicts.collect::<Vec<_>>(),
            "next_page": answer.next_page_token,
        }));
        return;
    }
    let mut table = table(&["golden record", "its sources disagree on"]);
    for conflict in &answer.conflicts {
        table.add_row([conflict.golden_id.clone(), conflict.fields.join(", ")]);
    }
    say(table);
    if !answer.next_page_token.is_empty() {
        say(format_args!("More: --page {}", answer.next_page_token));
    }
}
