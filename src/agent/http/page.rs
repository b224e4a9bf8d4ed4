//! The page for the official: in plain Vietnamese, rendered here, asking for nothing from elsewhere.

use std::fmt::Display;

use time::UtcOffset;

use super::answers::Problem;
use super::routes::kind_word;
use crate::agent::corrections::count;
use crate::agent::overview::{Overseen, Overview};
use crate::agent::words;
use crate::domain::clock::Timestamp;
use crate::domain::standing::Standing;
use crate::store::{AgentRecord, MadeBundle};

/// Records to correct that the page shows.
const SHOWN_MAX: i64 = 50;
/// Bundles that the page shows, the newest.
const BUNDLES_SHOWN_MAX: i64 = 5;
/// Vietnam's offset from UTC, in hours.
const VIETNAM_OFFSET_HOURS: i8 = 7;

pub(super) const STYLE: &str = "body{font:16px/1.5 sans-serif;margin:2rem auto;max-width:50rem;padding:0 1rem;\
    color:#222}h1{font-size:1.4rem}h2{font-size:1.1rem;margin-top:2rem}table{border-collapse:collapse;\
    width:100%}td,th{border-bottom:1px solid #ccc;padding:.4rem;text-align:left;vertical-align:top}\
    td.n{text-align:right}.ok{color:#0a6b2c}.bad{color:#a11}small{color:#666}";

/// The whole page as of now.
pub(super) async fn page(overseen: &Overseen) -> Result<String, Problem> {
    let overview = overseen.look().await?;
    let mut reading = overseen.store.read().await?;
    let mut records = Vec::new();
    for standing in [Standing::ToCorrect, Standing::KeptToCorrect] {
        records.extend(reading.list_records(standing, None, SHOWN_MAX).await?);
    }
    let made = reading.list_bundles(BUNDLES_SHOWN_MAX).await?;
    drop(reading);
    let to_correct_all = count(overseen, None).await?.records;
    let name = Escaped(overseen.name.as_str());
    Ok(format!(
        "<!doctype html><html lang=\"vi\"><head><meta charset=\"utf-8\">\
         <meta http-equiv=\"refresh\" content=\"30\"><title>Hồ sơ trẻ em: {name}</title>\
         <style>{STYLE}</style></head><body><h1>Hồ sơ trẻ em: {name}</h1>{line}{room}\
         <h2>Hồ sơ đang ở đâu</h2>{standings}{carried}<h2>Hồ sơ cần sửa</h2>{corrections}{records}\
         <p><small>Giờ của máy này: {now}. Trang tự cập nhật sau 30 giây.</small></p></body></html>",
        line = line(&overview),
        room = room(&overview, overseen.limits.bytes_max),
        standings = standings(&overview),
        carried = carried(&made),
        corrections = corrections(to_correct_all),
        records = to_correct(&records),
        now = moment(overview.now),
    ))
}

fn line(overview: &Overview) -> String {
    let waiting = overview.urgent_waiting + overview.routine_waiting;
    let queue = match (waiting, overview.oldest_kept_at) {
        (1.., Some(oldest)) => format!(
            "{waiting} hồ sơ đang chờ gửi, lâu nhất từ {} (giờ của máy này).",
            moment(oldest)
        ),
        _ => "Không có hồ sơ nào đang chờ gửi.".to_owned(),
    };
    if overview.has_line() {
        return format!("<p class=\"ok\">Đang kết nối với tỉnh. {queue}</p>");
    }
    let errors = overview.lines.iter().map(|(_, health)| &health.last_error);
    let cause = errors
        .filter(|error| !error.is_empty())
        .map(|error| trouble(error))
        .next()
        .unwrap_or("đang thử kết nối");
    let carry = if waiting > 0 {
        " Nếu mất mạng lâu ngày, có thể mang hồ sơ đến tỉnh bằng USB: xem lệnh <code>childsync bundle \
         --help</code>."
    } else {
        ""
    };
    format!(
        "<p class=\"bad\">Chưa kết nối được với tỉnh: {cause}. Hồ sơ vẫn được lưu an toàn ở máy này và \
         sẽ tự gửi khi có kết nối. {queue}{carry}</p>"
    )
}

/// What a failure of the line means to the official.
fn trouble(word: &str) -> &'static str {
    match word {
        "UNREACHABLE" | "TIMED_OUT" => {
            "không có mạng, máy chủ không trả lời, hoặc giờ của máy này sai"
        }
        "NODE_NOT_REGISTERED" => "tỉnh chưa đăng ký đơn vị này, hãy báo cho tỉnh",
        "DATABASE_AWAY" | "DRAINING" | "QUEUE_FULL" => "máy chủ của tỉnh đang bận, sẽ thử lại",
        "STORE" => "máy này không ghi được đĩa, hãy kiểm tra dung lượng",
        _ => "máy chủ của tỉnh báo lỗi, hãy báo cho người phụ trách kỹ thuật",
    }
}

fn room(overview: &Overview, bytes_max: u64) -> String {
    if overview.is_full {
        return "<p class=\"bad\">Máy này đã đầy: chưa nhận thêm hồ sơ cho đến khi gửi bớt. Hồ sơ đã \
                nhận không bị mất.</p>"
            .to_owned();
    }
    let mebibytes = |bytes: u64| bytes / (1024 * 1024);
    format!(
        "<p>Đã dùng {} MiB trong {} MiB.</p>",
        mebibytes(overview.used_bytes),
        mebibytes(bytes_max)
    )
}

fn standings(overview: &Overview) -> String {
    let rows = Standing::ALL.map(|standing| {
        let (words, count) = (words::standing(standing), overview.count(standing));
        format!("<tr><td>{words}</td><td class=\"n\">{count}</td></tr>")
    });
    format!("<table>{}</table>", rows.concat())
}

/// What was carried by hand, and whether the province has answered.
fn carried(made: &[MadeBundle]) -> String {
    if made.is_empty() {
        return String::new();
    }
    let rows = made.iter().map(|bundle| {
        let answered = bundle.receipted_at.map_or_else(
            || "<span class=\"bad\">chưa có biên nhận</span>".to_owned(),
            |at| format!("đã có biên nhận {}", moment(at)),
        );
        let (made_at, records) = (moment(bundle.made_at), bundle.records);
        format!(
            "<tr><td>{made_at}</td><td class=\"n\">{records} hồ sơ</td><td>{answered}</td></tr>"
        )
    });
    format!(
        "<h2>Tệp mang tay đến tỉnh</h2><table>{}</table>",
        rows.collect::<String>()
    )
}

fn corrections(records: i64) -> String {
    if records == 0 {
        return String::new();
    }
    format!(
        "<p><a href=\"/corrections\">Danh sách {records} hồ sơ cần sửa, có tên trẻ và việc cần làm</a></p>"
    )
}

fn to_correct(records: &[AgentRecord]) -> String {
    if records.is_empty() {
        return "<p>Không có.</p>".to_owned();
    }
    let rows: String = records.iter().map(row).collect();
    format!("<table><tr><th>Mã hồ sơ</th><th>Tình trạng</th><th>Cần sửa</th></tr>{rows}</table>")
}

fn row(record: &AgentRecord) -> String {
    let answered = record.answered.as_ref();
    let of_hub = answered.filter(|answered| answered.version == record.version);
    let rules = of_hub.map_or(&record.rules, |answered| &answered.rules);
    let mut problems = words::rule_lines(rules);
    if problems.is_empty() {
        problems.extend(of_hub.map(|answered| answered.reason.clone()));
    }
    let problems: Vec<String> = problems
        .iter()
        .map(|problem| Escaped(problem).to_string())
        .collect();
    format!(
        "<tr><td>{}<br><small>{}</small></td><td>{}</td><td>{}</td></tr>",
        record.key.1,
        kind_word(record.key.0),
        words::standing(record.standing),
        problems.join("<br>")
    )
}

pub(super) fn moment(at: Timestamp) -> String {
    let offset = UtcOffset::from_hms(VIETNAM_OFFSET_HOURS, 0, 0).unwrap_or(UtcOffset::UTC);
    let seconds = at.as_micros().div_euclid(1_000_000);
    let Ok(at) = time::OffsetDateTime::from_unix_timestamp(seconds) else {
        return "?".to_owned();
    };
    let at = at.to_offset(offset);
    format!(
        "{:02}/{:02}/{} {:02}:{:02}",
        at.day(),
        u8::from(at.month()),
        at.year(),
        at.hour(),
        at.minute()
    )
}

/// A text in which nothing is a mark of the page.
pub(super) struct Escaped<'a>(pub(super) &'a str);

impl Display for Escaped<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for letter in self.0.chars() {
            match letter {
                '<' => formatter.write_str("&lt;")?,
                '>' => formatter.write_str("&gt;")?,
                '&' => formatter.write_str("&amp;")?,
                '"' => formatter.write_str("&quot;")?,
                '\'' => formatter.write_str("&#39;")?,
                _ => write!(formatter, "{letter}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_hub_says_cannot_become_a_part_of_the_page() {
        assert_eq!(
            Escaped("<b a='\"&'>").to_string(),
            "&lt;b a=&#39;&quot;&amp;&#39;&gt;"
        );
    }

    #[test]
    fn moments_are_of_vietnam() {
        let midnight = Timestamp::from_micros(1_767_200_400_000_000);

        assert_eq!(moment(midnight), "01/01/2026 00:00");
    }
}
