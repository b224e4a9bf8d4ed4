use proptest::prelude::*;
use unicode_normalization::UnicodeNormalization;

use super::*;

fn read(text: &str) -> Vec<String> {
    person_name(text)
        .words
        .into_iter()
        .map(Cow::into_owned)
        .collect()
}

/// A made-up name in its one form.
const CLEAN: &str = "nguyễn thị thuý hoà";

fn faults(text: &str) -> Vec<Fault> {
    person_name(text).faults().iter().collect()
}

#[test]
fn every_way_to_write_a_name_gives_the_same_words_and_its_fault() {
    let decomposed: String = "Nguyễn Thị Thuý Hoà".nfd().collect();
    for (written, fault) in [
        ("Nguyễn Thị Thuý Hoà", None),
        ("NGUYỄN THỊ THUÝ HOÀ", None),
        ("  nguyễn  thị\tthuý hoà ", None),
        (decomposed.as_str(), Some(Fault::Decomposed)),
        ("Nguye\u{303}\u{302}n Thị Thuý Hoà", Some(Fault::MarkOrder)),
        ("Nguyễn Thị Thúy Hòa", Some(Fault::TonePlacement)),
        ("NguyÔn ThÞ Thuý Hoµ", Some(Fault::Tcvn3)),
        ("Nguyeãn Thò Thuyù Hoaø", Some(Fault::Vni)),
        ("Nguyá»…n Thá»‹ ThuÃ½ HoÃ", Some(Fault::Utf8AsWindows1252)),
        ("Nguyeenx Thij Thuys Hoaf", Some(Fault::Telex)),
        ("Nguye6n4 Thi5 Thuy1 Hoa2", Some(Fault::VniKeystrokes)),
    ] {
        assert_eq!(read(written).join(" "), CLEAN, "{written}");
        assert_eq!(
            faults(written),
            fault.into_iter().collect::<Vec<_>>(),
            "{written}"
        );
    }
}

#[test]
fn viscii_is_read() {
    // "Nguyễn Văn Hoà" in VISCII, read as Latin-1.
    assert_eq!(
        read("Nguy\u{ad}n V\u{e5}n Ho\u{e0}").join(" "),
        "nguyễn văn hoà"
    );
}

#[test]
fn look_alikes_of_the_letter_d_with_stroke_are_that_letter() {
    for written in ["Đặng Văn Thử", "Ðặng Văn Thử", "Ɖặng Văn Thử"] {
        assert_eq!(read(written).join(" "), "đặng văn thử", "{written}");
    }
}

#[test]
fn tones_move_only_in_open_syllables_and_never_after_q() {
    for (written, read_as) in [
        ("Hòa", "hoà"),
        ("Khỏe", "khoẻ"),
        ("Thúy", "thuý"),
        ("Quý", "quý"),
        ("Hoàng", "hoàng"),
        ("Thủy", "thuỷ"),
        ("Mùa", "mùa"),
    ] {
        assert_eq!(read(written), [read_as]);
    }
}

#[test]
fn abbreviations_and_apostrophes_are_kept_apart_and_together() {
    assert_eq!(read("Ng.V.An"), ["ng.", "v.", "an"]);
    assert_eq!(read("Ng Văn A."), ["ng.", "văn", "a."]);
    assert_eq!(read("H'Leo"), read("H’Leo"));
}

#[test]
fn names_of_other_peoples_are_left_as_they_are() {
    for name in [
        "Ksor H'Bia",
        "Y Bhok",
        "Y Thị Bhok",
        "Danh Sóc Kha",
        "Néang Sóc Thia",
        "Kpă Thin",
        "Rơ Châm",
    ] {
        let plain = name.replace('\'', "").to_lowercase();
        assert_eq!(read(name).join(" "), plain, "{name}");
        assert_eq!(faults(name), [], "{name}");
    }
}

#[test]
fn a_clan_that_stands_last_is_read_as_the_family_name() {
    for name in ["Y Bhok Niê", "Y. BHOK NIÊ"] {
        let words = read(name);
        assert_eq!(
            (words[0].as_str(), words[2].as_str()),
            ("niê", "bhok"),
            "{name}"
        );
    }
    for name in ["H'Bia Buôn Yă", "H’BIA BUÔN YĂ", "H' Bia  Buôn Yă"] {
        assert_eq!(read(name), ["buôn", "yă", "hbia"], "{name}");
    }
}

#[test]
fn vi_and_vy_are_two_names_and_li_and_ly_one_spelling() {
    assert_ne!(spelling("vi"), spelling("vy"));
    assert_ne!(sound("vi"), sound("vy"));
    assert_eq!(spelling("lí"), spelling("lý"));
    assert_ne!(spelling("lì"), spelling("lý"));
}

#[test]
fn what_one_region_or_another_says_alike_sounds_alike() {
    for (one, other) in [
        ("sương", "xương"),
        ("trân", "chân"),
        ("dung", "vung"),
        ("giang", "dang"),
        ("lam", "nam"),
        ("lan", "lang"),
        ("việt", "việc"),
        ("hải", "hãi"),
        ("kỳ", "kì"),
    ] {
        assert_eq!(sound(one), sound(other), "{one} {other}");
    }
    assert_ne!(sound("hoa"), sound("huệ"));
}

#[test]
fn a_newborn_without_a_name_is_known_as_such() {
    for unnamed in [
        "Trai",
        "Gái",
        "Bé trai",
        "bé Gái",
        "Con bà Thử",
        "Chưa đặt tên",
        "Nguyễn Trai",
        "Nguyễn Bé Gái",
        "CB Huyền",
        "Thạch Chưa Đặt Tên",
        "",
    ] {
        assert!(is_unnamed(&person_name(unnamed)), "{unnamed}");
    }
    for named in ["Nguyễn Văn Trai", "Lê Gái Nhỏ", "Trần Bé", "Danh Thị Mẫu"] {
        assert!(!is_unnamed(&person_name(named)), "{named}");
    }
}

#[test]
fn a_parent_whom_nobody_knows_is_nobody() {
    assert!(is_nobody(&person_name("Không rõ")));
    assert!(!is_nobody(&person_name("Lê Thị An")));
}

#[test]
fn a_family_name_that_stands_last_is_reported() {
    assert_eq!(faults("Thử Văn Nguyễn"), [Fault::SwappedOrder]);
    assert_eq!(faults("Nguyễn Văn Thử"), []);
}

#[test]
fn villages_and_households_are_compared_without_their_writing() {
    for (one, other) in [
        ("Ấp 3", "ấp 03"),
        ("Ấp 3", "Tổ 5, ấp 3"),
        ("Ấp 3", "3"),
        ("Thôn Hòa Bình", "T. Hoà Bình"),
        ("Buôn Ea Thử", "ea thử"),
        ("Khu phố 2", "KP 2"),
    ] {
        assert_eq!(village(one), village(other), "{one} {other}");
    }
    assert_ne!(village("Ấp 3"), village("Ấp 13"));
    assert_eq!(village("Xóm"), "xom");
    assert_eq!(text("Ấp 03"), text("ấp  3"));
    assert_eq!(text("Tổ dân phố số 5"), "to dan pho so 5");
    assert_eq!(household_number(" 0100.2 "), household_number("100"));
}

#[test]
fn telephones_are_one_number_however_they_are_written() {
    let number = Some(912_345_678);
    for written in [
        "0912345678",
        "+84 912 345 678",
        "84-912-345-678",
        "912345678",
    ] {
        assert_eq!(phone(written), number, "{written}");
    }
    // Eleven digits before September 2018: 0122 became 077.
    assert_eq!(phone("01221234567"), phone("0771234567"));
    assert_eq!(phone("0000000000"), None);
    assert_eq!(phone("không"), None);
}

#[test]
fn a_number_that_lost_its_zero_is_found_again() {
    let number = personal_number("091318123456").map(NumberForm::digits);
    for written in ["91318123456", "'091 318 123456", "O913l8123456"] {
        assert_eq!(
            personal_number(written).map(NumberForm::digits),
            number,
            "{written}"
        );
    }
    assert_eq!(
        personal_number("000000000000").map(NumberForm::digits),
        None
    );
}

/// The words of the name lists of the reference data.
fn listed_words() -> Vec<&'static str> {
    let lists = [
        include_str!("../../../reference/names/family.csv"),
        include_str!("../../../reference/names/middle.csv"),
        include_str!("../../../reference/names/given.csv"),
        include_str!("../../../reference/names/given_compound.csv"),
    ];
    let rows = lists.into_iter().flat_map(|list| list.lines().skip(1));
    // One row stands for two spellings of a name.
    rows.filter_map(|row| row.split(',').next())
        .flat_map(|name| name.split('/'))
        // The list of family names has some in the old font of its source: "Ñoã" for Đỗ.
        .filter(|name| !name.contains(['Ñ', 'ö']))
        .collect()
}

#[test]
fn no_listed_name_is_taken_for_keystrokes_or_an_old_encoding() {
    for word in listed_words() {
        let faults = faults(word);
        let only_tone = faults.iter().all(|fault| *fault == Fault::TonePlacement);
        assert!(only_tone, "{word}: {faults:?}");
        let without: String = untoned(&word.to_lowercase());
        assert_eq!(read(&without).join(" "), without, "{word}");
    }
}

#[test]
fn names_of_communes_are_read_as_they_are() {
    for row in include_str!("../../../reference/admin_units_pre2025.csv")
        .lines()
        .skip(1)
    {
        let name = row.split(',').nth(1).unwrap_or_default();
        let (repaired, _) = repair(name);
        assert_eq!(repaired, name.nfc().collect::<String>());
    }
}

/// The text in an old encoding, read as Latin-1.
fn encoded(text: &str, charset: &str) -> String {
    let rows = include_str!("../../../reference/codes/legacy_charsets.csv").lines();
    let rows = rows.filter_map(|row| row.strip_prefix(charset)?.strip_prefix(','));
    let table: Vec<(&str, &str)> = rows
        .filter_map(|row| {
            let (bytes, rest) = row.split_once(',')?;
            Some((rest.split(',').next()?, bytes))
        })
        .collect();
    let is_tcvn3 = charset.starts_with("TCVN");
    let letters = text.nfc().map(|letter| {
        let letter = if is_tcvn3 {
            letter.to_lowercase().to_string()
        } else {
            letter.to_string()
        };
        let found = table
            .iter()
            .find(|(known, _)| *known == letter && !letter.is_ascii());
        found.map_or(letter.clone(), |(_, bytes)| {
            let bytes = bytes
                .split(' ')
                .map(|byte| u8::from_str_radix(byte, 16).expect("hexadecimal"));
            bytes.map(char::from).collect()
        })
    });
    letters.collect()
}

proptest! {
    #[test]
    fn reading_what_was_read_changes_nothing(text in "[A-ZĐa-zàáảãạăằắâầấđèéêềếìíòóôồốơờớùúưừứỳý .']{0,40}") {
        let once = read(&text);

        prop_assert_eq!(read(&once.join(" ")), once);
    }

    #[test]
    fn any_text_at_all_is_read(text in "\\PC{0,40}") {
        let words = read(&text);

        prop_assert!(words.iter().all(|word| !word.is_empty() && !word.contains(' ')));
    }

    /// Syllables of every kind, in every old encoding, come back; capitals of TCVN3 were another font's.
    #[test]
    fn what_was_written_in_an_old_encoding_comes_back(
        words in prop::collection::vec(prop::sample::select(listed_words()), 2..5),
        charset in prop::sample::select(vec!["TCVN5712-1", "VNI-Windows", "VISCII"]),
    ) {
        let name = words.join(" ");
        let decoded = person_name(&encoded(&name, charset));
        // "Quèc" can be a word as it stands, and then it is left alone.
        let was_decoded = decoded.faults().iter().any(|fault| {
            matches!(fault, Fault::Tcvn3 | Fault::Vni | Fault::Viscii | Fault::Utf8AsWindows1252)
        });
        prop_assume!(was_decoded);

        let expected = read(&name);
        let right = decoded.words().iter().zip(&expected).filter(|(one, other)| one == other);
        prop_assert!(right.count() + 1 >= expected.len(), "{:?} for {:?}", decoded.words(), expected);
    }
}
