//! The terminal: taken, drawn on, and given back as it was, whatever happens.

use std::io;
use std::io::BufWriter;
use std::io::IsTerminal;
use std::io::Stdout;
use std::io::Write;
use std::panic;

use crossterm::clipboard::CopyToClipboard;
use crossterm::cursor::Show;
use crossterm::event::DisableBracketedPaste;
use crossterm::event::EnableBracketedPaste;
use crossterm::execute;
use crossterm::queue;
use crossterm::terminal;
use crossterm::terminal::BeginSynchronizedUpdate;
use crossterm::terminal::Clear;
use crossterm::terminal::ClearType;
use crossterm::terminal::EndSynchronizedUpdate;
use crossterm::terminal::EnterAlternateScreen;
use crossterm::terminal::LeaveAlternateScreen;
use nix::sys::termios;
use ratatui::Terminal;
use ratatui::TerminalOptions;
use ratatui::Viewport;
use ratatui::backend::CrosstermBackend;
use ratatui::layout::Rect;

use crate::app::App;
use crate::view;
use crate::view::theme::Theme;

type Backend = CrosstermBackend<BufWriter<Stdout>>;

/// The terminal while the wizard has it. Dropping it gives it back.
pub struct Screen {
    terminal: Terminal<Backend>,
    size: (u16, u16),
}

impl std::fmt::Debug for Screen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Screen").field("size", &self.size).finish_non_exhaustive()
    }
}

/// Tells whether someone sits at a terminal: keys come from one and the screen goes to one.
#[must_use]
pub fn is_attended() -> bool {
    io::stdin().is_terminal() && io::stdout().is_terminal()
}

impl Screen {
    /// Takes the terminal: raw keys, the other screen, pastes told from keys.
    ///
    /// # Errors
    ///
    /// When there is none, or it refuses.
    pub fn take() -> io::Result<Self> {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            give_back();
            before(info);
        }));
        terminal::enable_raw_mode()?;
        // From here on the guard gives it back, even when the next line fails.
        let size = terminal::size().unwrap_or(view::SMALLEST);
        let screen = Self { terminal: fixed(size)?, size };
        // Where a killed program left the other screen behind, its cells are still there.
        execute!(io::stdout(), EnterAlternateScreen, Clear(ClearType::All), EnableBracketedPaste)?;
        Ok(screen)
    }

    /// Returns the size in columns and rows.
    #[must_use]
    pub fn size(&self) -> (u16, u16) {
        self.size
    }

    /// Draws the wizard, as one frame.
    ///
    /// The viewport is fixed and made anew for another size. The one that follows the terminal
    /// by itself asks where the cursor is, and the input thread would take the answer.
    ///
    /// # Errors
    ///
    /// When the terminal cannot be written to.
    pub fn draw(&mut self, app: &App, theme: Theme) -> io::Result<()> {
        queue!(self.terminal.backend_mut(), BeginSynchronizedUpdate)?;
        if self.size != app.size {
            self.size = app.size;
            self.terminal = fixed(app.size)?;
            queue!(self.terminal.backend_mut(), BeginSynchronizedUpdate, Clear(ClearType::All))?;
        }
        self.terminal.draw(|frame| view::draw(app, theme, frame))?;
        queue!(self.terminal.backend_mut(), EndSynchronizedUpdate)?;
        self.terminal.backend_mut().flush()
    }

    /// Gives the terminal to something else and takes it back; the next frame is drawn anew.
    ///
    /// What was typed and not read by then is dropped: it was meant for the other one.
    ///
    /// # Errors
    ///
    /// When the terminal cannot be taken back.
    pub fn lend<T>(&mut self, to: impl FnOnce() -> T) -> io::Result<T> {
        give_back();
        let done = to();
        // Where nothing can be dropped there is nothing, or it is no terminal.
        let _ = termios::tcflush(io::stdin(), termios::FlushArg::TCIFLUSH);
        terminal::enable_raw_mode()?;
        execute!(io::stdout(), EnterAlternateScreen, EnableBracketedPaste)?;
        self.size = (0, 0);
        Ok(done)
    }

    /// Puts text on the terminal's clipboard, where the terminal allows it.
    ///
    /// # Errors
    ///
    /// When the terminal cannot be written to.
    pub fn copy(&mut self, text: &str) -> io::Result<()> {
        execute!(self.terminal.backend_mut(), CopyToClipboard::to_clipboard_from(text))
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        give_back();
    }
}

fn fixed((columns, rows): (u16, u16)) -> io::Result<Terminal<Backend>> {
    let viewport = Viewport::Fixed(Rect::new(0, 0, columns, rows));
    let backend = CrosstermBackend::new(BufWriter::with_capacity(64 << 10, io::stdout()));
    Terminal::with_options(backend, TerminalOptions { viewport })
}

/// Gives the terminal back. What fails here has nobody left to tell.
fn give_back() {
    let _ = execute!(
        io::stdout(),
        EndSynchronizedUpdate,
        DisableBracketedPaste,
        LeaveAlternateScreen,
        Show
    );
    let _ = terminal::disable_raw_mode();
}
