//! What an official reads: standings, reasons and rules in plain Vietnamese.

use crate::domain::correction::CorrectionReason;
use crate::domain::standing::Standing;
use crate::domain::tier_word::{TierState, TierWord};
use crate::domain::validation::Rule;
use crate::sync::ingest::Reason;

/// Where a record is.
pub const fn standing(standing: Standing) -> &'static str {
    match standing {
        Standing::Kept => "Đang lưu ở máy này, chờ gửi",
        Standing::KeptToCorrect => "Đang lưu ở máy này, chờ gửi, cần sửa",
        Standing::ToCorrect => "Cấp trên trả lại, cần sửa",
        Standing::AtHub => "Đã đến tỉnh",
        Standing::AtTop => "Đã đến trung ương",
    }
}

/// What a tier above the hub says of a record.
pub const fn tier(word: &TierWord) -> &'static str {
    match (word.state, word.is_newest) {
        (TierState::Reconciled, true) => "Đang giữ",
        (TierState::Linked, true) => "Đang giữ, trẻ có nhiều hơn một hồ sơ",
        (TierState::Withdrawn, true) => "Đã rút",
        (TierState::Quarantined, _) => "Trả lại, cần sửa",
        (TierState::Refused, _) => "Từ chối",
        (TierState::Reconciled | TierState::Linked | TierState::Withdrawn, false) => {
            "Còn giữ bản cũ hơn, bản mới đang gửi"
        }
    }
}

/// Why a record is on the list of corrections.
pub const fn correction(reason: CorrectionReason) -> &'static str {
    match reason {
        CorrectionReason::Number => "Số định danh thiếu hoặc không thể đúng",
        CorrectionReason::Duplicate => "Trùng với hồ sơ ở nơi khác",
        CorrectionReason::Conflict => "Mâu thuẫn giữa các hồ sơ của cùng một trẻ",
        CorrectionReason::Unit => "Xã không còn tồn tại",
        CorrectionReason::Rule => "Lỗi khác",
    }
}

/// Why a record was refused.
pub const fn reason(reason: Reason) -> &'static str {
    match reason {
        Reason::RecordIdInvalid => "mã hồ sơ không phải là UUID",
        Reason::VersionInvalid => "số phiên bản không hợp lệ",
        Reason::ContentMissing => "không có nội dung",
        Reason::TombstoneInvalid => "thiếu loại hồ sơ hoặc lý do rút hồ sơ",
        Reason::RelationInvalid => "liên hệ với hồ sơ khác không hợp lệ",
        Reason::ContentUnreadable => "nội dung không đọc được",
        Reason::ContentTooLarge => "hồ sơ quá lớn",
        Reason::OutsideTerritory => "xã trong hồ sơ không thuộc địa bàn của đơn vị",
        Reason::VersionReused => "phiên bản này đã có với nội dung khác",
    }
}

/// What a rule asks for.
pub const fn rule(rule: Rule) -> &'static str {
    match rule {
        Rule::Required => "bắt buộc phải có",
        Rule::TooLong => "dài quá mức cho phép, hãy rút gọn",
        Rule::TooShort => "quá ngắn, hãy viết đầy đủ",
        Rule::TooMany => "có quá nhiều mục, hãy bớt",
        Rule::NameCharacters => "có ký tự không dùng trong họ tên, hãy sửa",
        Rule::NameSingleWord => "chỉ có một từ, hãy kiểm tra cả họ và tên",
        Rule::Unnamed => "trẻ chưa đặt tên, hãy gửi tên khi đã đăng ký",
        Rule::DateInvalid => "không phải là ngày có thật, hãy sửa",
        Rule::DateInFuture => "ngày ở tương lai, hãy sửa",
        Rule::DateOrder => "sớm hơn một ngày phải đến trước, hãy sửa",
        Rule::NotAChild => "đã từ đủ 16 tuổi, hãy kiểm tra ngày sinh",
        Rule::UnknownCode => "mã không có trong danh mục, hãy chọn mã khác",
        Rule::UnknownListVersion => "không biết phiên bản danh mục này",
        Rule::UnknownUnit => "không có đơn vị hành chính này, hãy kiểm tra mã",
        Rule::NotACommune => "không phải là mã xã năm chữ số",
        Rule::NumberInvalid => "không phải là số định danh 12 chữ số, hãy sửa hoặc để trống",
        Rule::NumberRepairable => "số định danh mất số 0 ở đầu, hãy thêm lại",
        Rule::NumberMissing => "chưa có số định danh, hãy ghi số hoặc lý do",
        Rule::NumberProvince => "số định danh không bắt đầu bằng mã tỉnh, hãy kiểm tra",
        Rule::NumberCentury => "số định danh không phải của người sinh từ năm 2000",
        Rule::NumberSex => "giới tính khác với số định danh, hãy kiểm tra cả hai",
        Rule::NumberBirthYear => "năm sinh khác với số định danh, hãy kiểm tra cả hai",
        Rule::InsuranceNumber => "số thẻ bảo hiểm không đúng dạng, hãy kiểm tra",
        Rule::InsuranceAge => "thẻ bảo hiểm trẻ dưới 6 tuổi nhưng trẻ lớn hơn",
        Rule::CertificateNumber => "số giấy khai sinh phải có dạng số/năm",
        Rule::Phone => "không phải là số điện thoại Việt Nam",
        Rule::PhonePrefix2018 => "đầu số 11 chữ số đã bỏ từ năm 2018, hãy ghi số mới",
        Rule::Unusual => "khác thường, hãy kiểm tra",
        Rule::StatusDate => "cần ghi ngày bắt đầu tình trạng này",
        Rule::CircumstanceIncomplete => "nhóm hoàn cảnh cần thêm thông tin khác, hãy bổ sung",
        Rule::CircumstanceDetail => "chi tiết không thuộc nhóm hoàn cảnh này",
        Rule::CircumstanceRestricted => "nhóm hoàn cảnh được hạn chế theo luật, hãy đánh dấu",
        Rule::UnknownWord => "không phải là từ được phép, hãy chọn lại",
        Rule::InformantNotAgreed => "nêu tên người báo tin khi họ chưa đồng ý, hãy bỏ",
        Rule::EmergencyLate => "can thiệp khẩn cấp sau hơn 12 giờ, hãy kiểm tra thời gian",
    }
}

/// Broken rules as they are kept, `path RULE` one a line, with the Vietnamese words where the rule is known.
pub fn rule_lines(lines: &str) -> Vec<String> {
    lines
        .lines()
        .map(|line| {
            let (path, word) = line.rsplit_once(' ').unwrap_or(("", line));
            let known = Rule::ALL.iter().find(|rule| rule.as_str() == word);
            known.map_or_else(
                || line.to_owned(),
                |known| format!("{path}: {}", rule(*known)),
            )
        })
        .collect()
}
