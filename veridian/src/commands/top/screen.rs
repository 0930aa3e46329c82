//! A terminal of its own for the time of the command, and the keys. However the command ends, the
//! terminal is as it was.

use super::sample::Sampler;
use super::view::View;
use crate::signals::Interrupts;
use crate::system::Address;
use anyhow::{Context, Result};
use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use std::time::{Duration, Instant};

/// Time between two looks whether a signal has come.
const LOOK_INTERVAL: Duration = Duration::from_millis(100);

/// Whether to go on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Going {
    On,
    Ended,
}

pub(super) fn run(interval: Duration, address: &Address, sampler: Sampler<'_>) -> Result<()> {
    let interrupts = Interrupts::catch()?;
    // Also restores it if this program panics.
    let terminal = ratatui::try_init().context("drawing on the terminal")?;
    let result = show(interval, address, sampler, terminal, &interrupts);
    let restored = ratatui::try_restore().context("giving the terminal back");
    result.and(restored)
}

fn show(
    interval: Duration,
    address: &Address,
    mut sampler: Sampler<'_>,
    mut terminal: DefaultTerminal,
    interrupts: &Interrupts,
) -> Result<()> {
    let mut view = View::new(address, interval);
    // The first sample is short, so that there soon is something to see.
    let mut next = Instant::now() + LOOK_INTERVAL.min(interval);
    loop {
        terminal.draw(|frame| view.draw(frame)).context("drawing on the terminal")?;
        interrupts.check()?;
        let rest = next.saturating_duration_since(Instant::now());
        if rest.is_zero() {
            view.show(sampler.take()?);
            next = Instant::now() + interval;
        } else if event::poll(rest.min(LOOK_INTERVAL)).context("waiting for a key")?
            && let Event::Key(key) = event::read().context("reading a key")?
            && obey(&mut view, key) == Going::Ended
        {
            return Ok(());
        }
    }
}

fn obey(view: &mut View, key: KeyEvent) -> Going {
    if key.kind == KeyEventKind::Release {
        return Going::On;
    }
    match key.code {
        KeyCode::Char('q') | KeyCode::Esc => return Going::Ended,
        // The terminal does not make a signal of it now.
        KeyCode::Char('c') if key.modifiers.contains(KeyModifiers::CONTROL) => return Going::Ended,
        KeyCode::Left | KeyCode::Char('<') => view.sort_by_previous(),
        KeyCode::Right | KeyCode::Char('>') => view.sort_by_next(),
        KeyCode::Char('r') => view.reverse(),
        KeyCode::Up => view.scroll_up(1),
        KeyCode::Down => view.scroll_down(1),
        KeyCode::PageUp => view.scroll_up(10),
        KeyCode::PageDown => view.scroll_down(10),
        _ => {}
    }
    Going::On
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn q_escape_and_control_c_end_it_and_c_alone_does_not() {
        let mut view = View::new(&Address("@x".into()), Duration::from_secs(1));
        let mut press = |code, modifiers| obey(&mut view, KeyEvent::new(code, modifiers));
        let none = KeyModifiers::NONE;
        assert!(press(KeyCode::Char('q'), none) == Going::Ended);
        assert!(press(KeyCode::Esc, none) == Going::Ended);
        assert!(press(KeyCode::Char('c'), KeyModifiers::CONTROL) == Going::Ended);
        for code in [KeyCode::Char('c'), KeyCode::Left, KeyCode::Up, KeyCode::Char('r')] {
            assert!(press(code, none) == Going::On);
        }
    }
}
