//! A golden record with its past.

use serde_json::{Value, json};

use super::pair::rows;
use super::show::{instant, record, table};
use crate::cli::operator::say;
use crate::grpc::convert::read_child;
use crate::grpc::proto::v1;

/// Shows a golden record: its source records, what it says and said, and what became of it.
pub(super) fn show(answer: &v1::GetGoldenRecordResponse, json: bool) -> anyhow::Result<()> {
    if json {
        say(story(answer)?);
        return Ok(());
    }
    let mut members = table(&["Hồ sơ nguồn / source records"]);
    for member in &answer.members {
        members.add_row([record(Some(member))]);
    }
    say(members);
    show_versions(answer)?;
    if !answer.aliases.is_empty() {
        let mut aliases = table(&["at", "what", "from", "to", "because of"]);
        for alias in &answer.aliases {
            aliases.add_row([
                instant(alias.happened_at.as_ref()),
                what(alias).to_owned(),
                alias.from_golden_id.clone(),
                alias.to_golden_id.clone(),
                cause(alias).to_owned(),
            ]);
        }
        say(aliases);
    }
    say("With --json: where each field came from, and who contradicts it.");
    Ok(())
}

/// The versions beside each other would be too wide: each one shows what it says otherwise than the one
/// before it.
fn show_versions(answer: &v1::GetGoldenRecordResponse) -> anyhow::Result<()> {
    let mut versions = table(&["version", "until", "field", "says"]);
    let mut before: Vec<(&'static str, String)> = Vec::new();
    for version in answer.versions.iter().rev() {
        let fields = fields(version)?;
        let state = match version.merged_into.as_str() {
            "" => version.state.clone(),
            into => format!("{} into {into}", version.state),
        };
        versions.add_row([
            version.version.to_string(),
            instant(version.replaced_at.as_ref()),
            String::new(),
            state,
        ]);
        let is_there = |label: &str| fields.iter().any(|(there, _)| *there == label);
        let gone = before.iter().filter(|(label, _)| !is_there(label));
        let gone = gone.map(|(label, _)| (*label, "—".to_owned()));
        let changed = fields.iter().filter(|field| !before.contains(field));
        for (label, value) in changed.cloned().chain(gone) {
            versions.add_row([String::new(), String::new(), label.to_owned(), value]);
        }
        before = fields;
    }
    say(versions);
    Ok(())
}

fn fields(version: &v1::GoldenVersion) -> anyhow::Result<Vec<(&'static str, String)>> {
    if version.child.is_empty() {
        return Ok(Vec::new());
    }
    let fields = rows(&read_child(&version.child)?).into_iter();
    Ok(fields.filter(|(_, value)| !value.is_empty()).collect())
}

fn story(answer: &v1::GetGoldenRecordResponse) -> anyhow::Result<Value> {
    let members: Vec<String> = answer.members.iter().map(|it| record(Some(it))).collect();
    let aliases = answer.aliases.iter().map(|alias| {
        json!({
            "from": alias.from_golden_id,
            "to": alias.to_golden_id,
            "what": what(alias),
            "cause": cause(alias),
            "happened_at": instant(alias.happened_at.as_ref()),
        })
    });
    let aliases: Vec<Value> = aliases.collect();
    let mut versions = Vec::new();
    for version in &answer.versions {
        let child: serde_json::Map<String, Value> = fields(version)?
            .into_iter()
            .map(|(label, value)| (label.to_owned(), value.into()))
            .collect();
        versions.push(json!({
            "version": version.version,
            "state": version.state,
            "merged_into": version.merged_into,
            "child": child,
            "unit_move": version.unit_move,
            "provenance": read_json(&version.provenance)?,
            "conflicts": read_json(&version.conflicts)?,
            "replaced_at": instant(version.replaced_at.as_ref()),
        }));
    }
    Ok(json!({ "members": members, "aliases": aliases, "versions": versions }))
}

/// A golden record that is not live has no provenance.
fn read_json(text: &str) -> anyhow::Result<Value> {
    if text.is_empty() {
        return Ok(Value::Null);
    }
    Ok(serde_json::from_str(text)?)
}

const fn what(alias: &v1::GoldenAlias) -> &'static str {
    if alias.merged { "merged" } else { "split" }
}

fn cause(alias: &v1::GoldenAlias) -> &'static str {
    match alias.cause() {
        v1::AliasCause::Unspecified => "",
        v1::AliasCause::Evidence => "evidence",
        v1::AliasCause::Decision => "decision",
        v1::AliasCause::Node => "node",
    }
}
