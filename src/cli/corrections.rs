//! `childsync corrections`: what an official is to correct, from the agent of this machine.

use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use comfy_table::Table;
use serde_json::{Value, json};

use super::agent::port::get;
use super::operator::say;
use crate::agent::words;
use crate::config::{AGENT_CONFIG_FILE, AgentConfig};
use crate::domain::correction::CorrectionReason;
use crate::domain::unit::UnitReference;
use crate::security::directory::write_private;

/// List the children whose records are to be corrected, grouped by reason
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    childsync corrections\n  \
    childsync corrections --reason number\n  \
    childsync corrections --unit GSO_PRE2025:30742 --json\n  \
    childsync corrections --csv can-sua.csv\n\n\
    number: the personal number is missing without a reason, or cannot be the child's.\n\
    duplicate: the child is registered in another unit too. conflict: the records of one child differ.\n\
    unit: the commune does not exist any more; its successor is named. rule: anything else.\n\n\
    The agent of this machine must run. A record leaves the list when it is corrected. The list names\n\
    children: the file of --csv can be read by its owner only; keep it so, and remove it after use. The\n\
    agent's page has the same list for the printer.")]
pub(super) struct ShowCorrections {
    /// The agent's configuration file
    #[arg(long, value_name = "FILE", default_value = AGENT_CONFIG_FILE)]
    config: PathBuf,
    /// One reason only: number, duplicate, conflict, unit or rule
    #[arg(long, value_parser = read_reason)]
    reason: Option<CorrectionReason>,
    /// Records of one commune only
    #[arg(long, value_name = "SCHEME:CODE")]
    unit: Option<UnitReference>,
    /// Records of each reason at most; 0 for the counts alone [default: 50, all with --csv]
    #[arg(long)]
    limit: Option<usize>,
    /// Write all of it as CSV into a new file, which holds names in clear
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Records of each reason that the terminal shows unless asked otherwise.
const SHOWN_MAX: usize = 50;
/// A byte order mark: Excel takes a CSV without it for another encoding.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The records of one reason.
struct Group {
    reason: CorrectionReason,
    records: Vec<Value>,
}

fn read_reason(word: &str) -> Result<CorrectionReason, String> {
    let known = CorrectionReason::ALL.map(CorrectionReason::word).join(", ");
    CorrectionReason::from_word(word).ok_or_else(|| format!("choose one of {known}"))
}

impl ShowCorrections {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        let config = AgentConfig::read(&self.config, std::env::vars())?;
        let unit = self.unit.map(|unit| format!("unit={unit}"));
        let unit = unit.unwrap_or_default();
        let counts = get(&config, &format!("/v1/corrections?{unit}")).await?;
        let limit = match self.limit {
            Some(limit) => limit,
            None if self.csv.is_some() => usize::MAX,
            None => SHOWN_MAX,
        };
        let mut groups = Vec::new();
        for reason in CorrectionReason::ALL {
            if self.reason.is_none_or(|wanted| wanted == reason) {
                let records = read_all(&config, reason, &unit, limit).await?;
                groups.push(Group { reason, records });
            }
        }
        if let Some(path) = &self.csv {
            let bytes = write_csv(&groups)?;
            write_private(path, &bytes).context("--csv")?;
        }
        if self.json {
            say(serde_json::to_string_pretty(&as_json(&counts, &groups))?);
            return Ok(());
        }
        self.show(&counts, &groups);
        Ok(())
    }

    fn show(&self, counts: &Value, groups: &[Group]) {
        for group in groups {
            let total = counted(counts, group.reason);
            say(format_args!(
                "{} / {}: {total}",
                words::correction(group.reason),
                group.reason.word()
            ));
            if group.reason == CorrectionReason::Unit {
                say_units(counts);
            }
            if self.csv.is_none() && !group.records.is_empty() {
                say(table(&group.records));
            }
            let shown = u64::try_from(group.records.len()).unwrap_or(u64::MAX);
            if shown < total {
                say(format_args!(
                    "  {shown}/{total}. Xem hết / all of them: --reason {} --limit {total}",
                    group.reason.word()
                ));
            }
        }
        if let Some(path) = &self.csv {
            say(format_args!(
                "{}: có tên trẻ em, hãy giữ kín và xoá khi xong / holds children's names: keep it private and \
                 remove it after use",
                path.display()
            ));
        }
    }
}

/// A whole commune that was renamed is said once.
fn say_units(counts: &Value) {
    for unit in at(counts, "/units").as_array().into_iter().flatten() {
        let name = |unit: &Value| format!("{} ({})", text(unit, "/name"), text(unit, "/code"));
        let successors = at(unit, "/successors").as_array().into_iter().flatten();
        let successors: Vec<String> = successors.map(name).collect();
        let now = if successors.is_empty() {
            "?".to_owned()
        } else {
            successors.join("; ")
        };
        say(format_args!(
            "  {} → {now}: {}",
            name(at(unit, "/unit")),
            at(unit, "/records")
        ));
    }
}

async fn read_all(
    config: &AgentConfig,
    reason: CorrectionReason,
    unit: &str,
    limit: usize,
) -> anyhow::Result<Vec<Value>> {
    let (mut records, mut after) = (Vec::new(), String::new());
    while records.len() < limit {
        let path = format!("/v1/corrections/{}?{unit}{after}", reason.word());
        let page = get(config, &path).await?;
        let found = at(&page, "/corrections").as_array();
        records.extend(found.into_iter().flatten().cloned());
        match at(&page, "/next_after").as_str() {
            Some(next) => after = format!("&after={next}"),
            None => break,
        }
    }
    records.truncate(limit);
    Ok(records)
}

fn counted(counts: &Value, reason: CorrectionReason) -> u64 {
    let count = at(counts, &format!("/reasons/{}", reason.word()));
    count.as_u64().unwrap_or_default()
}

fn as_json(counts: &Value, groups: &[Group]) -> Value {
    let groups = groups.iter().map(|group| {
        json!({
            "reason": group.reason.word(),
            "reason_vi": words::correction(group.reason),
            "records": counted(counts, group.reason),
            "corrections": group.records,
        })
    });
    json!({
        "records": at(counts, "/records"),
        "reasons": at(counts, "/reasons"),
        "units": at(counts, "/units"),
        "groups": groups.collect::<Vec<_>>(),
    })
}

fn table(records: &[Value]) -> Table {
    let mut table = Table::new();
    table.set_header([
        "Trẻ em / child",
        "Xã / unit",
        "Sai gì / what is wrong",
        "Làm gì / what to do",
    ]);
    for record in records {
        let [name, birth_date] = ["/name", "/birth_date"].map(|place| text(record, place));
        let id = text(record, "/record_id");
        let unit = [text(record, "/unit/code"), text(record, "/unit/name")].join(" ");
        table.add_row([
            format!("{name}\n{birth_date}\n{id}")
                .trim_start()
                .to_owned(),
            unit.trim().to_owned(),
            told(record, ["/field_vi", "/problem_vi", "/problem"]),
            told(record, ["", "/advice_vi", "/advice"]),
        ]);
    }
    table
}

/// What is said of each trouble in both languages, behind the name of the field where one is asked for.
fn told(record: &Value, [field, vietnamese, english]: [&str; 3]) -> String {
    let troubles = at(record, "/troubles").as_array().into_iter().flatten();
    let line = |trouble: &Value| {
        let said = format!("{} / {}", text(trouble, vietnamese), text(trouble, english));
        match text(trouble, field).as_str() {
            "" => said,
            field => format!("{field}: {said}"),
        }
    };
    let mut lines: Vec<String> = troubles.map(line).collect();
    lines.dedup();
    lines.join("\n")
}

/// A place in an answer; null where there is nothing, and for no place at all.
fn at<'a>(value: &'a Value, place: &str) -> &'a Value {
    let found = if place.is_empty() {
        None
    } else {
        value.pointer(place)
    };
    found.unwrap_or(&Value::Null)
}

fn text(value: &Value, place: &str) -> String {
    at(value, place).as_str().unwrap_or_default().to_owned()
}

fn write_csv(groups: &[Group]) -> anyhow::Result<Vec<u8>> {
    let mut writer = csv::Writer::from_writer(BYTE_ORDER_MARK.to_vec());
    writer.write_record([
        "reason",
        "reason_vi",
        "kind",
        "record_id",
        "name",
        "birth_date",
        "unit",
        "unit_name",
        "field",
        "problem_vi",
        "advice_vi",
        "problem",
        "advice",
    ])?;
    for group in groups {
        for record in &group.records {
            let own = [
                "/reason",
                "/reason_vi",
                "/kind",
                "/record_id",
                "/name",
                "/birth_date",
            ];
            let own = own.map(|place| cell(record, place));
            let unit = ["/unit/code", "/unit/name"].map(|place| cell(record, place));
            for trouble in at(record, "/troubles").as_array().into_iter().flatten() {
                let said = ["/field", "/problem_vi", "/advice_vi", "/problem", "/advice"];
                let said = said.map(|place| cell(trouble, place));
                writer.write_record(own.iter().chain(&unit).chain(&said))?;
            }
        }
    }
    writer
        .into_inner()
        .context("the CSV cannot be put together")
}

/// A cell that no spreadsheet takes for a formula.
fn cell(value: &Value, place: &str) -> String {
    let text = text(value, place);
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        format!("'{text}")
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_record_holds_cannot_become_a_formula() {
        let record = json!({ "name": "=1+1", "record_id": "0197" });

        assert_eq!(cell(&record, "/name"), "'=1+1");
        assert_eq!(cell(&record, "/record_id"), "0197");
    }
}
