//! What `childsync review` shows.

use comfy_table::Table;
use serde_json::{Value, json};

use crate::cli::operator::say;
use crate::cli::status::plain_table;
use crate::domain::draft::{ChildDraft, DateDraft};
use crate::grpc::convert::read_child;
use crate::grpc::proto::v1;

/// Relations of the list `relation_to_child`.
const FATHER: &str = "01";
const MOTHER: &str = "02";

fn table(header: &[&str]) -> Table {
    let mut table = plain_table();
    table.set_header(header.to_vec());
    table
}

fn record(reference: Option<&v1::RecordReference>) -> String {
    reference.map_or_else(String::new, |it| format!("{}/{}", it.node, it.record_id))
}

fn instant(at: Option<&prost_types::Timestamp>) -> String {
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

/// Two records side by side, and the evidence.
pub(super) fn pair(answer: &v1::ExplainPairResponse, json: bool) -> anyhow::Result<()> {
    let one = read_child(&answer.one)?;
    let other = read_child(&answer.other)?;
    if json {
        say(pair_json(answer, &one, &other));
        return Ok(());
    }
    let mut fields = table(&["", "one", "other"]);
    for ((label, one), (_, other)) in rows(&one).into_iter().zip(rows(&other)) {
        if !one.is_empty() || !other.is_empty() {
            let mark = if one == other { "" } else { "≠ " };
            fields.add_row([format!("{mark}{label}"), one, other]);
        }
    }
    fields.add_row([
        "golden record",
        &answer.one_golden_id,
        &answer.other_golden_id,
    ]);
    say(fields);
    let mut evidence = table(&["evidence", "came out", "bits"]);
    for line in &answer.comparisons {
        evidence.add_row([
            words(&line.name),
            words(&line.level),
            format!("{:+.1}", line.bits),
        ]);
    }
    evidence.add_row([
        "before anything is compared".to_owned(),
        "two records are seldom one child".to_owned(),
        format!("{:+.1}", answer.prior_bits),
    ]);
    evidence.add_row([
        "another child of the family".to_owned(),
        "a brother, sister or twin would look like this too".to_owned(),
        format!("{:+.1}", -answer.family_bits),
    ]);
    evidence.add_row([
        "all together".to_owned(),
        String::new(),
        format!("{:+.1}", answer.bits),
    ]);
    say(evidence);
    say(format_args!(
        "Linked from {:+.1} bits on, asked from {:+.1} on. One bit doubles the odds.",
        answer.link_bits, answer.review_bits
    ));
    if !answer.veto.is_empty() {
        say(format_args!("Kept apart by: {}", words(&answer.veto)));
    }
    if answer.verdict() != v1::Verdict::Unspecified {
        say(format_args!(
            "A steward has said: {}",
            verdict(answer.verdict())
        ));
    }
    Ok(())
}

fn pair_json(answer: &v1::ExplainPairResponse, one: &ChildDraft, other: &ChildDraft) -> Value {
    let side = |draft: &ChildDraft, golden: &str| {
        let fields = rows(draft)
            .into_iter()
            .filter(|(_, value)| !value.is_empty());
        let mut side: serde_json::Map<String, Value> = fields
            .map(|(label, value)| (label.to_owned(), value.into()))
            .collect();
        side.insert("golden_id".to_owned(), golden.into());
        Value::Object(side)
    };
    let evidence = answer
        .comparisons
        .iter()
        .map(|line| json!({ "comparison": line.name, "level": line.level, "bits": line.bits }));
    json!({
        "one": side(one, &answer.one_golden_id),
        "other": side(other, &answer.other_golden_id),
        "evidence": evidence.collect::<Vec<_>>(),
        "prior_bits": answer.prior_bits,
        "family_bits": answer.family_bits,
        "bits": answer.bits,
        "link_bits": answer.link_bits,
        "review_bits": answer.review_bits,
        "veto": answer.veto,
        "verdict": verdict(answer.verdict()),
    })
}

/// What a steward compares, with the labels of the commune's books.
fn rows(child: &ChildDraft) -> Vec<(&'static str, String)> {
    let carer = |relation: &str| {
        let mut carers = child.carers.iter();
        carers.find(|carer| carer.relation_code == relation)
    };
    let name = |relation: &str| carer(relation).map_or_else(String::new, |it| it.name.clone());
    let phones = child.carers.iter().map(|carer| carer.phone.as_str());
    let phones: Vec<&str> = phones.filter(|phone| !phone.is_empty()).collect();
    let sex = match child.sex {
        1 => "nam / male",
        2 => "nữ / female",
        3 => "chưa xác định / not determined",
        _ => "không rõ / unknown",
    };
    let commune = child.commune.as_ref();
    let household = child.household.as_ref();
    vec![
        ("Họ và tên / name", child.full_name.clone()),
        ("Tên khác / other name", child.other_name.clone()),
        (
            "Ngày sinh / born",
            child.birth_date.map_or_else(String::new, date),
        ),
        ("Giới tính / sex", sex.to_owned()),
        ("Số định danh / number", child.personal_number.clone()),
        ("Mẹ / mother", name(MOTHER)),
        ("Cha / father", name(FATHER)),
        ("Điện thoại / phone", phones.join(", ")),
        (
            "Xã / commune",
            commune.map_or_else(String::new, |unit| format!("{}:{}", unit.scheme, unit.code)),
        ),
        ("Ấp, khóm / village", child.village.clone()),
        (
            "Hộ số / household",
            household.map_or_else(String::new, |home| home.number.clone()),
        ),
        (
            "Dân tộc / ethnicity",
            child
                .ethnicity
                .as_ref()
                .map_or_else(String::new, |code| code.code.clone()),
        ),
        (
            "Con thứ / birth order",
            if child.birth_order > 0 {
                child.birth_order.to_string()
            } else {
                String::new()
            },
        ),
    ]
}

fn date(date: DateDraft) -> String {
    match (date.month, date.day) {
        (0, _) => date.year.to_string(),
        (month, 0) => format!("{month:02}/{}", date.year),
        (month, day) => format!("{day:02}/{month:02}/{}", date.year),
    }
}

/// A name of the program as words.
fn words(name: &str) -> String {
    name.replace('_', " ")
}

fn verdict(verdict: v1::Verdict) -> &'static str {
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

/// A golden record with its past.
pub(super) fn golden(answer: &v1::GetGoldenRecordResponse, json: bool) -> anyhow::Result<()> {
    let members: Vec<String> = answer.members.iter().map(|it| record(Some(it))).collect();
    let aliases = answer.aliases.iter().map(|alias| {
        json!({
            "from": alias.from_golden_id,
            "to": alias.to_golden_id,
            "what": if alias.merged { "merged" } else { "split" },
            "cause": match alias.cause() {
                v1::AliasCause::Unspecified => "",
                v1::AliasCause::Evidence => "evidence",
                v1::AliasCause::Decision => "decision",
                v1::AliasCause::Node => "node",
            },
            "happened_at": instant(alias.happened_at.as_ref()),
        })
    });
    let aliases: Vec<Value> = aliases.collect();
    let mut versions = Vec::new();
    for version in &answer.versions {
        let fields = if version.child.is_empty() {
            Vec::new()
        } else {
            rows(&read_child(&version.child)?)
        };
        let child = fields.into_iter().filter(|(_, value)| !value.is_empty());
        let child: serde_json::Map<String, Value> = child
            .map(|(label, value)| (label.to_owned(), value.into()))
            .collect();
        versions.push(json!({
            "version": version.version,
            "state": version.state,
            "merged_into": version.merged_into,
            "child": child,
            "provenance": serde_json::from_str::<Value>(&version.provenance).unwrap_or_default(),
            "conflicts": serde_json::from_str::<Value>(&version.conflicts).unwrap_or_default(),
            "replaced_at": instant(version.replaced_at.as_ref()),
        }));
    }
    let story = json!({ "members": members, "aliases": aliases, "versions": versions });
    if json {
        say(story);
    } else {
        say(serde_json::to_string_pretty(&story)?);
    }
    Ok(())
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
