//! The columns that are understood, under the dictionary's English names.

/// Declares the columns: name, field of the record, Vietnamese label.
macro_rules! columns {
    ($($(#[$doc:meta])* $column:ident = $name:literal, $path:literal, $label:literal;)*) => {
        /// A column that is understood.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Column { $($(#[$doc])* $column),* }

        impl Column {
            /// Every column.
            pub const ALL: &[Self] = &[$(Self::$column),*];

            /// Its name, in headers and mappings.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$column => $name),* }
            }

            /// The field that it fills, as the hub names it; empty for what is no field.
            pub const fn path(self) -> &'static str {
                match self { $(Self::$column => $path),* }
            }

            /// What an official calls it.
            pub const fn label(self) -> &'static str {
                match self { $(Self::$column => $label),* }
            }
        }
    };
}

columns! {
    /// Name of the record within its node: a UUID, or any text that stays the same.
    RecordId = "record_id", "", "Mã hồ sơ trẻ em";
    /// Version; the file's time of change unless given.
    Version = "version", "", "Phiên bản";
    /// Code of the commune.
    UnitCode = "unit_code", "child.commune", "Mã xã";
    /// List that the unit's code is from.
    Scheme = "scheme", "child.commune", "Danh mục đơn vị hành chính";
    /// Name of the commune.
    UnitName = "unit_name", "child.commune", "Tên xã";
    /// Name of the commune's district, to tell communes of one name apart.
    DistrictName = "district_name", "child.commune", "Tên huyện";
    /// Full name.
    FullName = "full_name", "child.full_name", "Họ và tên";
    /// Family and middle name, where the given name stands in a column of its own.
    FamilyName = "family_and_middle_name", "child.full_name", "Họ và tên đệm";
    /// Given name.
    GivenName = "given_name", "child.full_name", "Tên";
    /// Another name.
    OtherName = "other_name", "child.other_name", "Tên gọi khác";
    /// Code or word.
    Sex = "sex", "child.sex", "Giới tính";
    /// A mark for boys.
    Male = "male", "child.sex", "Nam (đánh dấu)";
    /// A mark for girls.
    Female = "female", "child.sex", "Nữ (đánh dấu)";
    /// Birth date.
    BirthDate = "birth_date", "child.birth_date", "Ngày sinh";
    /// Birth date of a boy: the column says the sex.
    MaleBirthDate = "male_birth_date", "child.birth_date", "Ngày sinh (cột Nam)";
    /// Birth date of a girl.
    FemaleBirthDate = "female_birth_date", "child.birth_date", "Ngày sinh (cột Nữ)";
    /// Day of birth, where it stands apart.
    BirthDay = "birth_day", "child.birth_date", "Ngày (ngày sinh)";
    /// Month of birth.
    BirthMonth = "birth_month", "child.birth_date", "Tháng (ngày sinh)";
    /// Year of birth.
    BirthYear = "birth_year", "child.birth_date", "Năm (ngày sinh)";
    /// Personal number.
    Pin = "pin", "child.personal_number", "Số định danh cá nhân";
    /// Why there is no personal number.
    PinAbsence = "pin_absence", "child.personal_number_absence", "Lý do chưa có số định danh";
    /// Code or name of the people.
    Ethnicity = "ethnicity", "child.ethnicity", "Dân tộc";
    /// Nationality: two letters.
    Nationality = "nationality", "child.nationality", "Quốc tịch";
    /// State of the birth registration.
    BirthRegistration = "birth_registration", "child.birth_registration.status_code", "Tình trạng khai sinh";
    /// Number of the birth certificate.
    BirthCertificate = "birth_certificate", "child.birth_registration.number", "Số giấy khai sinh";
    /// Day of the birth registration.
    BirthRegisteredOn = "birth_registered_on", "child.birth_registration.registered_on", "Ngày đăng ký khai sinh";
    /// Place of birth.
    BirthPlace = "birth_place", "child.birth_place", "Nơi sinh";
    /// Place of origin.
    Origin = "origin", "child.origin", "Quê quán";
    /// Name of the mother.
    MotherName = "mother_name", "child.carers.name", "Họ tên mẹ";
    /// Name of the father.
    FatherName = "father_name", "child.carers.name", "Họ tên cha";
    /// Year of the mother's birth.
    MotherBirthYear = "mother_birth_year", "child.carers.birth_year", "Năm sinh của mẹ";
    /// Year of the father's birth.
    FatherBirthYear = "father_birth_year", "child.carers.birth_year", "Năm sinh của cha";
    /// Name of another carer.
    CarerName = "carer_name", "child.carers.name", "Người chăm sóc";
    /// That carer's relation to the child, code or word.
    CarerRelation = "carer_relation", "child.carers.relation_code", "Quan hệ của người chăm sóc";
    /// Telephone number of the family.
    Phone = "phone", "child.carers.phone", "Số điện thoại";
    /// Village.
    Village = "village", "child.village", "Thôn, ấp, khu phố";
    /// Where the child lives, as text.
    Address = "address", "child.current_address", "Nơi ở hiện nay";
    /// Permanent address, as text.
    PermanentAddress = "permanent_address", "child.permanent_address", "Nơi thường trú";
    /// Number of the household.
    HouseholdNumber = "household_no", "child.household.number", "Số hộ";
    /// Name of the head of the household.
    HouseholdHead = "household_head", "child.household.head_name", "Chủ hộ";
    /// Relation to the head, code or word.
    HeadRelation = "head_relation", "child.household.relation_code", "Quan hệ với chủ hộ";
    /// Code or word of the poverty list.
    Poverty = "household_poverty", "child.household.poverty_code", "Diện hộ nghèo";
    /// A mark for poor households.
    Poor = "poor", "child.household.poverty_code", "Hộ nghèo (đánh dấu)";
    /// A mark for near-poor households.
    NearPoor = "near_poor", "child.household.poverty_code", "Hộ cận nghèo (đánh dấu)";
    /// Year of the poverty list.
    PovertyYear = "poverty_year", "child.household.poverty_year", "Năm xét hộ nghèo";
    /// Number of the health insurance card.
    InsuranceNumber = "insurance_number", "child.insurance.number", "Số thẻ bảo hiểm y tế";
    /// Level of education, code or word.
    EducationLevel = "education_level", "child.schooling.level_code", "Cấp học";
    /// Attending, left, not yet: code or word.
    SchoolStatus = "school_status", "child.schooling.status_code", "Tình trạng đi học";
    /// School.
    School = "school", "child.schooling.school", "Trường";
    /// Class.
    SchoolClass = "class", "child.schooling.class_name", "Lớp";
    /// Code or word of the list `record_status`; active unless given.
    Status = "status", "child.status", "Tình trạng quản lý";
    /// Since when the status holds.
    StatusSince = "status_since", "child.status_since", "Ngày thay đổi tình trạng";
    /// When the data were collected.
    CollectedOn = "collected_on", "child.collected_on", "Ngày thu thập";
    /// Running number; never read, because it names another child when rows are sorted.
    Ordinal = "ordinal", "", "Số thứ tự";
    /// Remarks; never read.
    Remark = "remark", "", "Ghi chú";
    /// The truth in labelled files; never read.
    EntityId = "entity_id", "", "Trẻ em thật (tệp thử nghiệm)";
}

impl Column {
    /// The column of a name.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|column| column.name() == name)
    }

    /// The first column that fills the field of a path such as `child.carers[1].phone`, or that holds it.
    pub fn of_path(path: &str) -> Option<Self> {
        let path = without_places(path);
        let fills = |column: &Self| {
            let rest = path.strip_prefix(column.path());
            !column.path().is_empty()
                && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        let columns = Self::ALL.iter().copied().filter(fills);
        // Of two that fit alike the first is meant.
        columns.rev().max_by_key(|column| column.path().len())
    }

    /// Whether several cells may make up the field, put together with a space.
    pub(super) const fn is_text(self) -> bool {
        matches!(
            self,
            Self::FullName
                | Self::FamilyName
                | Self::MotherName
                | Self::FatherName
                | Self::Village
                | Self::Address
                | Self::PermanentAddress
                | Self::BirthPlace
                | Self::Origin
        )
    }

    /// Whether the column is in the file for people only.
    pub(super) const fn is_left_out(self) -> bool {
        matches!(self, Self::Ordinal | Self::Remark | Self::EntityId)
    }
}

/// `child.carers[1].phone` as `child.carers.phone`.
fn without_places(path: &str) -> String {
    let parts = path
        .split('[')
        .map(|part| part.split_once(']').map_or(part, |(_, rest)| rest));
    parts.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_of_the_hub_leads_to_the_column_that_fills_it() {
        for (path, column) in [
            ("child.birth_date", Column::BirthDate),
            ("child.carers[1].phone", Column::Phone),
            ("child.household.number", Column::HouseholdNumber),
            ("child.birth_registration.number", Column::BirthCertificate),
            ("child.current_address.text", Column::Address),
            ("child.commune", Column::UnitCode),
        ] {
            assert_eq!(Column::of_path(path), Some(column), "{path}");
        }
        assert_eq!(Column::of_path("child.episodes[0].group"), None);
        assert_eq!(Column::of_path("child.birth_date_of_another"), None);
    }
}
