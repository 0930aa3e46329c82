//! What is on the screen: the services, what they have in memory, and the sessions, which are as
//! many as there is room for, in the order of a column.

use super::cells::{self, BUSIEST, SERVICE, SESSION};
use super::sample::Sample;
use crate::output::{Align, duration};
use crate::system::Address;
use ratatui::Frame;
use ratatui::layout::{Alignment, Constraint, Layout, Rect};
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Text};
use ratatui::widgets::{Cell, Paragraph, Row, Table};
use std::time::Duration;

const KEYS: &str = "q quit   ← → order by column   r reverse   ↑ ↓ scroll";
const TITLES: Style = Style::new().add_modifier(Modifier::REVERSED);
const CHOSEN: Style = Style::new().add_modifier(Modifier::BOLD).add_modifier(Modifier::UNDERLINED);

/// What is shown, and how.
pub(super) struct View {
    address: String,
    interval: Duration,
    sample: Option<Sample>,
    /// The column that sessions are ordered by.
    column: usize,
    is_reversed: bool,
    /// Sessions that are above the first one that is seen.
    scrolled: usize,
}

impl View {
    /// Nothing yet.
    pub(super) fn new(address: &Address, interval: Duration) -> Self {
        Self {
            address: address.to_string(),
            interval,
            sample: None,
            column: BUSIEST,
            is_reversed: false,
            scrolled: 0,
        }
    }

    pub(super) fn show(&mut self, sample: Sample) {
        self.sample = Some(sample);
    }

    pub(super) fn sort_by_next(&mut self) {
        self.column = (self.column + 1) % SESSION.len();
    }

    pub(super) fn sort_by_previous(&mut self) {
        self.column = (self.column + SESSION.len() - 1) % SESSION.len();
    }

    pub(super) fn reverse(&mut self) {
        self.is_reversed = !self.is_reversed;
    }

    pub(super) fn scroll_up(&mut self, rows: usize) {
        self.scrolled = self.scrolled.saturating_sub(rows);
    }

    pub(super) fn scroll_down(&mut self, rows: usize) {
        self.scrolled += rows;
    }

    /// Draws it all.
    pub(super) fn draw(&mut self, frame: &mut Frame<'_>) {
        let Some(sample) = &self.sample else {
            return frame.render_widget(
                Text::from(format!("veridian at {} …", self.address)),
                frame.area(),
            );
        };
        let services = sample.services.iter().map(cells::service).collect::<Vec<_>>();
        let usage: Vec<_> =
            sample.services.iter().filter_map(cells::usage).map(Line::from).collect();
        let rows = |count: usize| Constraint::Length(u16::try_from(count).unwrap_or(u16::MAX));
        let [head, rest] = frame.area().layout(&Layout::vertical([rows(1), Constraint::Fill(1)]));
        let [top, memory, main, foot] = rest.layout(&Layout::vertical([
            rows(services.len() + 1),
            rows(usage.len() + 1),
            Constraint::Fill(1),
            rows(1),
        ]));
        let mut sessions: Vec<_> =
            cells::sessions(sample, self.column).into_iter().map(cells::session).collect();
        if self.is_reversed {
            sessions.reverse();
        }
        // What has ended since does not leave an empty screen.
        self.scrolled = self.scrolled.min(sessions.len().saturating_sub(1));
        let seen = sessions.get(self.scrolled..).unwrap_or_default();
        frame.render_widget(self.head(sample, sessions.len()), head);
        draw_table(frame, top, (&SERVICE, None), &services);
        frame.render_widget(Paragraph::new(usage), memory);
        draw_table(frame, main, (&SESSION, Some(self.column)), seen);
        frame.render_widget(Line::from(KEYS), foot);
    }

    fn head(&self, sample: &Sample, sessions: usize) -> Line<'static> {
        let up_ns = sample.services.iter().map(|service| service.uptime_ns).max().unwrap_or(0);
        Line::from(format!(
            "veridian at {}   up {}   {sessions} sessions   every {:?}",
            self.address,
            duration(up_ns),
            self.interval,
        ))
    }
}

/// A table whose columns are as wide as what is in them.
fn draw_table<const N: usize>(
    frame: &mut Frame<'_>,
    area: Rect,
    (columns, chosen): (&[(Align, &str); N], Option<usize>),
    rows: &[[String; N]],
) {
    let widths = columns.iter().enumerate().map(|(at, (_, title))| {
        let cells = rows.iter().filter_map(|row| row.get(at)).map(|cell| cell.chars().count());
        let width = cells.chain([title.chars().count()]).max().unwrap_or(0);
        Constraint::Length(u16::try_from(width).unwrap_or(u16::MAX))
    });
    let widths: Vec<_> = widths.collect();
    let cell = |(text, (align, _)): (String, &(Align, &str))| {
        let alignment = match align {
            Align::Left => Alignment::Left,
            Align::Right => Alignment::Right,
        };
        Cell::from(Text::from(text).alignment(alignment))
    };
    let titles = columns.iter().enumerate().map(|(at, column)| {
        let style = if chosen == Some(at) { CHOSEN } else { Style::new() };
        cell((column.1.to_owned(), column)).style(style)
    });
    let titles = Row::new(titles).style(TITLES);
    let rows = rows.iter().map(|row| Row::new(row.iter().cloned().zip(columns).map(cell)));
    frame.render_widget(Table::new(rows, widths).header(titles).column_spacing(2), area);
}
