//! Two records side by side, and what speaks for and against one child.

use serde_json::{Value, json};

use super::show::{table, verdict};
use super::words;
use crate::cli::operator::say;
use crate::domain::draft::{ChildDraft, DateDraft, UnitDraft};
use crate::domain::unit::UnitReference;
use crate::grpc::convert::read_child;
use crate::grpc::proto::v1;

/// Relations of the list `relation_to_child`.
const FATHER: &str = "01";
const MOTHER: &str = "02";

/// Two records side by side, and the evidence.
pub(super) fn show(answer: &v1::ExplainPairResponse, json: bool) -> anyhow::Result<()> {
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
        "Hồ sơ hợp nhất / golden record",
        &answer.one_golden_id,
        &answer.other_golden_id,
    ]);
    say(fields);
    let mut evidence = table(&["Bằng chứng / evidence", "Kết quả / came out", "bits"]);
    for line in &answer.comparisons {
        evidence.add_row([
            words::comparison(&line.name),
            words::level(&line.level),
            format!("{:+.1}", line.bits),
        ]);
    }
    evidence.add_row([
        "Trước khi so sánh / before anything is compared".to_owned(),
        "hai hồ sơ hiếm khi là một trẻ / two records are seldom one child".to_owned(),
        format!("{:+.1}", answer.prior_bits),
    ]);
    evidence.add_row([
        "Anh chị em, sinh đôi / brothers, sisters, twins".to_owned(),
        "cũng có thể giống như vậy / would look like this too".to_owned(),
        format!("{:+.1}", -answer.family_bits),
    ]);
    evidence.add_row([
        "Tổng cộng / all together".to_owned(),
        String::new(),
        format!("{:+.1}", answer.bits),
    ]);
    say(evidence);
    say(format_args!(
        "Linked from {:+.1} bits on, asked from {:+.1} on. One bit doubles the odds.",
        answer.link_bits, answer.review_bits
    ));
    if !answer.veto.is_empty() {
        say(format_args!("Kept apart: {}", words::veto(&answer.veto)));
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
pub(super) fn rows(child: &ChildDraft) -> Vec<(&'static str, String)> {
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
            child.commune.as_ref().map_or_else(String::new, commune),
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
            "Giấy khai sinh / birth certificate",
            child
                .birth_registration
                .as_ref()
                .map_or_else(String::new, |entry| entry.number.clone()),
        ),
        (
            "Thẻ BHYT / health insurance",
            child
                .insurance
                .as_ref()
                .map_or_else(String::new, |card| card.number.clone()),
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

/// A commune with its name, where a list has it.
fn commune(unit: &UnitDraft) -> String {
    let text = format!("{}:{}", unit.scheme, unit.code);
    let known = text.parse::<UnitReference>().ok();
    match known.and_then(|unit| unit.find()) {
        Some(known) => format!("{} ({text})", known.name),
        None => text,
    }
}

fn date(date: DateDraft) -> String {
    match (date.month, date.day) {
        (0, _) => date.year.to_string(),
        (month, 0) => format!("{month:02}/{}", date.year),
        (month, day) => format!("{day:02}/{month:02}/{}", date.year),
    }
}
