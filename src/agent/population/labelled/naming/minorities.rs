//! Names of peoples other than the Kinh, by `reference/names/ethnic_patterns.csv` and from memory.

use rand::RngExt;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;

use super::{Name, Naming};
use crate::agent::population::labelled::peoples::People;
use crate::agent::population::labelled::words::WORDS;

const KHMER_MALE: [&str; 24] = [
    "Sóc",
    "Rinh",
    "Pha",
    "Hiêng",
    "Khêl",
    "Sà Rươl",
    "Phươl",
    "Thươl",
    "Sa Rết",
    "Đa Ra",
    "Vi Sal",
    "Sô Phia",
    "Ra",
    "Thia",
    "Chanh Đa",
    "Ty",
    "Nhanh",
    "Lên",
    "Quanh",
    "Rết",
    "Huôl",
    "Dươl",
    "Cương",
    "Thi",
];
const KHMER_FEMALE: [&str; 20] = [
    "Sóc Kha",
    "Srây",
    "Pha Ly",
    "Sa Vươn",
    "Đa Ni",
    "Chanh Tha",
    "Sô Phia",
    "Na Ri",
    "Thia",
    "Rinh",
    "Phol La",
    "Sa Rây",
    "Nhi",
    "Ni",
    "Ly Đa",
    "Ra Vy",
    "Hên",
    "Mết",
    "Ươl",
    "Khuôn",
];
const HMONG_FAMILIES: [&str; 10] = [
    "Sùng", "Giàng", "Vàng", "Thào", "Lầu", "Mùa", "Hờ", "Cứ", "Lý", "Ly",
];
const HMONG_MALE: [&str; 14] = [
    "Páo", "Dơ", "Chứ", "Sử", "Lử", "Tủa", "Chinh", "Sình", "Vừ", "Phử", "Dế", "Chu", "Nủ", "Thề",
];
const HMONG_FEMALE: [&str; 12] = [
    "Dợ", "Mỷ", "Chở", "Sua", "Pàng", "Máy", "Dở", "Mo", "Xá", "Vang", "Dính", "Chía",
];
const EDE_CLANS: [&str; 12] = [
    "Niê",
    "Mlô",
    "Êban",
    "Ayŭn",
    "Kbuôr",
    "Êñuôl",
    "Kđoh",
    "Adrơng",
    "Byă",
    "Ktla",
    "Buôn Yă",
    "Buôn Krông",
];
const HIGHLAND_MALE: [&str; 16] = [
    "Moan", "Bhăm", "Thăng", "Wan", "Sơn", "Djuang", "Khoa", "Quý", "Tuân", "Nam", "Blưng",
    "Krông", "Đức", "Phong", "Huy", "Dương",
];
const HIGHLAND_FEMALE: [&str; 16] = [
    "Leo", "Nga", "Mai", "Linh", "Nhung", "Bli", "Djoan", "Lan", "Thuỳ", "Rina", "Wiên", "Hương",
    "Nhi", "Yến", "Blah", "Juê",
];
const GIARAI_FAMILIES: [&str; 9] = [
    "Siu",
    "Ksor",
    "Kpă",
    "Rơ Châm",
    "Rah Lan",
    "Nay",
    "Rơ Mah",
    "Rcom",
    "Kpuih",
];
const CHAM_MALE: [&str; 10] = [
    "Mách",
    "Du Số",
    "Mách Sa Lếs",
    "Ro Hếs",
    "A Mách",
    "Sa Lếs",
    "Du Sô",
    "Mus Ta Pha",
    "Ha Lim",
    "Ka Rim",
];
const CHAM_FEMALE: [&str; 8] = [
    "Ro Ky Gia",
    "Sa Fi Gia",
    "Mi Da",
    "Ha Li Ma",
    "Phát Ti Mah",
    "Sa Ly Ha",
    "Ay Sah",
    "Ro Fi Ah",
];
const HOA_FAMILIES: [&str; 10] = [
    "Lâm", "Trần", "Huỳnh", "Lý", "Quách", "Mã", "Tăng", "Hứa", "Ong", "Trịnh",
];
const NORTHERN_FAMILIES: [(&str, &[&str]); 4] = [
    (
        "02",
        &["Nông", "Hoàng", "Lý", "Ma", "Bế", "Triệu", "Hà", "Lương"],
    ),
    (
        "03",
        &["Lò", "Quàng", "Cà", "Hà", "Lường", "Vi", "Tòng", "Cầm"],
    ),
    ("06", &["Bùi", "Quách", "Đinh", "Hà", "Phạm", "Trương"]),
    (
        "07",
        &["Nông", "Hoàng", "Lương", "Vi", "Lâm", "Hứa", "Triệu"],
    ),
];

fn one_of(words: &[&'static str], chance: &mut StdRng) -> &'static str {
    words.choose(chance).copied().unwrap_or_default()
}

impl Naming {
    /// The family name of a family's father, by his people and province.
    pub(in crate::agent::population::labelled) fn family_name(
        self,
        province: &str,
        chance: &mut StdRng,
    ) -> &'static str {
        match self.people {
            People::Kinh => WORDS.family(self.is_southern).draw(chance),
            People::Hoa => one_of(&HOA_FAMILIES, chance),
            People::Khmer => match province {
                "84" | "94" => one_of(&["Thạch", "Sơn", "Kim", "Lâm", "Kiên", "Thạch"], chance),
                "89" => one_of(&["Chau", "Chau", "Chau", "Thạch"], chance),
                _ => one_of(
                    &["Danh", "Danh", "Danh", "Danh", "Danh", "Thạch", "Kim"],
                    chance,
                ),
            },
            People::Northern(code) => NORTHERN_FAMILIES
                .iter()
                .find(|(people, _)| *people == code)
                .map_or("", |(_, families)| one_of(families, chance)),
            People::Hmong => one_of(&HMONG_FAMILIES, chance),
            People::Ede => one_of(&EDE_CLANS, chance),
            People::Giarai => one_of(&GIARAI_FAMILIES, chance),
            People::Xodang | People::Cham => "",
        }
    }

    pub(super) fn minority(self, family: &str, chance: &mut StdRng) -> Name {
        let modern = WORDS.of_sex(self.is_female).given.draw(chance);
        let of_sex = |male: &[&'static str], female: &[&'static str], chance: &mut StdRng| {
            one_of(if self.is_female { female } else { male }, chance)
        };
        match self.people {
            People::Khmer => self.khmer(family, modern, chance),
            People::Hmong => {
                let given = of_sex(&HMONG_MALE, &HMONG_FEMALE, chance);
                let middle = if self.is_female { "Thị" } else { "A" };
                Name::new(family, middle, given)
            }
            People::Ede => {
                let given = of_sex(&HIGHLAND_MALE, &HIGHLAND_FEMALE, chance);
                let marked = if self.is_female {
                    format!("H'{given}")
                } else {
                    format!("Y {given}")
                };
                Name {
                    is_family_last: true,
                    ..Name::new(family, "", &marked)
                }
            }
            People::Giarai => {
                let given = of_sex(&HIGHLAND_MALE, &HIGHLAND_FEMALE, chance);
                if self.is_female {
                    Name::new(family, "", &format!("H'{given}"))
                } else {
                    Name::new(family, "", given)
                }
            }
            People::Xodang => {
                let given = of_sex(&HIGHLAND_MALE, &HIGHLAND_FEMALE, chance);
                Name::new(if self.is_female { "Y" } else { "A" }, "", given)
            }
            People::Cham => Name::new("", "", of_sex(&CHAM_MALE, &CHAM_FEMALE, chance)),
            People::Kinh | People::Hoa | People::Northern(_) => {
                self.child_like_kinh(family, "", chance)
            }
        }
    }

    /// Short names of few words. Women of Kiên Giang have Thị in first place, those of An Giang Néang.
    fn khmer(self, family: &str, modern: &str, chance: &mut StdRng) -> Name {
        let own = if self.is_female {
            one_of(&KHMER_FEMALE, chance)
        } else {
            one_of(&KHMER_MALE, chance)
        };
        let given = if chance.random_bool(0.45) {
            own
        } else {
            modern
        };
        match (self.is_female, family, chance.random_range(0..100)) {
            (true, "Chau", 0..80) => Name::new("Néang", "", given),
            (true, "Danh", 0..60) => Name::new("Thị", "", given),
            (true, _, _) => Name::new(family, "Thị", given),
            (false, _, 0..15) => Name::new(family, WORDS.male.middle.draw(chance), modern),
            (false, _, _) => Name::new(family, "", given),
        }
    }
}
