//! What is found in a row before it is sent, in words for an official.

/// A text for an official, in Vietnamese and English: what is wrong and what to do. Never a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wording {
    /// What is wrong, in Vietnamese.
    pub vietnamese: &'static str,
    /// What to do, in Vietnamese.
    pub vietnamese_advice: &'static str,
    /// What is wrong, in English.
    pub english: &'static str,
    /// What to do, in English.
    pub english_advice: &'static str,
}

/// What a finding does to its row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// The row is not sent.
    Refuses,
    /// The row is sent; somebody should know.
    Notes,
    /// The row is no record of its own.
    Skips,
}

/// Declares the findings: word, what it does, what is wrong and what to do in both languages.
macro_rules! findings {
    ($($(#[$doc:meta])* $name:ident = $word:literal, $severity:ident,
        $vi:literal, $vi_advice:literal, $en:literal, $en_advice:literal;)*) => {
        /// Something found in a row or a cell. It never repeats what the cell holds.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Finding { $($(#[$doc])* $name),* }

        impl Finding {
            /// Every finding.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// Its stable word.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $word),* }
            }

            /// What it does to the row.
            pub const fn severity(self) -> Severity {
                match self { $(Self::$name => Severity::$severity),* }
            }

            /// What is wrong and what to do.
            pub const fn wording(self) -> Wording {
                match self {
                    $(Self::$name => Wording {
                        vietnamese: $vi,
                        vietnamese_advice: $vi_advice,
                        english: $en,
                        english_advice: $en_advice,
                    }),*
                }
            }
        }
    };
}

findings! {
    /// A formula that failed.
    CellError = "CELL_ERROR", Refuses,
        "ô có công thức bị lỗi (ví dụ #REF!, #N/A)", "Nhập lại giá trị thật vào ô",
        "holds a formula that failed, such as #REF! or #N/A", "type the value itself";
    /// A number of which the spreadsheet kept only some digits.
    DigitsLost = "DIGITS_LOST", Refuses,
        "dãy số đã bị bảng tính làm mất chữ số (ví dụ 9.1318E+10 hoặc ####)",
        "Định dạng cột là Text (Văn bản), nhập lại đầy đủ các chữ số từ giấy tờ gốc",
        "is a number of which the spreadsheet lost digits, such as 9.1318E+10 or ####",
        "format the column as Text and type all digits again from the papers";
    /// A question mark where a Vietnamese letter was.
    LettersLost = "LETTERS_LOST", Refuses,
        "tên có dấu hỏi (?) thay cho chữ có dấu: chữ đã bị mất khi xuất tệp",
        "Xuất lại tệp dạng \"CSV UTF-8\" hoặc Excel (.xlsx), hoặc nhập lại tên",
        "has question marks where letters were: they were lost when the file was written",
        "write the file again as \"CSV UTF-8\" or .xlsx, or type the name again";
    /// Bytes that are no text of the file's encoding.
    TextDamaged = "TEXT_DAMAGED", Refuses,
        "ô có ký tự không đọc được theo bảng mã của tệp",
        "Nhập lại ô này, hoặc lưu tệp dạng \"CSV UTF-8\"",
        "has bytes that are no text in the file's encoding",
        "type it again, or save the file as \"CSV UTF-8\"";
    /// A text that no field may hold.
    CellTooLong = "CELL_TOO_LONG", Refuses,
        "ô dài quá 4.000 ký tự, hoặc có dấu ngoặc kép (\") mở mà không đóng: các dòng sau có thể đã bị gộp vào ô này",
        "Xoá dấu ngoặc kép thừa hoặc rút ngắn nội dung",
        "is longer than 4,000 characters, or a quotation mark was opened and never closed, and the rows after it are in this cell",
        "remove the stray quotation mark, or shorten the text";
    /// More cells than the header has.
    RowTooLong = "ROW_TOO_LONG", Refuses,
        "dòng có nhiều ô hơn dòng tiêu đề",
        "Đặt nội dung có chứa dấu phân cách vào trong ngoặc kép \"…\"",
        "has more cells than the header",
        "put a text that holds the separator into double quotes";
    /// Fewer cells than the header has, and a needed one is missing.
    RowTooShort = "ROW_TOO_SHORT", Refuses,
        "dòng có ít ô hơn dòng tiêu đề và thiếu ô bắt buộc; có thể dòng bị ngắt làm hai",
        "Nối lại dòng bị ngắt, hoặc điền đủ các ô",
        "has fewer cells than the header and a needed one is missing: perhaps the line was broken in two",
        "join the broken line, or fill in the cells";
    /// Hardly anything stands in the row.
    RowIncomplete = "ROW_INCOMPLETE", Refuses,
        "dòng chỉ có một hoặc hai ô có dữ liệu, không đủ là một hồ sơ trẻ em",
        "Điền đủ thông tin; nếu là tiêu đề hoặc ghi chú thì xoá dòng này",
        "has one or two filled cells only, which make no record of a child",
        "fill in the rest, or delete the row if it is a title or a remark";
    /// No date.
    DateUnreadable = "DATE_UNREADABLE", Refuses,
        "không đọc được ngày tháng",
        "Viết ngày/tháng/năm, ví dụ 02/04/2018; hoặc 04/2018; hoặc 2018",
        "is not a date that can be read",
        "write day/month/year such as 02/04/2018, or 04/2018, or 2018";
    /// A day that does not exist.
    DateImpossible = "DATE_IMPOSSIBLE", Refuses,
        "ngày này không có trong lịch (ví dụ tháng 13, ngày 31/02)",
        "Kiểm tra thứ tự ngày/tháng/năm và sửa lại",
        "is no day of the calendar, such as month 13 or 31 February",
        "check the order day/month/year and correct it";
    /// A word that is in no list.
    CodeUnknown = "CODE_UNKNOWN", Refuses,
        "không phải mã hoặc tên có trong danh mục",
        "Chọn một mã hoặc tên trong danh mục, hoặc khai báo từ này trong tệp ánh xạ ([codes])",
        "is neither a code nor a word of the list",
        "choose one of the list, or say in the mapping ([codes]) what it means";
    /// Neither a mark nor empty.
    MarkUnreadable = "MARK_UNREADABLE", Refuses,
        "ô đánh dấu có nội dung khác \"x\"", "Ghi \"x\" nếu đúng, để trống nếu không",
        "is neither an \"x\" nor empty", "write \"x\" for yes and nothing for no";
    /// Two cells that cannot both be true.
    MarksContradict = "MARKS_CONTRADICT", Refuses,
        "hai ô của cùng một mục trái ngược nhau (ví dụ đánh dấu cả Nam và Nữ)", "Chỉ giữ lại một ô đúng",
        "contradicts another cell of the row, such as marks for both boy and girl", "keep the right one only";
    /// No whole number.
    NumberUnreadable = "NUMBER_UNREADABLE", Refuses,
        "không phải số nguyên", "Chỉ ghi chữ số, ví dụ 2018",
        "is not a whole number", "write digits only, such as 2018";
    /// Neither the row nor anything else says which commune it is.
    UnitMissing = "UNIT_MISSING", Refuses,
        "chưa có xã, phường", "Điền mã xã, hoặc dùng --unit nếu cả tệp thuộc một xã",
        "is empty, and nothing else says which commune the record is of",
        "fill it in, or say --unit if all of the file is of one commune";
    /// No commune of this name.
    UnitNameUnknown = "UNIT_NAME_UNKNOWN", Refuses,
        "không có xã, phường nào mang tên này trong đơn vị đã khai báo (tên phải viết đủ dấu)",
        "Sửa tên cho đúng, hoặc ghi mã xã 5 chữ số",
        "is the name of no commune in the unit that was given; names need their marks",
        "correct the name, or give the commune's code of five digits";
    /// Several communes of this name.
    UnitNameAmbiguous = "UNIT_NAME_AMBIGUOUS", Refuses,
        "có nhiều xã, phường cùng tên này trong đơn vị đã khai báo",
        "Ghi thêm cột tên huyện, hoặc ghi mã xã 5 chữ số",
        "is the name of several communes in the unit that was given",
        "add a column with the district, or give the commune's code of five digits";
    /// A record without a name of its own.
    RecordIdEmpty = "RECORD_ID_EMPTY", Refuses,
        "chưa có mã hồ sơ", "Mỗi trẻ em phải có một mã không bao giờ đổi và không dùng cho trẻ khác",
        "is empty", "give every record an id that stays the same and is never used for another";
    /// A key column is empty.
    KeyEmpty = "KEY_EMPTY", Refuses,
        "ô thuộc cột khoá ([key] trong tệp ánh xạ) còn trống nên không xác định được hồ sơ",
        "Điền ô này, hoặc dùng cột mã hồ sơ",
        "is a key column of the mapping and empty, so that the record has no identity",
        "fill it in, or use a column of record ids";
    /// Two rows with one identity and different contents.
    RecordIdRepeated = "RECORD_ID_REPEATED", Refuses,
        "có dòng khác trong tệp cùng mã hồ sơ (hoặc cùng các cột khoá) nhưng nội dung khác; không dòng nào được gửi",
        "Giữ lại một dòng đúng, hoặc cấp mã khác nếu là hai trẻ",
        "has the id (or the key columns) of another row of the file with other contents; neither was sent",
        "keep the right row, or give another id if they are two children";
    /// Leading zeros were put back.
    ZerosRestored = "ZEROS_RESTORED", Notes,
        "thiếu số 0 ở đầu, đã được thêm lại", "Định dạng cột là Text (Văn bản) để không mất số 0",
        "leading zeros were missing and were put back", "format the column as Text";
    /// Signs were taken out of a number.
    NumberCleaned = "NUMBER_CLEANED", Notes,
        "dấu cách, dấu chấm hoặc chữ viết nhầm trong dãy số đã được bỏ", "Không cần làm gì; nên ghi liền các chữ số",
        "spaces, signs or look-alike letters in the number were mended", "nothing; digits alone are better";
    /// A number was read as a spreadsheet's date.
    DateFromSerial = "DATE_FROM_SERIAL", Notes,
        "ô chứa số thứ tự ngày của bảng tính, đã đổi thành ngày tháng", "Kiểm tra lại ngày; định dạng cột là ngày tháng",
        "held a spreadsheet's number of a day and was read as a date", "check the date; format the column as a date";
    /// A year of two digits was completed.
    YearCompleted = "YEAR_COMPLETED", Notes,
        "năm chỉ có hai chữ số, đã được thêm thế kỷ", "Kiểm tra lại năm; nên ghi đủ bốn chữ số",
        "had a year of two digits, which was completed", "check the year; write four digits";
    /// A name in capital letters.
    CapitalsLowered = "CAPITALS_LOWERED", Notes,
        "tên viết toàn chữ hoa đã đổi thành chữ hoa đầu từ", "Không cần làm gì",
        "a name in capital letters was written with capital first letters", "nothing";
    /// A second telephone number.
    SecondPhoneLeftOut = "SECOND_PHONE_LEFT_OUT", Notes,
        "ô có nhiều số điện thoại, chỉ lấy số đầu tiên", "Đặt số cần dùng lên đầu",
        "holds several telephone numbers, and the first was taken", "put the one to use first";
    /// A row that ends early.
    RowShort = "ROW_SHORT", Notes,
        "dòng có ít ô hơn dòng tiêu đề, các ô cuối coi như để trống", "Kiểm tra xem dòng có bị ngắt không",
        "has fewer cells than the header, and the missing ones were taken as empty", "check that the line was not broken";
    /// The same row again.
    RowRepeated = "ROW_REPEATED", Skips,
        "dòng lặp lại y hệt một dòng trước, đã bỏ qua", "Không cần làm gì",
        "repeats an earlier row exactly and was passed over", "nothing";
    /// The header again.
    HeaderRepeated = "HEADER_REPEATED", Skips,
        "dòng tiêu đề lặp lại, không phải hồ sơ", "Không cần làm gì",
        "is the header again and no record", "nothing";
    /// A total.
    TotalRow = "TOTAL_ROW", Skips,
        "dòng tổng cộng hoặc chữ ký cuối bảng, không phải hồ sơ", "Không cần làm gì",
        "is a total or a signature and no record", "nothing";
    /// A title inside the table.
    TitleRow = "TITLE_ROW", Skips,
        "dòng tên nhóm hoặc số thứ tự cột, không phải hồ sơ", "Không cần làm gì",
        "is a title or numbers the columns and is no record", "nothing";
}
