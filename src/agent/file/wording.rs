//! What the hub answers, in words for an official.

use super::finding::Wording;
use crate::domain::validation::Rule;

/// Wordings by the stable word of an outcome's reason, as `Push` gives it.
const REASONS: [(&str, Wording); 10] = [
    (
        "RULE_BROKEN",
        wording(
            "hồ sơ vi phạm quy tắc, được giữ riêng chờ sửa",
            "Sửa các lỗi ghi ở những dòng cùng số dòng, rồi nhập lại tệp",
            "breaks a rule and waits apart until it is corrected",
            "correct what is listed for this row and import the file again",
        ),
    ),
    (
        "RECORD_ID_INVALID",
        wording(
            "mã hồ sơ không hợp lệ",
            "Báo cho người quản trị phần mềm",
            "has an id that the hub does not take",
            "tell whoever looks after the program",
        ),
    ),
    (
        "VERSION_INVALID",
        wording(
            "phiên bản của hồ sơ không hợp lệ",
            "Ghi phiên bản là số nguyên từ 1 trở lên",
            "has a version that the hub does not take",
            "write a whole number from 1",
        ),
    ),
    (
        "CONTENT_MISSING",
        wording(
            "hồ sơ không có nội dung",
            "Báo cho người quản trị phần mềm",
            "has no contents",
            "tell whoever looks after the program",
        ),
    ),
    (
        "TOMBSTONE_INVALID",
        wording(
            "yêu cầu xoá hồ sơ thiếu lý do",
            "Báo cho người quản trị phần mềm",
            "withdraws a record without a known reason",
            "tell whoever looks after the program",
        ),
    ),
    (
        "RELATION_INVALID",
        wording(
            "điều ghi về các hồ sơ khác không hợp lệ",
            "Báo cho người quản trị phần mềm",
            "says something of other records that cannot be",
            "tell whoever looks after the program",
        ),
    ),
    (
        "CONTENT_UNREADABLE",
        wording(
            "máy chủ không đọc được hồ sơ",
            "Báo cho người quản trị phần mềm",
            "cannot be read by the hub",
            "tell whoever looks after the program",
        ),
    ),
    (
        "CONTENT_TOO_LARGE",
        wording(
            "hồ sơ quá lớn (trên 64 KiB)",
            "Rút ngắn các ô có nội dung dài",
            "is larger than 64 KiB",
            "shorten its long cells",
        ),
    ),
    (
        "OUTSIDE_TERRITORY",
        wording(
            "xã của hồ sơ không thuộc địa bàn được phép gửi",
            "Kiểm tra mã xã; nếu đúng thì đề nghị cấp trên bổ sung địa bàn",
            "is of a commune that this node may not write for",
            "check the commune, or ask for it to be added to the territory",
        ),
    ),
    (
        "VERSION_REUSED",
        wording(
            "máy chủ đã có phiên bản này của hồ sơ với nội dung khác",
            "Lưu lại tệp sau khi sửa rồi nhập lại; nếu tệp có cột phiên bản thì tăng số phiên bản",
            "is held by the hub in this version with other contents",
            "save the file again after the change; with a column of versions, raise the version",
        ),
    ),
];

/// What each rule means in Vietnamese, and what to do.
const RULES: [(Rule, &str, &str); 35] = [
    (
        Rule::Required,
        "chưa có thông tin bắt buộc",
        "Điền vào ô này",
    ),
    (
        Rule::TooLong,
        "nội dung dài quá mức cho phép",
        "Rút ngắn lại",
    ),
    (Rule::TooShort, "nội dung quá ngắn", "Ghi đầy đủ"),
    (
        Rule::TooMany,
        "có nhiều mục hơn mức cho phép",
        "Bỏ bớt các mục thừa",
    ),
    (
        Rule::NameCharacters,
        "tên có chữ số hoặc ký tự lạ",
        "Tên chỉ gồm chữ cái, dấu cách, dấu nháy và gạch nối: sửa lại",
    ),
    (
        Rule::NameSingleWord,
        "tên chỉ có một từ",
        "Kiểm tra xem đã ghi đủ họ và tên chưa",
    ),
    (
        Rule::Unnamed,
        "trẻ chưa được đặt tên",
        "Gửi lại khi trẻ đã đăng ký khai sinh",
    ),
    (
        Rule::DateInvalid,
        "ngày tháng không có trong lịch",
        "Sửa lại ngày, tháng, năm",
    ),
    (Rule::DateInFuture, "ngày ở tương lai", "Sửa lại ngày"),
    (
        Rule::DateOrder,
        "ngày sớm hơn một ngày phải xảy ra trước đó",
        "Sửa lại một trong hai ngày",
    ),
    (
        Rule::NotAChild,
        "người này từ đủ 16 tuổi trở lên, không còn là trẻ em theo luật",
        "Kiểm tra lại ngày sinh",
    ),
    (
        Rule::UnknownCode,
        "mã không có trong danh mục",
        "Chọn mã có trong danh mục",
    ),
    (
        Rule::UnknownListVersion,
        "danh mục được ghi không phải danh mục đã biết",
        "Dùng danh mục đang áp dụng",
    ),
    (
        Rule::UnknownUnit,
        "không có đơn vị hành chính này trong danh mục",
        "Kiểm tra mã xã và danh mục (trước hay sau 01/7/2025)",
    ),
    (
        Rule::NotACommune,
        "không phải mã của xã, phường, thị trấn",
        "Ghi mã xã gồm 5 chữ số",
    ),
    (
        Rule::NumberInvalid,
        "số định danh không đủ 12 chữ số",
        "Sửa theo giấy tờ, hoặc để trống nếu chưa có",
    ),
    (
        Rule::NumberRepairable,
        "số định danh có vẻ thiếu số 0 ở đầu",
        "Thêm lại số 0 ở đầu",
    ),
    (
        Rule::NumberMissing,
        "chưa có số định danh và chưa ghi lý do",
        "Ghi số định danh, hoặc lý do chưa có",
    ),
    (
        Rule::NumberProvince,
        "ba số đầu của số định danh không phải mã tỉnh nào",
        "Kiểm tra lại, trừ khi đăng ký ở nước ngoài",
    ),
    (
        Rule::NumberCentury,
        "số định danh không phải của người sinh từ năm 2000",
        "Kiểm tra lại số",
    ),
    (
        Rule::NumberSex,
        "số định danh cho biết giới tính khác với hồ sơ",
        "Kiểm tra cả số định danh và giới tính",
    ),
    (
        Rule::NumberBirthYear,
        "số định danh cho biết năm sinh khác với hồ sơ",
        "Kiểm tra cả số định danh và ngày sinh",
    ),
    (
        Rule::InsuranceNumber,
        "số thẻ bảo hiểm y tế không đúng dạng (15 ký tự, 10 hoặc 12 chữ số)",
        "Kiểm tra lại số thẻ",
    ),
    (
        Rule::InsuranceAge,
        "thẻ dành cho trẻ dưới 6 tuổi nhưng trẻ đã lớn hơn",
        "Kiểm tra lại thẻ và ngày sinh",
    ),
    (
        Rule::CertificateNumber,
        "số giấy khai sinh không có dạng số/năm",
        "Kiểm tra lại, ví dụ 123/2018",
    ),
    (
        Rule::Phone,
        "không phải số điện thoại ở Việt Nam",
        "Kiểm tra lại số điện thoại",
    ),
    (
        Rule::PhonePrefix2018,
        "số điện thoại 11 số với đầu số đã bỏ từ năm 2018",
        "Ghi theo đầu số mới (10 số)",
    ),
    (Rule::Unusual, "giá trị khác thường", "Kiểm tra lại"),
    (
        Rule::StatusDate,
        "tình trạng này cần có ngày",
        "Ghi rõ từ ngày nào",
    ),
    (
        Rule::CircumstanceIncomplete,
        "hoàn cảnh này cần thêm thông tin ở phần khác của hồ sơ",
        "Bổ sung phần còn thiếu",
    ),
    (
        Rule::CircumstanceDetail,
        "chi tiết không thuộc nhóm hoàn cảnh đã ghi",
        "Sửa nhóm hoặc chi tiết",
    ),
    (
        Rule::CircumstanceRestricted,
        "nhóm hoàn cảnh này được bảo mật theo luật",
        "Đánh dấu là thông tin hạn chế",
    ),
    (
        Rule::UnknownWord,
        "không phải một trong các từ được phép",
        "Chọn một từ được phép",
    ),
    (
        Rule::InformantNotAgreed,
        "có tên người báo tin nhưng người đó chưa đồng ý",
        "Xoá thông tin người báo tin",
    ),
    (
        Rule::EmergencyLate,
        "can thiệp khẩn cấp muộn hơn 12 giờ sau khi nhận tin",
        "Kiểm tra lại các mốc thời gian",
    ),
];

const fn wording(
    vietnamese: &'static str,
    vietnamese_advice: &'static str,
    english: &'static str,
    english_advice: &'static str,
) -> Wording {
    Wording {
        vietnamese,
        vietnamese_advice,
        english,
        english_advice,
    }
}

/// What a reason of `Push` means; `None` for a word of a newer hub.
pub fn of_reason(word: &str) -> Option<Wording> {
    REASONS
        .iter()
        .find(|(known, _)| *known == word)
        .map(|(_, wording)| *wording)
}

/// For a word that this program does not know: the hub is newer.
pub const UNKNOWN: Wording = wording(
    "máy chủ trả lời bằng một mã mà chương trình này chưa biết",
    "Cập nhật chương trình, hoặc báo mã lỗi cho người quản trị",
    "was answered with a word that this program does not know",
    "update the program, or tell its word to whoever looks after the hub",
);

/// What a rule of the hub means.
pub fn of_rule(rule: Rule) -> Wording {
    let (english, english_advice) = rule
        .description()
        .split_once(": ")
        .unwrap_or((rule.description(), "check it"));
    let known = RULES.iter().find(|(known, _, _)| *known == rule);
    let (vietnamese, vietnamese_advice) = known.map_or(
        (UNKNOWN.vietnamese, UNKNOWN.vietnamese_advice),
        |(_, vietnamese, advice)| (*vietnamese, *advice),
    );
    Wording {
        vietnamese,
        vietnamese_advice,
        english,
        english_advice,
    }
}

/// A rule by its stable word.
pub fn rule(word: &str) -> Option<Rule> {
    Rule::ALL.iter().copied().find(|rule| rule.as_str() == word)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::file::finding::Finding;

    #[test]
    fn every_rule_and_every_finding_says_what_is_wrong_and_what_to_do_in_both_languages() {
        let rules = Rule::ALL.iter().map(|rule| (rule.as_str(), of_rule(*rule)));
        let findings = Finding::ALL
            .iter()
            .map(|finding| (finding.as_str(), finding.wording()));
        let reasons = REASONS.iter().copied();
        for (word, wording) in rules.chain(findings).chain(reasons) {
            let texts = [
                wording.vietnamese,
                wording.vietnamese_advice,
                wording.english,
                wording.english_advice,
            ];
            assert!(
                texts.iter().all(|text| text.len() >= 4),
                "{word} lacks a text"
            );
            assert!(
                !wording.vietnamese.is_ascii(),
                "{word} is not said in Vietnamese"
            );
            assert_ne!(
                wording.vietnamese, UNKNOWN.vietnamese,
                "{word} lacks a text"
            );
            assert!(rule(word).is_none_or(|rule| rule.as_str() == word));
        }
    }

    #[test]
    fn a_word_of_a_newer_hub_is_not_made_up() {
        assert_eq!(of_reason("SOMETHING_NEW"), None);
        assert!(rule("SOMETHING_NEW").is_none());
    }
}
