//! What the evidence is called, in Vietnamese and English: a steward is an official of a commune or a
//! province.

use crate::linkage::index::Veto;
use crate::linkage::levels::{Comparison, Level};

/// What was compared; the program's own word where the hub is newer than this program.
pub(super) fn comparison(name: &str) -> String {
    let known = Comparison::ALL.into_iter().find(|it| it.as_str() == name);
    known.map_or_else(|| plain(name), |it| comparison_words(it).to_owned())
}

/// How it came out.
pub(super) fn level(name: &str) -> String {
    let known = Level::ALL.into_iter().find(|it| it.as_str() == name);
    known.map_or_else(|| plain(name), |it| level_words(it).to_owned())
}

/// Why two records are kept apart whatever their score.
pub(super) fn veto(name: &str) -> String {
    let known = Veto::ALL.into_iter().find(|it| it.as_str() == name);
    known.map_or_else(|| plain(name), |it| veto_words(it).to_owned())
}

fn plain(name: &str) -> String {
    name.replace('_', " ")
}

const fn comparison_words(comparison: Comparison) -> &'static str {
    match comparison {
        Comparison::GivenName => "Tên / given name",
        Comparison::MiddleNames => "Tên đệm / middle names",
        Comparison::FamilyName => "Họ / family name",
        Comparison::NameOrder => "Thứ tự họ và tên / order of the name",
        Comparison::BirthDate => "Ngày sinh / birth date",
        Comparison::Sex => "Giới tính / sex",
        Comparison::PersonalNumber => "Số định danh / personal number",
        Comparison::Mother => "Mẹ / mother",
        Comparison::Father => "Cha / father",
        Comparison::Phone => "Điện thoại / telephone",
        Comparison::Household => "Hộ / household",
        Comparison::Commune => "Xã / commune",
        Comparison::Ethnicity => "Dân tộc / ethnicity",
        Comparison::BirthOrder => "Con thứ / birth order",
        Comparison::BirthCertificate => "Giấy khai sinh / birth certificate",
        Comparison::Insurance => "Thẻ BHYT / health insurance",
    }
}

const fn level_words(level: Level) -> &'static str {
    match level {
        Level::Missing => "không có / missing",
        Level::Same => "giống nhau / the same",
        Level::OtherSpelling => "chỉ khác i, y / only i and y differ",
        Level::OtherTones => "chỉ khác dấu / only marks differ",
        Level::TonesLost => "một bên viết không dấu / one is written without marks",
        Level::SoundsAlike => "đọc gần giống nhau / sound alike",
        Level::OneTypingError => "khác một ký tự / one typing error apart",
        Level::AnotherName => "gần giống nhưng là tên khác / nearly alike, but another name",
        Level::Nickname => "tên gọi ở nhà / what the family calls the child",
        Level::Abbreviated => "một bên viết tắt / one is abbreviated",
        Level::PartMissing => "một bên thiếu một phần / one lacks a part",
        Level::SomeAlike => "giống một phần / some of it is the same",
        Level::Swapped => "đảo thứ tự / the same in another order",
        Level::FewDaysApart => "lệch vài ngày / a few days apart",
        Level::SameMonth => "cùng tháng / the same month",
        Level::SameYear => "cùng năm / the same year",
        Level::TooNear => {
            "quá gần để là hai con của một mẹ / too near for two children of one mother"
        }
        Level::Doubtful => {
            "trùng số nhưng số không khớp / the same, but the number contradicts the record"
        }
        Level::OtherHouse => "cùng ấp, khác nhà / the same village, another house",
        Level::SameVillage => "cùng ấp, khóm / the same village",
        Level::SameProvince => "cùng tỉnh / the same province",
        Level::Unnamed => "một trẻ chưa đặt tên / one child has no name yet",
        Level::BothUnnamed => "cả hai chưa đặt tên / neither child has a name yet",
        Level::Different => "khác nhau / different",
    }
}

const fn veto_words(veto: Veto) -> &'static str {
    match veto {
        Veto::Steward => "cán bộ đã xác nhận là hai trẻ / a steward said: two children",
        Veto::Node => "nơi gửi hồ sơ nói là hai trẻ / the sender of both said: two children",
        Veto::TwoNumbers => "hai số định danh khác nhau / two valid personal numbers",
        Veto::Twins => "có thể là trẻ sinh đôi / they may be twins",
        Veto::OneNode => "một nơi giữ cả hai hồ sơ / one sender keeps both records",
        Veto::Evidence => "nhiều thông tin trái ngược / much speaks against it",
    }
}
