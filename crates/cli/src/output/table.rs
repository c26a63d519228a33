//! Aligned columns, as kubectl writes them.

use unicode_width::UnicodeWidthChar as _;

use super::style::{bold, is_mark};

const GAP: &str = "   ";

/// Rows under a head.
pub(crate) struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn new(head: &[&str]) -> Self {
        Self {
            rows: vec![head.iter().map(bold).collect()],
        }
    }

    pub(crate) fn row(&mut self, cells: Vec<String>) {
        // A cell is one line, whatever a cluster puts into it.
        self.rows
            .push(cells.into_iter().map(|cell| cell.replace('\n', " ")).collect());
    }
}

impl std::fmt::Display for Table {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let cells = |column: usize| self.rows.iter().filter_map(move |row| row.get(column));
        let widths: Vec<usize> = (0..columns)
            .map(|column| cells(column).map(|cell| width(cell)).max().unwrap_or(0))
            .collect();
        for (index, row) in self.rows.iter().enumerate() {
            let padded = row
                .iter()
                .zip(&widths)
                .map(|(cell, wide)| format!("{cell}{}", " ".repeat(wide - width(cell))));
            let line = padded.collect::<Vec<_>>().join(GAP);
            let end = if index == 0 { "" } else { "\n" };
            write!(out, "{end}{}", line.trim_end())?;
        }
        Ok(())
    }
}

fn width(cell: &str) -> usize {
    cell.chars()
        .filter(|c| !is_mark(*c))
        .map(|c| c.width().unwrap_or(1))
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::style::render;

    #[test]
    fn columns_stand_under_each_other_whatever_is_in_them() {
        let mut table = Table::new(&["NAME", "VALUE"]);
        table.row(vec!["a".into(), "x".into()]);
        table.row(vec!["名前".into(), bold("y")]);
        table.row(vec!["two\nlines".into(), "z".into()]);
        let shown = render(&table.to_string(), false);
        assert_eq!(
            shown,
            "NAME        VALUE\na           x\n名前        y\ntwo lines   z"
        );
    }
}
