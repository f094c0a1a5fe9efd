//! The loop: one queue of what happened, one thread that owns the state and the screen.
//!
//! The input thread blocks on the terminal, commands run on threads of their own, signals arrive
//! on one more; all of them put messages into one queue. Nothing wakes up while nothing happens.

use std::collections::BTreeMap;
use std::io;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::sync::mpsc;
use std::sync::mpsc::Receiver;
use std::sync::mpsc::RecvTimeoutError;
use std::sync::mpsc::Sender;
use std::thread;
use std::thread::JoinHandle;
use std::time::Duration;

use signal_hook::consts::SIGINT;
use tempfile::NamedTempFile;

use crate::app::App;
use crate::app::Application;
use crate::app::Effect;
use crate::app::Message;
use crate::app::Offer;
use crate::app::Pen;
use crate::app::RunId;
use crate::app::Sealed;
use crate::openclaw::command;
use crate::openclaw::command::Command;
use crate::openclaw::command::Ended;
use crate::record::Record;
use crate::record::Signing;
use crate::record::chain::digest;
use crate::record::sshsig;
use crate::shell;
use crate::shell::apply;
use crate::shell::apply::Manner;
use crate::shell::apply::Site;
use crate::shell::chain::Chain;
use crate::shell::demo;
use crate::shell::in_turn::InTurn;
use crate::shell::keyboard::Keyboard;
use crate::shell::live::Source;
use crate::shell::live::Stamp;
use crate::shell::places::Places;
use crate::shell::records;
use crate::shell::records::Believed;
use crate::shell::run::Event;
use crate::shell::run::Processes;
use crate::shell::run::Running;
use crate::shell::sign;
use crate::shell::signals;
use crate::shell::store;
use crate::shell::store::Draft;
use crate::shell::term::Screen;
use crate::shell::watch;
use crate::view::theme::Theme;

/// How often seconds are drawn while something runs.
const TICK: Duration = Duration::from_secs(1);

/// How many messages are taken between two frames.
const BATCH: usize = 512;

/// The world around the wizard.
#[derive(Debug)]
pub struct World {
    /// Where the config is read from; none in the demo.
    pub source: Option<Source>,
    /// Our folders.
    pub places: Places,
    /// The draft.
    pub draft: Draft,
    /// The public key that the operator signs with, where one is set.
    pub signing_key: Option<PathBuf>,
}

/// How the wizard ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Left {
    /// The record, where one was sealed.
    pub sealed: Option<Sealed>,
    /// How many things blocked when it was left.
    pub blockers: usize,
    /// How many answers could not be saved.
    pub unsaved: usize,
}

struct Shell {
    world: World,
    processes: Processes,
    running: BTreeMap<RunId, Stop>,
    queue: Sender<Message>,
    stamp: Stamp,
    keyboard: Keyboard,
    /// Whether another program has the terminal, and ctrl-c is meant for it.
    lent: Arc<AtomicBool>,
    /// The record that is ready to be signed, its chain locked.
    ready: Option<Ready>,
    /// What is on its way into the live config.
    applying: Option<JoinHandle<()>>,
    /// Patches that are rehearsed; their files go with us.
    patches: Vec<NamedTempFile>,
}

/// A record that is ready to be signed.
struct Ready {
    chain: Chain,
    record: Record,
    offer: Offer,
}

/// How a command is stopped.
enum Stop {
    Process(Running),
    Demo(Sender<()>),
}

/// Runs the wizard until it is left.
///
/// # Errors
///
/// When the terminal cannot be taken or drawn on.
pub fn run(mut app: App, world: World, theme: Theme, screen: &mut Screen) -> io::Result<Left> {
    let (queue, messages) = mpsc::channel();
    let keyboard = Keyboard::default();
    keyboard.read(queue.clone());
    let told = queue.clone();
    let lent = Arc::new(AtomicBool::new(false));
    let elsewhere = Arc::clone(&lent);
    signals::listen(move |signal| {
        let meant = signal != SIGINT || !elsewhere.load(Ordering::SeqCst);
        !meant || told.send(Message::Terminate).is_ok()
    })?;
    let stamp = world.source.as_ref().map(|source| source.stamp(&app.live)).unwrap_or_default();
    if let Some(source) = &world.source {
        watch::watch(&source.files(&app.live), queue.clone());
    }
    let mut shell = Shell {
        world,
        processes: Processes::default(),
        running: BTreeMap::new(),
        queue,
        stamp,
        keyboard,
        lent,
        ready: None,
        applying: None,
        patches: Vec::new(),
    };
    let drawn = shell.turn(&mut app, &messages, theme, screen);
    shell.finish_applying(&mut app, &messages, screen);
    shell.processes.kill_all();
    drawn.map(|()| Left {
        blockers: app.blockers().len(),
        sealed: app.sealed,
        unsaved: app.unsaved.len(),
    })
}

impl Shell {
    /// Draws, waits for what happens, handles it, until it is left.
    fn turn(
        &mut self,
        app: &mut App,
        messages: &Receiver<Message>,
        theme: Theme,
        screen: &mut Screen,
    ) -> io::Result<()> {
        loop {
            screen.draw(app, theme)?;
            let Some(first) = wait(app, messages) else { return Ok(()) };
            let more = messages.try_iter().take(BATCH).collect::<Vec<_>>();
            for message in std::iter::once(first).chain(more) {
                if matches!(message, Message::Key(_)) {
                    // A ctrl-c for the other program may be told late; this key came after it.
                    self.lent.store(false, Ordering::SeqCst);
                }
                if matches!(message, Message::Key(_) | Message::Touched | Message::Applied(_)) {
                    self.look_at_config(app);
                }
                if self.handle(app, message, screen)? {
                    return Ok(());
                }
            }
        }
    }

    /// Handles a message and what follows from it. Answers whether the wizard is left.
    fn handle(&mut self, app: &mut App, message: Message, screen: &mut Screen) -> io::Result<bool> {
        let mut effects = app.update(message, shell::now());
        while !effects.is_empty() {
            let mut next = Vec::new();
            for effect in effects {
                match effect {
                    Effect::Quit => return Ok(true),
                    Effect::Copy(text) => screen.copy(&text)?,
                    Effect::Look => self.look(app),
                    Effect::Run(run, command) => self.start(app, run, &command),
                    Effect::Cancel(run) => self.stop(run),
                    Effect::Save(entries) => {
                        let saved = match self.world.draft.save(&entries) {
                            Ok(()) => Message::Saved,
                            Err(error) => Message::NotSaved(error.to_string()),
                        };
                        next.extend(app.update(saved, shell::now()));
                    }
                    Effect::Write(emission) => {
                        let path = std::path::absolute(&emission.path)?;
                        let written = store::write_new(&path, &emission.text);
                        let written = written.map(|()| path.display().to_string());
                        let written = written.map_err(|error| error.to_string());
                        next.extend(app.update(Message::Written(written), shell::now()));
                    }
                    Effect::Seal(record) => {
                        let offer = self.get_ready(app, *record);
                        next.extend(app.update(Message::Offered(offer), shell::now()));
                    }
                    Effect::Sign(pen) => {
                        let message = self.sign(app, pen, screen)?;
                        next.extend(app.update(message, shell::now()));
                    }
                    Effect::LetGo => self.ready = None,
                    Effect::Apply(application) => self.apply(app, &application),
                    Effect::Rehearse(run, patch) => next.extend(self.rehearse(app, run, &patch)),
                    Effect::Keep(file) => {
                        let path = Path::new(&file);
                        let kept = match store::write_new(path, "") {
                            // Somebody kept it by the command that was shown.
                            Err(_) if store::is_there(path) => Ok(()),
                            kept => kept,
                        };
                        let message = match kept {
                            Ok(()) => Message::Kept(file),
                            Err(why) => Message::Written(Err(format!("it is not kept: {why}"))),
                        };
                        next.extend(app.update(message, shell::now()));
                    }
                    Effect::ListRecords => self.list_records(&app.target.id),
                    Effect::OpenRecord(folder) => self.open_record(&app.target.id, folder),
                }
            }
            effects = next;
        }
        Ok(false)
    }

    /// Reads the list of records, and answers when it is there.
    fn list_records(&self, target: &str) {
        let (queue, places, target) =
            (self.queue.clone(), self.world.places.clone(), target.to_owned());
        thread::spawn(move || {
            // What cannot be believed shows where a record is opened.
            let believed = Believed::read(&places.config, None, None).unwrap_or_default();
            let list = records::listed(&places, &target, &believed);
            // The receiver is gone only when the wizard has been left.
            let _ = queue.send(Message::Records(list));
        });
    }

    /// Verifies a record, and answers when that is done.
    fn open_record(&self, target: &str, folder: String) {
        let (queue, places, target) =
            (self.queue.clone(), self.world.places.clone(), target.to_owned());
        thread::spawn(move || {
            let believed = Believed::read(&places.config, None, None);
            let opened = believed.map_err(|why| why.to_string()).and_then(|believed| {
                records::open(&places, &target, &folder, &believed, shell::now()).map(Box::new)
            });
            let _ = queue.send(Message::Record(folder, opened));
        });
    }

    /// Locks the chain, gives the record its place in it, and looks for keys.
    fn get_ready(&mut self, app: &App, record: Record) -> Result<Box<Offer>, String> {
        self.ready = None;
        let chain = Chain::open(&self.world.places, &app.target.id);
        let chain = chain.map_err(|error| error.to_string())?;
        let link = chain.link();
        let seq = link.seq.unwrap_or_default();
        let signed = record.clone().linked(&link, Signing::Signed);
        let sha256 = digest(signed.json.as_bytes());
        let offer = sign::offer(sha256, seq, self.world.signing_key.as_deref());
        self.ready = Some(Ready { chain, record, offer: offer.clone() });
        Ok(Box::new(offer))
    }

    /// Signs the record that is ready, and seals it. What goes wrong leaves it ready.
    fn sign(&mut self, app: &App, pen: Pen, screen: &mut Screen) -> io::Result<Message> {
        let Some(mut ready) = self.ready.take() else {
            return Ok(Message::NotSigned("nothing is ready to be signed".to_owned()));
        };
        let at = shell::now();
        let sealed = match pen {
            Pen::None => {
                let mut none = |_: &Path, _| Ok(());
                ready.chain.seal(&ready.record, Signing::Unsigned, at, &mut none)
            }
            Pen::NewKey => {
                let path = ready.offer.new_key.clone().unwrap_or_default();
                let comment = format!("{}@{}", app.operator, app.target.host);
                let made = self.lend(screen, || {
                    tell("A key of your own, to sign with. Choose a passphrase for it.");
                    sign::make_key(&path, &comment)
                })?;
                let set = self.world.signing_key.as_deref();
                ready.offer = sign::offer(ready.offer.sha256, ready.offer.seq, set);
                let offer = Box::new(ready.offer.clone());
                self.ready = Some(ready);
                return Ok(match made {
                    Ok(()) => Message::Offered(Ok(offer)),
                    Err(why) => Message::NotSigned(why),
                });
            }
            Pen::Key(key) => self.lend(screen, || {
                let mut pen = |file: &Path, namespace: &'static str| {
                    tell(if namespace == sshsig::RECORD {
                        "1 of 2: the record itself."
                    } else {
                        "2 of 2: the head of the chain, so that a cut tail shows."
                    });
                    sign::sign(&key, file, namespace)
                };
                ready.chain.seal(&ready.record, Signing::Signed, at, &mut pen)
            })?,
        };
        let sealed = match sealed {
            Ok(sealed) => sealed,
            Err(why) => {
                self.ready = Some(ready);
                return Ok(Message::NotSigned(why.to_string()));
            }
        };
        let World { places, draft, .. } = &self.world;
        let closed = draft.close(places, &app.change.header.change);
        let closed = closed.map_err(|why| format!("its draft stays, although it is sealed: {why}"));
        Ok(Message::Sealed(closed.map(|()| sealed)))
    }

    /// Gives the terminal to another program for a while.
    fn lend<T>(&self, screen: &mut Screen, to: impl FnOnce() -> T) -> io::Result<T> {
        self.keyboard.pause();
        self.lent.store(true, Ordering::SeqCst);
        let done = screen.lend(to);
        self.keyboard.resume();
        done
    }

    /// Walks a patch on a copy of the live config, from a private file that is gone afterwards.
    fn rehearse(&mut self, app: &mut App, run: RunId, patch: &str) -> Vec<Effect> {
        let Some(source) = &self.world.source else { return Vec::new() };
        let file = store::private_file(patch);
        match file {
            Ok(file) => {
                let named = file.path().display().to_string();
                let command = command::rehearse(&named, &source.gateway(&app.live));
                self.patches.push(file);
                self.start(app, run, &command);
                Vec::new()
            }
            Err(error) => {
                let ended = Ended::not_started(error.to_string());
                app.update(Message::Ended(run, ended), shell::now())
            }
        }
    }

    /// Hands a patch to OpenClaw on a thread of its own, which nothing stops half way.
    fn apply(&mut self, app: &App, application: &Application) {
        let Some(source) = self.world.source.clone() else { return };
        let site = Site {
            gateway: source.gateway(&app.live),
            source,
            live: app.live.clone(),
            places: self.world.places.clone(),
            target: app.target.id.clone(),
        };
        let manner = Manner {
            closes_all: application.closes_all,
            undo_in: application.undo_in.map(|seconds| Duration::from_secs(seconds.into())),
        };
        let (queue, patch) = (self.queue.clone(), application.patch.clone());
        self.applying = Some(thread::spawn(move || {
            let in_turn = InTurn::unasked(site.live.mask());
            let mut tell = |line| {
                // The receiver is gone only when the wizard has been left.
                let _ = queue.send(Message::Told(line));
            };
            let outcome = apply::apply(&patch, &site, manner, &in_turn, &mut tell);
            let _ = queue.send(Message::Applied(outcome));
        }));
    }

    /// Waits for what is on its way into the live config, and has the draft say what came of it.
    fn finish_applying(
        &mut self,
        app: &mut App,
        messages: &Receiver<Message>,
        screen: &mut Screen,
    ) {
        let Some(thread) = self.applying.take().filter(|_| app.is_applying()) else { return };
        // A terminal that is gone is no reason to leave the change half made.
        let _ = self.lend(screen, || {
            tell("A change is on its way into the live config; it is finished first.");
            thread.join()
        });
        self.look_at_config(app);
        let told: Vec<Message> = messages.try_iter().collect();
        for message in told {
            if !matches!(message, Message::Told(_) | Message::Applied(_)) {
                continue;
            }
            for effect in app.update(message, shell::now()) {
                if let Effect::Save(entries) = effect
                    && self.world.draft.save(&entries).is_ok()
                {
                    app.update(Message::Saved, shell::now());
                }
            }
        }
    }

    fn start(&mut self, app: &App, run: RunId, command: &Command) {
        let queue = self.queue.clone();
        if self.world.source.is_none() {
            let (stop, stopped) = mpsc::channel();
            let command = command.clone();
            thread::spawn(move || {
                // The receiver is gone only when the wizard has been left.
                let _ = queue.send(Message::Ended(run, demo::answer(&command, &stopped)));
            });
            self.running.insert(run, Stop::Demo(stop));
            return;
        }
        let mask = app.live.mask().clone();
        let mask = std::sync::Arc::new(move |line: &str| mask.text(line));
        let running = self.processes.start(command, mask, move |event| {
            let message = match event {
                Event::Line { text, .. } => Message::Line(run, text),
                Event::Ended(ended) => Message::Ended(run, ended),
            };
            let _ = queue.send(message);
        });
        self.running.insert(run, Stop::Process(running));
    }

    fn stop(&mut self, run: RunId) {
        match self.running.remove(&run) {
            None => {}
            Some(Stop::Process(running)) => running.cancel(),
            Some(Stop::Demo(stop)) => {
                let _ = stop.send(());
            }
        }
    }

    /// Reads the config again where its files have changed.
    fn look_at_config(&mut self, app: &mut App) {
        let Some(source) = &self.world.source else { return };
        let stamp = source.stamp(&app.live);
        if stamp != self.stamp {
            self.look(app);
        }
    }

    /// Reads the config and the host again.
    fn look(&mut self, app: &mut App) {
        let Some(source) = &self.world.source else { return };
        let live = source.read();
        self.stamp = source.stamp(&live);
        app.update(Message::Moved(Box::new(live)), shell::now());
    }
}

/// Waits for the next message; a tick where something runs, none where nobody can send any more.
fn wait(app: &App, messages: &Receiver<Message>) -> Option<Message> {
    if !app.is_busy() {
        return messages.recv().ok();
    }
    match messages.recv_timeout(TICK) {
        Ok(message) => Some(message),
        Err(RecvTimeoutError::Timeout) => Some(Message::Tick),
        Err(RecvTimeoutError::Disconnected) => None,
    }
}

/// Says something on the terminal that another program is about to use.
fn tell(text: &str) {
    // Nobody is left to be told when the terminal itself is gone.
    let _ = writeln!(io::stdout(), "{text}");
}
