//! One text in every encoding.

use super::*;

const TEXT: &str = "Họ và tên;Dân tộc\nNguyễn Văn Mẫu;Khơ-me\nTrần Thị Thử;Kinh\n";
const TCVN3: &str = "Hä vµ tªn;D©n téc\nNguyÔn V¨n MÉu;Kh¬-me\nTrÇn ThÞ Thö;Kinh\n";
const VNI: &str = "Hoï vaø teân;Daân toäc\nNguyeãn Vaên Maãu;Khô-me\nTraàn Thò Thöû;Kinh\n";

#[track_caller]
fn found(bytes: &[u8]) -> Written {
    let (text, written) = decode(bytes, None).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(text, TEXT, "{written}");
    written
}

fn utf16(text: &str, bytes: impl Fn(u16) -> [u8; 2]) -> Vec<u8> {
    text.encode_utf16().flat_map(bytes).collect()
}

#[test]
fn every_encoding_is_found_out() {
    let expected = |encoding| Written {
        encoding,
        font: None,
    };
    assert_eq!(found(TEXT.as_bytes()), expected(Encoding::Utf8));
    assert_eq!(
        found(format!("\u{feff}{TEXT}").as_bytes()),
        expected(Encoding::Utf8)
    );
    for mark in ["\u{feff}", ""] {
        let marked = format!("{mark}{TEXT}");
        assert_eq!(
            found(&utf16(&marked, u16::to_le_bytes)),
            expected(Encoding::Utf16Le)
        );
        assert_eq!(
            found(&utf16(&marked, u16::to_be_bytes)),
            expected(Encoding::Utf16Be)
        );
    }
    for (misread, charset) in [(TCVN3, LegacyCharset::Tcvn3), (VNI, LegacyCharset::Vni)] {
        let bytes = misread_bytes(misread).expect("Latin-1");
        assert_eq!(found(&bytes), expected(Encoding::Legacy(charset)));
    }
}

#[test]
fn windows_1258_becomes_whole_letters() {
    // e with circumflex and a loose tilde, as Windows-1258 writes ễ.
    let mut bytes = b"H\xf2 v\xe0 t\xean;".to_vec();
    bytes.extend_from_slice(b"Nguy\xea\xden V\xe3n M\xe2\xdeu, Tr\xe2\xcc\x6e Th\xf2 Thanh\n");

    let (text, written) = decode(&bytes, None).expect("found");

    assert_eq!(written.encoding, Encoding::Windows1258);
    assert!(text.contains("Nguyễn Văn Mẫu, Trần"), "{text}");
}

#[test]
fn unicode_letters_that_an_old_font_showed_are_read_as_meant() {
    for (typed, charset) in [(TCVN3, LegacyCharset::Tcvn3), (VNI, LegacyCharset::Vni)] {
        let written = found(typed.as_bytes());
        assert_eq!(
            written,
            Written {
                encoding: Encoding::Utf8,
                font: Some(charset)
            }
        );
    }
}

#[test]
fn what_could_be_two_encodings_is_not_guessed() {
    let error = decode(b"name\nM\xe3\xff\xfe\n", None).expect_err("unclear");
    assert!(matches!(error, FileError::EncodingUnclear));
    assert!(decode(b"name\nM\xe3\n", Some(Encoding::Windows1258)).is_ok());
}

#[test]
fn a_damaged_letter_does_not_make_the_file_another_encoding() {
    let mut bytes = TEXT.repeat(3).into_bytes();
    bytes.extend_from_slice(b"M\xe3u;Kinh\n");

    let (text, written) = decode(&bytes, None).expect("UTF-8");

    assert_eq!(written.encoding, Encoding::Utf8);
    assert!(text.ends_with("M\u{fffd}u;Kinh\n"));
}

#[test]
fn every_encoding_can_be_named() {
    for encoding in Encoding::ALL {
        assert_eq!(encoding.name().parse(), Ok(encoding));
    }
    assert!(
        "latin"
            .parse::<Encoding>()
            .expect_err("unknown")
            .contains("tcvn3")
    );
}

#[test]
fn a_letter_of_an_old_font_that_looks_like_another_is_that_fonts() {
    // TCVN3 has é where Latin-1 has Ð, which Unicode's Đ looks like.
    let typed = TCVN3.replace("MÉu", "BÐ");

    let (text, written) = decode(typed.as_bytes(), None).expect("UTF-8");

    assert_eq!(written.font, Some(LegacyCharset::Tcvn3));
    assert!(text.contains("Nguyễn Văn Bé"), "{text}");
}
