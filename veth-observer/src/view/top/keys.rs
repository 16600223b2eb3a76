//! What keys do to the state.

use super::{Filter, Page, State, details};

/// A key, as far as it means something here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    Char(char),
    Enter,
    Escape,
    Backspace,
    Up,
    Down,
    PageUp,
    PageDown,
    Home,
    End,
}

/// What is left to do for whoever has the terminal and the numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Draw,
    /// Counts begin anew.
    SetBack,
    Quit,
}

/// Rows that a page goes.
const PAGE: usize = 10;

impl State {
    pub fn press(&mut self, key: Key) -> Outcome {
        if self.typing.is_some() {
            self.type_filter(key);
            return Outcome::Draw;
        }
        match (self.page, key) {
            (_, Key::Char('q')) => return Outcome::Quit,
            (_, Key::Char('f')) => self.is_frozen = !self.is_frozen,
            (_, Key::Char('r')) => return Outcome::SetBack,
            (Page::Help, _) | (Page::Details(_), Key::Escape | Key::Enter | Key::Backspace) => {
                self.page = Page::Table;
            }
            (Page::Details(from), key) => self.page = Page::Details(self.scrolled(from, key)),
            (Page::Table, Key::Char('?')) => self.page = Page::Help,
            (Page::Table, Key::Char('/')) => self.typing = Some((self.filter.text().to_owned(), None)),
            (Page::Table, Key::Char('s')) => {
                self.sort = self.sort.next();
                self.arrange();
            }
            (Page::Table, Key::Enter) if self.chosen().is_some() => self.page = Page::Details(0),
            (Page::Table, key) => self.choose(key),
        }
        Outcome::Draw
    }

    fn choose(&mut self, key: Key) {
        let (last, at) = (self.shown.len().saturating_sub(1), self.place().unwrap_or(0));
        let to = match key {
            Key::Up | Key::Char('k') => at.saturating_sub(1),
            Key::Down | Key::Char('j') => at + 1,
            Key::PageUp => at.saturating_sub(PAGE),
            Key::PageDown => at + PAGE,
            Key::Home | Key::Char('g') => 0,
            Key::End | Key::Char('G') => last,
            _ => return,
        };
        let row = self.shown.get(to.min(last)).map(|at| &self.rows[*at]);
        self.chosen = row.map(|row| (row.id, row.way));
    }

    fn scrolled(&self, from: u16, key: Key) -> u16 {
        let page = u16::try_from(PAGE).unwrap_or(u16::MAX);
        let lines = self.chosen().map_or(0, |row| details::text(row, self.style, 0).len());
        let last = u16::try_from(lines).unwrap_or(u16::MAX).saturating_sub(1);
        match key {
            Key::Up | Key::Char('k') => from.saturating_sub(1),
            Key::Down | Key::Char('j') => from.saturating_add(1),
            Key::PageUp => from.saturating_sub(page),
            Key::PageDown => from.saturating_add(page),
            Key::Home | Key::Char('g') => 0,
            Key::End | Key::Char('G') => last,
            _ => from,
        }
        .min(last)
    }

    fn type_filter(&mut self, key: Key) {
        let Some((mut text, _)) = self.typing.take() else { return };
        match key {
            Key::Escape => return,
            Key::Enter => match text.parse::<Filter>() {
                Ok(filter) => {
                    self.filter = filter;
                    return self.arrange();
                }
                Err(wrong) => return self.typing = Some((text, Some(wrong))),
            },
            Key::Backspace => drop(text.pop()),
            Key::Char(c) => text.push(c),
            _ => {}
        }
        self.typing = Some((text, None));
    }
}
