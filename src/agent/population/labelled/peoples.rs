//! The peoples that the population has, and where how many of them live.

use rand::RngExt;
use rand::rngs::StdRng;

/// A people with a way of naming of its own, or with names like those of the Kinh.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum People {
    Kinh,
    Hoa,
    Khmer,
    /// Tày, Thái, Mường, Nùng: names as the Kinh have, other family names.
    Northern(&'static str),
    Hmong,
    Ede,
    Giarai,
    Xodang,
    Cham,
}

/// One people's share in one province of the list before 2025, in thousandths. Rounded from the
/// figures of the censuses of 2009 and 2019 as far as they are remembered; only their size matters.
type Share = (&'static str, People, u32);

const TAY: People = People::Northern("02");
const THAI: People = People::Northern("03");
const MUONG: People = People::Northern("06");
const NUNG: People = People::Northern("07");

const SHARES: [Share; 50] = [
    ("91", People::Khmer, 125),
    ("91", People::Hoa, 17),
    ("84", People::Khmer, 315),
    ("94", People::Khmer, 302),
    ("94", People::Hoa, 52),
    ("95", People::Khmer, 76),
    ("95", People::Hoa, 22),
    ("89", People::Khmer, 39),
    ("89", People::Cham, 7),
    ("93", People::Khmer, 27),
    ("96", People::Khmer, 22),
    ("86", People::Khmer, 22),
    ("92", People::Khmer, 18),
    ("92", People::Hoa, 11),
    ("72", People::Khmer, 7),
    ("70", People::Khmer, 20),
    ("79", People::Hoa, 42),
    ("58", People::Cham, 121),
    ("60", People::Cham, 31),
    ("66", People::Ede, 180),
    ("66", NUNG, 40),
    ("64", People::Giarai, 300),
    ("62", People::Xodang, 250),
    ("02", People::Hmong, 340),
    ("02", TAY, 230),
    ("11", People::Hmong, 380),
    ("11", THAI, 360),
    ("12", People::Hmong, 220),
    ("12", THAI, 310),
    ("10", People::Hmong, 250),
    ("10", TAY, 150),
    ("14", THAI, 540),
    ("14", People::Hmong, 155),
    ("15", TAY, 180),
    ("15", People::Hmong, 110),
    ("04", TAY, 410),
    ("04", NUNG, 300),
    ("06", TAY, 520),
    ("08", TAY, 260),
    ("19", TAY, 110),
    ("20", NUNG, 430),
    ("20", TAY, 350),
    ("17", MUONG, 630),
    ("25", MUONG, 140),
    ("38", THAI, 60),
    ("38", MUONG, 95),
    ("40", THAI, 90),
    ("22", TAY, 30),
    ("24", NUNG, 45),
    ("68", THAI, 10),
];

/// Everywhere else, and besides: families that moved there.
const ELSEWHERE: [(People, u32); 8] = [
    (People::Khmer, 2),
    (People::Hoa, 4),
    (TAY, 3),
    (MUONG, 3),
    (People::Hmong, 3),
    (People::Ede, 3),
    (People::Giarai, 3),
    (People::Xodang, 2),
];

impl People {
    /// The people of a family in a province of the list before 2025.
    pub(super) fn draw(province: &str, chance: &mut StdRng) -> Self {
        let mut point = chance.random_range(0_u32..1_000);
        let here = SHARES
            .iter()
            .filter(|(code, _, _)| *code == province)
            .map(|(_, people, share)| (*people, *share));
        for (people, share) in here.chain(ELSEWHERE) {
            if point < share {
                return people;
            }
            point -= share;
        }
        Self::Kinh
    }

    /// Whether given names are of the lists of names in the reference data, at least in part, so that
    /// the lists know which are alike.
    pub(super) const fn has_names_of_the_lists(self) -> bool {
        match self {
            Self::Kinh | Self::Hoa | Self::Khmer | Self::Northern(_) => true,
            Self::Hmong | Self::Ede | Self::Giarai | Self::Xodang | Self::Cham => false,
        }
    }

    /// Code of the list of 1979.
    pub(super) const fn code(self) -> &'static str {
        match self {
            Self::Kinh => "01",
            Self::Hoa => "04",
            Self::Khmer => "05",
            Self::Northern(code) => code,
            Self::Hmong => "08",
            Self::Giarai => "10",
            Self::Ede => "12",
            Self::Xodang => "14",
            Self::Cham => "17",
        }
    }

    /// Code of the census list.
    pub(super) fn census_code(self) -> &'static str {
        match self {
            Self::Hoa => "06",
            Self::Northern("06") => "04",
            Self::Ede => "11",
            Self::Xodang => "16",
            Self::Cham => "14",
            Self::Kinh | Self::Khmer | Self::Northern(_) | Self::Hmong | Self::Giarai => {
                self.code()
            }
        }
    }
}
