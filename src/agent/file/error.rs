//! Why a file cannot be read at all, in words for an official and for the log of a program.

use super::column::Column;

/// A file that cannot be read at all.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FileError {
    /// More bytes than allowed.
    #[error("the file is larger than 128 MiB: split it")]
    TooLarge,
    /// Nothing stands in it.
    #[error("the file is empty: one of its first rows must name the columns")]
    Empty,
    /// Two encodings are as likely.
    #[error(
        "the encoding of the file is not clear: say --encoding, or save the file as \"CSV UTF-8\" or .xlsx"
    )]
    EncodingUnclear,
    /// The file of an Excel before 2007, or a protected one.
    #[error(
        "the file is of Excel 97-2003 or has a password: in Excel, save it as \"Excel Workbook (.xlsx)\" without a password"
    )]
    OldWorkbook,
    /// A web page, though it is named .xls.
    #[error("the file is a web page: open it in Excel and save it as \"Excel Workbook (.xlsx)\"")]
    WebPage,
    /// A workbook that cannot be read.
    #[error(
        "the workbook is damaged: open it in Excel and save it again as \"Excel Workbook (.xlsx)\""
    )]
    WorkbookBroken,
    /// A workbook that unpacks to more than allowed.
    #[error("the workbook is too large when it is unpacked: save the sheet alone as \"CSV UTF-8\"")]
    WorkbookTooLarge,
    /// More rows than allowed.
    #[error("the file has more than 500,000 rows, or 8 million cells: split it")]
    TooManyRows,
    /// More columns than allowed.
    #[error("the file fills more than 256 columns: remove those that are not needed")]
    TooManyColumns,
    /// There is no sheet of this name.
    #[error("the workbook has no sheet {name:?}; it has: {found}")]
    NoSheet {
        /// What was asked for.
        name: String,
        /// What there is.
        found: String,
    },
    /// Several sheets could be meant.
    #[error("several sheets hold records: {found}. Import each with --sheet NAME")]
    SeveralSheets {
        /// Their names.
        found: String,
    },
    /// No row names columns that are known.
    #[error(
        "no row names the columns: none of the first 60 rows has three names that are known. Write a mapping: childsync import --suggest-mapping FILE"
    )]
    NoHeader,
    /// A required column is missing.
    #[error(
        "the column {missing} is missing; the header has: {found}. Name it in a mapping: childsync import --suggest-mapping FILE"
    )]
    MissingColumn {
        /// The first one that is missing.
        missing: &'static str,
        /// What there is.
        found: String,
    },
    /// A header of the mapping is not in the file.
    #[error("the mapping names a header for {column} that the file does not have; it has: {found}")]
    MappedColumnMissing {
        /// The column.
        column: &'static str,
        /// What there is.
        found: String,
    },
    /// Two columns could be meant.
    #[error("two columns could be {column}: {labels}. Say in a mapping which is meant")]
    ColumnTwice {
        /// The column.
        column: &'static str,
        /// What stands over the first.
        labels: String,
    },
    /// Records cannot be told apart.
    #[error(
        "the file has no column of record ids: name one in a mapping, or name key columns there ([key], and read its warning)"
    )]
    NoIdentity,
    /// Nothing says which commune the records are of.
    #[error(
        "nothing says of which commune the records are: add the column unit_code, or say --unit SCHEME:CODE of the commune"
    )]
    NoUnit,
    /// Names of communes need a unit to look in.
    #[error("the file gives communes by name: say in which unit with --unit SCHEME:CODE")]
    UnitForNames,
    /// Dates were written month first.
    #[error(
        "the dates under {label:?} look like month/day/year: say date_order in a mapping, month-first or day-first"
    )]
    MonthFirst {
        /// What stands over the dates.
        label: String,
    },
}

impl FileError {
    /// The same for an official.
    pub fn vietnamese(&self) -> String {
        match self {
            Self::TooLarge => "tệp lớn hơn 128 MiB: hãy chia nhỏ tệp".to_owned(),
            Self::Empty => "tệp trống: một trong các dòng đầu phải là tên các cột".to_owned(),
            Self::EncodingUnclear => "không xác định được bảng mã của tệp: dùng --encoding, hoặc lưu tệp dạng \"CSV UTF-8\" hoặc .xlsx".to_owned(),
            Self::OldWorkbook => "tệp Excel 97-2003 hoặc có mật khẩu: mở bằng Excel, chọn Lưu thành \"Excel Workbook (.xlsx)\", không đặt mật khẩu".to_owned(),
            Self::WebPage => "tệp là trang web: mở bằng Excel rồi lưu thành \"Excel Workbook (.xlsx)\"".to_owned(),
            Self::WorkbookBroken => "tệp Excel bị hỏng: mở bằng Excel rồi lưu lại thành \"Excel Workbook (.xlsx)\"".to_owned(),
            Self::WorkbookTooLarge => "tệp Excel quá lớn khi giải nén: lưu riêng trang tính thành \"CSV UTF-8\"".to_owned(),
            Self::TooManyRows => "tệp có hơn 500.000 dòng hoặc 8 triệu ô: hãy chia nhỏ tệp".to_owned(),
            Self::TooManyColumns => "tệp có hơn 256 cột: bỏ các cột không cần".to_owned(),
            Self::NoSheet { name, found } => format!("không có trang tính \"{name}\"; tệp có: {found}"),
            Self::SeveralSheets { found } => format!("nhiều trang tính có hồ sơ: {found}. Nhập từng trang bằng --sheet TÊN"),
            Self::NoHeader => "không tìm thấy dòng tiêu đề trong 60 dòng đầu. Tạo tệp ánh xạ: childsync import --suggest-mapping TỆP".to_owned(),
            Self::MissingColumn { missing, found } => {
                let label = Column::of_name(missing).map_or(*missing, Column::label);
                format!("thiếu cột {label} ({missing}); dòng tiêu đề có: {found}. Khai báo cột trong tệp ánh xạ: childsync import --suggest-mapping TỆP")
            }
            Self::MappedColumnMissing { column, found } => format!("tệp ánh xạ khai báo tiêu đề cho {column} nhưng tệp không có; dòng tiêu đề có: {found}"),
            Self::ColumnTwice { column, labels } => format!("có hai cột cùng có thể là {column}: {labels}. Khai báo trong tệp ánh xạ cột nào đúng"),
            Self::NoIdentity => "tệp không có cột mã hồ sơ: khai báo cột đó trong tệp ánh xạ, hoặc khai báo các cột khoá ([key]; đọc kỹ cảnh báo)".to_owned(),
            Self::NoUnit => "không biết hồ sơ thuộc xã nào: thêm cột mã xã (unit_code), hoặc dùng --unit DANH_MỤC:MÃ_XÃ".to_owned(),
            Self::UnitForNames => "tệp ghi xã bằng tên: cho biết thuộc đơn vị nào bằng --unit DANH_MỤC:MÃ".to_owned(),
            Self::MonthFirst { label } => format!("ngày dưới \"{label}\" có vẻ viết tháng/ngày/năm: khai báo date_order trong tệp ánh xạ (month-first hoặc day-first)"),
        }
    }
}
