//! `childsync agent status`, `records` and `show`: tables in the words of an official, or JSON.

use clap::Args;
use comfy_table::Table;
use serde_json::{Value, json};

use super::port::{get, page_link};
use crate::agent::http::routes::read_kind;
use crate::agent::words;
use crate::cli::operator::say;
use crate::config::AgentConfig;
use crate::domain::standing::Standing;

/// Show how the agent is doing, and the link to its page
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  childsync agent status\n  childsync agent status --json")]
pub(super) struct ShowStatus {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// List records of one standing
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  childsync agent records to-correct\n  \
    childsync agent records kept --json\n\n\
    kept: only here, waits for a line. kept-to-correct: the same, and breaks a rule.\n\
    to-correct: the hub wants a correction. at-hub: at the province. at-top: at the nation.")]
pub(super) struct ListRecords {
    /// Standing: kept, kept-to-correct, to-correct, at-hub or at-top
    #[arg(value_parser = read_standing)]
    standing: Standing,
    /// Records at most
    #[arg(long, default_value_t = 1_000)]
    limit: usize,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Show where one record is, and what is wrong with it
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  childsync agent show child 0197f3a2-0000-7000-8000-000000000001"
)]
pub(super) struct ShowRecord {
    /// Kind of the record: child or case-report
    #[arg(value_parser = known_kind)]
    kind: String,
    /// UUID of the record
    record_id: uuid::Uuid,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

fn read_standing(word: &str) -> Result<Standing, String> {
    let known = Standing::ALL.map(Standing::word).join(", ");
    Standing::from_word(word).ok_or_else(|| format!("choose one of {known}"))
}

fn known_kind(word: &str) -> Result<String, String> {
    let known = read_kind(word).map(|_| word.to_owned());
    known.ok_or_else(|| "choose child or case-report".to_owned())
}

impl ShowStatus {
    pub(super) async fn run(self, config: &AgentConfig) -> anyhow::Result<()> {
        let status = get(config, "/v1/status").await?;
        if self.json {
            say(status);
            return Ok(());
        }
        let mut table = Table::new();
        let line = if at(&status, "/has_line") == true {
            "có / yes".to_owned()
        } else {
            format!("không / no: {}", errors(&status))
        };
        let room = if at(&status, "/is_full") == true {
            "đầy, không nhận thêm / full, takes nothing more"
        } else {
            "còn chỗ / has room"
        };
        table.add_row(["Kết nối với tỉnh / line to the hub", &line]);
        table.add_row(["Chỗ trống / room", room]);
        for (words, value) in [
            (
                "Chờ gửi, khẩn cấp / waiting, urgent",
                at(&status, "/waiting/urgent"),
            ),
            (
                "Chờ gửi, thường / waiting, routine",
                at(&status, "/waiting/routine"),
            ),
            (
                "Lâu nhất từ / oldest kept at",
                at(&status, "/oldest_kept_at"),
            ),
            ("Đã dùng / bytes used", at(&status, "/used_bytes")),
            (
                "Giờ của máy này / this machine's time",
                at(&status, "/machine_time"),
            ),
        ] {
            table.add_row([words, &plain(value)]);
        }
        for standing in Standing::ALL {
            let words = format!("{} / {}", words::standing(standing), standing.word());
            table.add_row([
                words,
                plain(at(&status, &format!("/standings/{}", standing.word()))),
            ]);
        }
        say(table);
        say(format_args!(
            "Trang cho cán bộ / page for the official:\n{}",
            page_link(config)?
        ));
        Ok(())
    }
}

/// Why the lines fail, those that do.
fn errors(status: &Value) -> String {
    let lines = at(status, "/lines").as_object().into_iter().flatten();
    let failing = lines.filter_map(|(name, line)| {
        let error = at(line, "/last_error")
            .as_str()
            .filter(|error| !error.is_empty())?;
        Some(format!("{name} {error}"))
    });
    let failing: Vec<String> = failing.collect();
    if failing.is_empty() {
        "đang thử / trying".to_owned()
    } else {
        failing.join(", ")
    }
}

impl ListRecords {
    pub(super) async fn run(self, config: &AgentConfig) -> anyhow::Result<()> {
        let records = self.read(config).await?;
        if self.json {
            say(json!({ "records": records }));
            return Ok(());
        }
        let mut table = Table::new();
        table.set_header([
            "Loại / kind",
            "Mã / id",
            "Phiên bản / version",
            "Cần sửa / to correct",
        ]);
        for record in &records {
            table.add_row([
                plain(at(record, "/kind")),
                plain(at(record, "/record_id")),
                plain(at(record, "/version")),
                problems(record).join("\n"),
            ]);
        }
        say(table);
        say(format_args!(
            "{}: {}",
            words::standing(self.standing),
            records.len()
        ));
        Ok(())
    }

    async fn read(&self, config: &AgentConfig) -> anyhow::Result<Vec<Value>> {
        let (mut records, mut after): (Vec<Value>, Option<String>) = (Vec::new(), None);
        loop {
            let after_page = after.map(|after| format!("&after={after}"));
            let path = format!(
                "/v1/records?standing={}{}",
                self.standing.word(),
                after_page.unwrap_or_default()
            );
            let page = get(config, &path).await?;
            records.extend(
                at(&page, "/records")
                    .as_array()
                    .into_iter()
                    .flatten()
                    .cloned(),
            );
            after = at(&page, "/next_after").as_str().map(str::to_owned);
            if after.is_none() || records.len() >= self.limit {
                records.truncate(self.limit);
                return Ok(records);
            }
        }
    }
}

impl ShowRecord {
    pub(super) async fn run(self, config: &AgentConfig) -> anyhow::Result<()> {
        let path = format!("/v1/records/{}/{}", self.kind, self.record_id);
        let record = get(config, &path).await?;
        if self.json {
            say(record);
            return Ok(());
        }
        let hub = at(&record, "/hub");
        let mut table = Table::new();
        for (words, value) in [
            ("Tình trạng / standing", plain(at(&record, "/standing_vi"))),
            ("Phiên bản / version", plain(at(&record, "/version"))),
            (
                "Lưu ở máy này lúc (giờ máy này) / kept here at (this machine's time)",
                plain(at(&record, "/kept_at_by_this_machine")),
            ),
            (
                "Tỉnh có phiên bản / version at the province",
                plain(at(hub, "/version")),
            ),
            (
                "Ở tỉnh từ (giờ của tỉnh) / at the province since",
                plain(at(hub, "/since")),
            ),
            (
                "Ở trung ương từ (giờ của tỉnh) / at the nation since",
                plain(at(hub, "/above_since")),
            ),
            (
                "Trung ương từ chối / refused by the nation",
                plain(at(hub, "/above_reason")),
            ),
            (
                "Nay trẻ đăng ký ở / registered by now in",
                plain(at(hub, "/moved_to")),
            ),
            ("Cần sửa / to correct", problems(&record).join("\n")),
        ] {
            table.add_row([words.to_owned(), value]);
        }
        for word in at(hub, "/tiers").as_array().into_iter().flatten() {
            table.add_row(tier(word));
        }
        say(table);
        Ok(())
    }
}

/// What one tier above the hub says.
fn tier(word: &Value) -> [String; 2] {
    let place = format!(
        "{} ({})",
        plain(at(word, "/hub")),
        plain(at(word, "/unit_vi"))
    );
    let mut said = format!(
        "{} / {}",
        plain(at(word, "/state_vi")),
        plain(at(word, "/state"))
    );
    for (words, place) in [
        ("từ / since", "/since"),
        ("cả ở / also in", "/linked_units"),
        ("mâu thuẫn / in conflict", "/conflicting_fields"),
        ("lý do / reason", "/reason"),
    ] {
        let value = match at(word, place) {
            Value::Array(list) => list.iter().map(plain).collect::<Vec<_>>().join(", "),
            value @ (Value::Null
            | Value::String(_)
            | Value::Bool(_)
            | Value::Number(_)
            | Value::Object(_)) => plain(value),
        };
        if !value.is_empty() && value != "-" {
            said = format!("{said}\n{words}: {value}");
        }
    }
    [place, said]
}

/// What is to be corrected: by the hub's answer to this version, or before that by what the agent found.
fn problems(record: &Value) -> Vec<String> {
    let answer = at(record, "/hub_answer");
    let is_answered =
        at(answer, "/version") == at(record, "/version") && at(answer, "/answer") != "taken";
    let lists = if is_answered { answer } else { record };
    let listed = at(lists, "/broken_rules_vi")
        .as_array()
        .into_iter()
        .flatten();
    let mut problems: Vec<String> = listed.map(plain).collect();
    if is_answered && problems.is_empty() {
        problems.push(plain(at(answer, "/reason")));
    }
    problems
}

/// What stands at a place, or nothing.
fn at<'a>(value: &'a Value, pointer: &str) -> &'a Value {
    value.pointer(pointer).unwrap_or(&Value::Null)
}

fn plain(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    }
}
