//! `application/x-www-form-urlencoded`.

use serde::{Deserialize, Serialize};

use super::budget::Budget;
use super::charset;
use super::content::{Content, Found, Piece};
use super::media::Media;
use super::problem::Problem;

/// A field of a form.
#[cfg_attr(feature = "typescript", derive(ts_rs::TS), ts(rename = "FormField"))]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Field {
    /// Decoded.
    pub name: String,
    /// Decoded.
    pub value: String,
}

pub(super) fn read(piece: &Piece<'_>, media: &Media, budget: &mut Budget) -> Found {
    let text = charset::read(piece.bytes, media, piece.is_cut);
    let mut problems: Vec<_> = text.problem.into_iter().collect();
    let mut fields = Vec::new();
    for (name, value) in form_urlencoded::parse(text.text.trim_ascii_end().as_bytes()) {
        if !budget.item() {
            problems.push(Problem::too_many("fields"));
            break;
        }
        let (name, is_whole) = budget.show(&name);
        let (value, is_all) = budget.show(&value);
        fields.push(Field { name, value });
        if !(is_whole && is_all) {
            problems.push(Problem::too_long());
            break;
        }
    }
    (Content::Form { fields }, problems)
}
