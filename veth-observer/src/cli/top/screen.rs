//! The terminal while `top` has it: given back whatever ends us, a panic included.

use std::io::Stdout;

use anyhow::{Context, Result};
use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use ratatui::{Frame, Terminal, backend::CrosstermBackend};

use crate::view::top::Key;

pub(super) struct Screen(Terminal<CrosstermBackend<Stdout>>);

impl Screen {
    /// Raw mode, on the other one of the terminal's two screens. From here on a panic gives it back first.
    pub(super) fn open() -> Result<Self> {
        ratatui::try_init()
            .map(Self)
            .inspect_err(|_| ratatui::restore())
            .context("cannot draw on the terminal")
    }

    pub(super) fn draw(&mut self, picture: impl FnOnce(&mut Frame)) -> Result<()> {
        self.0.draw(picture)?;
        Ok(())
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // Nobody is left to tell when the terminal itself is gone.
        let _ = self.0.show_cursor();
        let _ = ratatui::try_restore();
    }
}

/// In raw mode Ctrl-C is a key like any other.
pub(super) fn is_interrupt(key: &KeyEvent) -> bool {
    key.code == KeyCode::Char('c') && key.modifiers.contains(KeyModifiers::CONTROL)
}

pub(super) fn key(event: &KeyEvent) -> Option<Key> {
    if event.kind == KeyEventKind::Release
        || event.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT)
    {
        return None;
    }
    Some(match event.code {
        KeyCode::Char(c) => Key::Char(c),
        KeyCode::Enter => Key::Enter,
        KeyCode::Esc => Key::Escape,
        KeyCode::Backspace => Key::Backspace,
        KeyCode::Up => Key::Up,
        KeyCode::Down => Key::Down,
        KeyCode::PageUp => Key::PageUp,
        KeyCode::PageDown => Key::PageDown,
        KeyCode::Home => Key::Home,
        KeyCode::End => Key::End,
        _ => return None,
    })
}
