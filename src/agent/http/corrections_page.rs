//! The list of corrections as a page that can be read on paper too.

use super::answers::Problem;
use super::corrections::{asked, next_after, read_unit};
use super::page::{Escaped, STYLE, moment};
use super::routes::kind_word;
use crate::agent::corrections::{
    Correction, CorrectionCounts, CorrectionsAsked, Trouble, count, list, successors, unit_words,
};
use crate::agent::overview::Overseen;
use crate::agent::words;
use crate::domain::correction::CorrectionReason;
use crate::domain::unit::UnitReference;

/// Records of each reason that the page of all reasons shows.
const SHOWN_MAX: i64 = 50;
/// On paper: dark text, table headings on each sheet, no row cut in two, nothing to click.
const PAPER: &str = "td.box{width:1.5rem}td.box:after{content:\"\\2610\"}thead{display:table-header-group}\
    @media print{body{margin:0;max-width:none;font-size:11pt;color:#000}nav,.screen{display:none}\
    tr{break-inside:avoid}h2{break-after:avoid}a{color:#000;text-decoration:none}}";

/// All reasons, the beginning of each.
pub(super) async fn all(overseen: &Overseen, query: &str) -> Result<String, Problem> {
    let unit = read_unit(query)?;
    let counts = count(overseen, unit).await?;
    let mut parts = Vec::new();
    for (reason, records) in counts.reasons {
        if records == 0 {
            continue;
        }
        let asked = CorrectionsAsked {
            reason,
            unit,
            after: None,
            limit: SHOWN_MAX,
        };
        let found = list(overseen, asked).await?;
        let more = if records > SHOWN_MAX {
            let link = link(reason, unit, None);
            format!(
                "<p>Ở đây là {SHOWN_MAX} trong {records} hồ sơ. \
                 <a class=\"screen\" href=\"{link}\">Xem tất cả</a></p>"
            )
        } else {
            String::new()
        };
        parts.push(part(reason, records, &counts, &found) + &more);
    }
    if parts.is_empty() {
        parts.push("<p class=\"ok\">Không có hồ sơ nào cần sửa.</p>".to_owned());
    }
    Ok(whole(overseen, &heading(&counts), &parts.concat()))
}

/// One reason, page by page.
pub(super) async fn one(
    overseen: &Overseen,
    reason: CorrectionReason,
    query: &str,
) -> Result<String, Problem> {
    let asked = asked(reason, query)?;
    let counts = count(overseen, asked.unit).await?;
    let found = list(overseen, asked).await?;
    let records = counts.reasons.iter().find(|(known, _)| *known == reason);
    let records = records.map_or(0, |(_, records)| *records);
    let next = next_after(&found, asked.limit).map(|after| link(reason, asked.unit, Some(&after)));
    let next = next.map_or_else(String::new, |next| {
        format!("<p class=\"screen\"><a href=\"{next}\">Trang tiếp theo</a></p>")
    });
    let part = part(reason, records, &counts, &found) + &next;
    Ok(whole(overseen, &heading(&counts), &part))
}

fn link(reason: CorrectionReason, unit: Option<UnitReference>, after: Option<&str>) -> String {
    let unit = unit.map(|unit| format!("unit={unit}"));
    let after = after.map(|after| format!("after={after}"));
    let query: Vec<String> = unit.into_iter().chain(after).collect();
    format!("/corrections/{}?{}", reason.word(), query.join("&amp;"))
}

fn whole(overseen: &Overseen, heading: &str, body: &str) -> String {
    let name = Escaped(overseen.name.as_str());
    format!(
        "<!doctype html><html lang=\"vi\"><head><meta charset=\"utf-8\"><title>Hồ sơ cần sửa: {name}</title>\
         <style>{STYLE}{PAPER}</style></head><body><nav><a href=\"/\">Trang chính</a> · \
         <a href=\"/corrections\">Tất cả hồ sơ cần sửa</a></nav><h1>Hồ sơ cần sửa: {name}</h1>\
         {heading}{body}<p><small>Lập lúc {now} theo giờ của máy này. Trang này có tên trẻ em: in xong hãy \
         giữ kín, không chụp, không gửi qua mạng.</small></p></body></html>",
        now = moment(overseen.clock.now()),
    )
}

fn heading(counts: &CorrectionCounts) -> String {
    let reasons = counts.reasons.iter().map(|(reason, records)| {
        let (words, link) = (words::correction(*reason), link(*reason, None, None));
        format!("<tr><td><a href=\"{link}\">{words}</a></td><td class=\"n\">{records}</td></tr>")
    });
    format!(
        "<table>{}<tr><th>Số hồ sơ cần sửa</th><td class=\"n\">{}</td></tr></table>",
        reasons.collect::<String>(),
        counts.records
    )
}

fn part(
    reason: CorrectionReason,
    records: i64,
    counts: &CorrectionCounts,
    found: &[Correction],
) -> String {
    let words = words::correction(reason);
    let units = match reason {
        CorrectionReason::Unit => units(counts),
        CorrectionReason::Number
        | CorrectionReason::Duplicate
        | CorrectionReason::Conflict
        | CorrectionReason::Rule => String::new(),
    };
    let rows: String = found.iter().map(row).collect();
    format!(
        "<h2>{words} ({records})</h2>{units}<table><thead><tr><th></th><th>Trẻ em</th><th>Xã</th>\
         <th>Cần sửa</th><th>Việc cần làm</th></tr></thead><tbody>{rows}</tbody></table>"
    )
}

/// A whole commune that was renamed is said once.
fn units(counts: &CorrectionCounts) -> String {
    let units = counts.units.iter().map(|(unit, records)| {
        let now: Vec<String> = successors(*unit).into_iter().map(unit_words).collect();
        let now = if now.is_empty() {
            "chưa rõ".to_owned()
        } else {
            now.join("; ")
        };
        let (old, now) = (unit_words(*unit), Escaped(&now));
        format!("<li>{}: nay là {now} ({records} hồ sơ)</li>", Escaped(&old))
    });
    format!("<ul>{}</ul>", units.collect::<String>())
}

fn row(correction: &Correction) -> String {
    let name = match correction.label.name.as_str() {
        "" => "(không rõ tên)",
        name => name,
    };
    let unit = correction.unit.map(|unit| {
        let name = unit.find().map_or("", |unit| unit.name);
        format!("{name} ({})", unit.code)
    });
    let told = |of: fn(&Trouble) -> &str| {
        let texts = correction
            .troubles
            .iter()
            .map(|trouble| Escaped(of(trouble)));
        texts.map(|text| text.to_string()).collect::<Vec<_>>()
    };
    let labels = told(|trouble| &trouble.label);
    let problems = told(|trouble| &trouble.problem_vi);
    let problems: Vec<String> = labels.iter().zip(problems).map(said).collect();
    let mut advice = told(|trouble| &trouble.advice_vi);
    advice.dedup();
    format!(
        "<tr><td class=\"box\"></td><td><b>{}</b><br>{}<br><small>{} {}</small></td><td>{}</td><td>{}</td>\
         <td>{}</td></tr>",
        Escaped(name),
        Escaped(&correction.label.birth_date),
        kind_word(correction.key.0),
        correction.key.1,
        Escaped(&unit.unwrap_or_default()),
        problems.join("<br>"),
        advice.join("<br>")
    )
}

fn said((label, problem): (&String, String)) -> String {
    if label.is_empty() {
        problem
    } else {
        format!("{label}: {problem}")
    }
}
