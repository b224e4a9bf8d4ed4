//! What is wrong and what to do, in plain Vietnamese and English, never with what a field holds.

use super::{Trouble, successors, unit_words};
use crate::agent::file::column::Column;
use crate::agent::file::finding::Wording;
use crate::agent::file::wording;
use crate::domain::correction::CorrectionReason;
use crate::domain::standing::HubWord;
use crate::domain::territory::Territory;
use crate::domain::unit::UnitReference;
use crate::store::AgentRecord;

/// Everything that is wrong with a record for one reason.
pub(super) fn troubles(
    record: &AgentRecord,
    reason: CorrectionReason,
    territory: &Territory,
) -> Vec<Trouble> {
    match reason {
        CorrectionReason::Number => {
            let lines = record.broken_rules().lines().chain(record.warnings.lines());
            of_lines(lines, reason)
        }
        CorrectionReason::Duplicate => vec![duplicate(record)],
        CorrectionReason::Conflict => conflicts(record),
        CorrectionReason::Unit => {
            let mut troubles = of_lines(record.broken_rules().lines(), reason);
            troubles.extend(record.unit.and_then(|unit| gone(unit, territory)));
            troubles
        }
        CorrectionReason::Rule => {
            let mut troubles = of_lines(record.broken_rules().lines(), reason);
            if troubles.is_empty() {
                troubles.push(refused(record));
            }
            troubles
        }
    }
}

/// Those of the kept lines that belong to the reason. A rule of a newer hub is named by its word.
fn of_lines<'a>(lines: impl Iterator<Item = &'a str>, reason: CorrectionReason) -> Vec<Trouble> {
    let own = lines.filter(|line| CorrectionReason::of_line(line) == reason);
    own.map(|line| {
        let (path, word) = line.rsplit_once(' ').unwrap_or(("", line));
        match wording::rule(word) {
            Some(rule) => worded(path, wording::of_rule(rule)),
            None => Trouble {
                problem_vi: format!("vi phạm quy tắc {word}"),
                problem: format!("breaks the rule {word}"),
                ..worded(path, wording::UNKNOWN)
            },
        }
    })
    .collect()
}

fn worded(path: &str, wording: Wording) -> Trouble {
    Trouble {
        field: path.to_owned(),
        label: label_of(path),
        problem_vi: wording.vietnamese.to_owned(),
        advice_vi: wording.vietnamese_advice.to_owned(),
        problem: wording.english.to_owned(),
        advice: wording.english_advice.to_owned(),
    }
}

/// What an official calls a field; its path where there is no word for it.
fn label_of(path: &str) -> String {
    match Column::of_path(path) {
        Some(Column::UnitCode) => "Xã".to_owned(),
        Some(column) => column.label().to_owned(),
        None => path.to_owned(),
    }
}

fn refused(record: &AgentRecord) -> Trouble {
    let reason = record.answered.as_ref();
    let reason = reason.map(|answered| answered.reason.as_str());
    let known = reason.and_then(wording::of_reason);
    worded("", known.unwrap_or(wording::UNKNOWN))
}

fn places(units: &[UnitReference], own: &str) -> String {
    if units.is_empty() {
        return own.to_owned();
    }
    let words = units.iter().map(|unit| unit_words(*unit));
    words.collect::<Vec<_>>().join("; ")
}

fn duplicate(record: &AgentRecord) -> Trouble {
    let hub = record.hub.as_ref();
    let units = hub.map(HubWord::units_elsewhere).unwrap_or_default();
    let (mut problem_vi, mut problem) = if units.is_empty() {
        (
            "trẻ này có nhiều hơn một hồ sơ, có thể trong chính danh sách của đơn vị".to_owned(),
            "the child has more than one record, perhaps in this unit's own list".to_owned(),
        )
    } else {
        (
            format!("trẻ này cũng có hồ sơ ở: {}", places(&units, "")),
            format!("the child is registered too in: {}", places(&units, "")),
        )
    };
    if let Some(unit) = hub.and_then(HubWord::registered_elsewhere) {
        let place = unit_words(unit);
        problem_vi = format!("{problem_vi}. Theo hồ sơ hợp nhất, nay trẻ ở: {place}");
        problem = format!("{problem}; by the consolidated record it lives now in: {place}");
    }
    Trouble {
        field: String::new(),
        label: "Hồ sơ trùng".to_owned(),
        problem_vi,
        advice_vi: "Nếu trẻ đã chuyển đi: rút hồ sơ ở đây, lý do chuyển đi. Nếu trẻ đang ở đây: đề nghị nơi \
                    kia rút hồ sơ. Nếu là hai trẻ khác nhau: báo cho tỉnh để tách"
            .to_owned(),
        problem,
        advice: "if the child has moved away, withdraw the record here; if it lives here, ask the other \
                 unit to withdraw theirs; if they are two children, tell the province"
            .to_owned(),
    }
}

fn conflicts(record: &AgentRecord) -> Vec<Trouble> {
    let Some(hub) = &record.hub else {
        return Vec::new();
    };
    let units = hub.units_elsewhere();
    let trouble = |name: &String| {
        let path = format!("child.{name}");
        Trouble {
            label: label_of(&path),
            field: path,
            problem_vi: format!(
                "ghi khác với hồ sơ của cùng trẻ ở: {}",
                places(&units, "chính đơn vị này")
            ),
            advice_vi: "Đối chiếu giấy khai sinh: nếu ở đây ghi sai thì sửa, nếu nơi kia sai thì báo nơi kia"
                .to_owned(),
            problem: format!(
                "differs from the record of the same child in: {}",
                places(&units, "this unit itself")
            ),
            advice: "compare with the birth certificate: correct it here, or tell the other unit"
                .to_owned(),
        }
    };
    hub.fields_in_conflict().iter().map(trouble).collect()
}

/// The commune is not one of today: which one it is now, and whether its code may be written yet.
fn gone(unit: UnitReference, territory: &Territory) -> Option<Trouble> {
    if unit.is_of_today() {
        return None;
    }
    let now = successors(unit);
    let (old, new) = (unit_words(unit), places(&now, ""));
    let (problem_vi, problem) = match (unit.find().is_some(), now.len()) {
        (_, 0) => (
            format!("{old} không còn, chưa rõ đơn vị kế tiếp"),
            format!("{old} does not exist any more, and its successor is not known"),
        ),
        (true, 1) => (
            format!("{old} không còn, nay là {new}"),
            format!("{old} does not exist any more and is now {new}"),
        ),
        (true, _) => (
            format!("{old} không còn, nay thuộc một trong: {new}"),
            format!("{old} does not exist any more and is now part of one of: {new}"),
        ),
        (false, _) => (
            format!("không có mã xã {old}; có thể là {new}"),
            format!("there is no commune {old}; what is meant may be {new}"),
        ),
    };
    // A code that the hub would refuse must not be advised.
    let (advice_vi, advice) = if now.is_empty() {
        ("Hỏi tỉnh mã xã mới", "ask the province for the new code")
    } else if now.iter().any(|unit| territory.allows(unit)) {
        (
            "Ghi xã mới theo danh mục từ 01/07/2025",
            "write the new unit, by the list in force since 1 July 2025",
        )
    } else {
        (
            "Đề nghị tỉnh đăng ký địa bàn theo xã mới, sau đó ghi xã mới theo danh mục từ 01/07/2025",
            "ask the province to register the new unit for this node, then write it, by the list in force \
             since 1 July 2025",
        )
    };
    Some(Trouble {
        field: "child.commune".to_owned(),
        label: label_of("child.commune"),
        problem_vi,
        advice_vi: advice_vi.to_owned(),
        problem,
        advice: advice.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unit(text: &str) -> UnitReference {
        text.parse().expect("a unit reference")
    }

    #[test]
    fn a_commune_that_is_gone_is_told_with_its_successor() {
        let territory = Territory::new(vec![unit("GSO_2025:91")]);

        let told = gone(unit("GSO_PRE2025:30742"), &territory).expect("it is gone");

        assert!(
            told.problem_vi.contains("Phường Vĩnh Thanh Vân"),
            "{told:?}"
        );
        assert!(told.problem_vi.contains("Phường Rạch Giá"), "{told:?}");
        assert!(told.advice_vi.starts_with("Ghi xã mới"), "{told:?}");
    }

    #[test]
    fn a_code_that_the_hub_would_refuse_is_not_advised() {
        let territory = Territory::new(vec![unit("GSO_PRE2025:30742")]);

        let told = gone(unit("GSO_PRE2025:30742"), &territory).expect("it is gone");

        assert!(told.advice_vi.contains("đăng ký địa bàn"), "{told:?}");
    }

    #[test]
    fn a_code_of_another_list_is_told_with_what_is_meant() {
        let territory = Territory::new(vec![unit("GSO_2025:91")]);

        let told = gone(unit("GSO_2025:30730"), &territory).expect("it never was");

        assert!(
            told.problem_vi.contains("có thể là Phường Rạch Giá"),
            "{told:?}"
        );
        assert_eq!(gone(unit("GSO_2025:30742"), &territory), None);
    }
}
