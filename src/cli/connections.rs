//! `portcullis connections`: who gets in, tried for real; who must not, tried for real, too.

mod certificates;
mod probe;

use std::net::IpAddr;

use clap::Args;
use clap::ValueEnum;

use crate::cli::Common;
use crate::cli::Failure;
use crate::cli::Format;
use crate::cli::Status;
use crate::cli::connections::certificates::Certificates;
use crate::cli::print;
use crate::cli::wizard;
use crate::cli::wizard::Scene;
use crate::openclaw::connection;
use crate::openclaw::connection::Address;
use crate::openclaw::connection::Answer;
use crate::openclaw::connection::Over;
use crate::openclaw::connection::Told;
use crate::openclaw::connection::Visit;
use crate::openclaw::connection::Who;
use crate::openclaw::facts::Entry;
use crate::openclaw::facts::Secret;
use crate::openclaw::proof::Proof;
use crate::shell;
use crate::shell::connect;
use crate::shell::connect::Door;
use crate::shell::demo;
use crate::shell::prompt;
use crate::text::Mask;

/// Tries who gets in.
///
/// Without --url it tries the loopback address and port of the live config, with the secret that
/// config and environment give. The secret is sent and never shown. The gateway logs the refusals.
///
/// With --url the secret of that gateway comes from --secret-env, or is asked for at the terminal,
/// where what is typed is not shown. It is never stored.
#[derive(Debug, Args)]
pub(super) struct Connections {
    /// Try this address: the gateway's, or that of the proxy before it (ws, wss, http or https)
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// The variable that holds the secret to try at --url; the config's own is not sent there
    #[arg(long, value_name = "NAME", requires = "url")]
    secret_env: Option<String>,
    /// How the gateway at --url lets clients in, where the config here is not its own
    #[arg(long, value_enum, requires = "url")]
    auth: Option<Auth>,
    /// Have `openclaw gateway probe` try --url, too; it is given the secret in a variable
    #[arg(long, requires = "url")]
    probe: bool,
    /// A header to send along to --url, such as a session; ${NAME} is taken from the environment
    #[arg(long = "header", value_name = "NAME: VALUE", requires = "url")]
    headers: Vec<String>,
    #[command(flatten)]
    certificates: Certificates,
    /// How it is printed
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

impl Connections {
    pub(super) fn run(self, common: &Common) -> Result<Status, Failure> {
        common.must_be_here("connections are tried")?;
        let scene = wizard::scene(common)?;
        let mut mask = scene.live.mask().clone();
        let mut proof =
            if common.demo { demo::connections() } else { self.prove(&scene, &mut mask)? };
        hide(&mut proof, &mask);
        print(&match self.format {
            Format::Text => super::proof::text(&proof),
            Format::Json => super::pretty(&proof)?,
        })?;
        Ok(super::status(&proof))
    }

    /// Tries everything, and concludes from the answers.
    fn prove(&self, scene: &Scene, mask: &mut Mask) -> Result<Proof, Failure> {
        let here = scene.source.as_ref().and_then(|source| source.entry(&scene.live));
        let entry = match (self.auth, here) {
            (Some(auth), _) => Entry::elsewhere(auth.mode()),
            (None, Some(entry)) => entry,
            (None, None) => {
                let failure = super::facts::unreadable(&scene.live);
                return Err(match self.url {
                    None => failure,
                    Some(_) => failure.hint("--auth says how the gateway at --url lets clients in"),
                });
            }
        };
        let mut visit = self.visit(scene, entry)?;
        let hidden = visit.session.iter().map(|(_, value)| value).chain(visit.secret.as_ref().ok());
        hidden.for_each(|secret| mask.add(secret.reveal()));
        let door = match Door::find(&visit.address, &visit.trust) {
            Ok(door) => door,
            Err(why) => return Ok(connection::conclude(&visit, &[nobody(why)])),
        };
        let is_hidden = visit.address.is_tls() || is_private(door.ip());
        if !is_hidden && (visit.secret.is_ok() || !visit.session.is_empty()) {
            return Ok(unmeasured(format!(
                "Nothing was sent to {}: the way there is public and not encrypted, and the \
                 secret could be read on it. Try through a tunnel: ssh -N -L \
                 {port}:127.0.0.1:{port} HOST, then --url ws://127.0.0.1:{port}.",
                visit.address,
                port = visit.address.port()
            )));
        }
        let told = connect::try_each(&door, &visit.tries(), connect::PATIENCE);
        if matches!(told.first(), Some(Told { answer: Answer::Unreached(_), .. })) && !visit.given {
            visit.listening =
                scene.source.as_ref().and_then(|source| source.listening(&scene.live));
        }
        let mut proof = connection::conclude(&visit, &told);
        let decided = proof.observed.contains_key("connections.authorised");
        if self.probe && visit.secret.is_ok() && decided {
            probe::ask(&visit, &scene.gateway, self.certificates.ca_file(), mask, &mut proof)?;
        } else if self.probe {
            proof.notes.push(
                "openclaw gateway probe: not run, because no secret was let in or refused."
                    .to_owned(),
            );
        }
        Ok(proof)
    }

    fn visit(&self, scene: &Scene, entry: Entry) -> Result<Visit, Failure> {
        let address = match &self.url {
            None => Address::loopback(scene.gateway.port, entry.tls),
            Some(url) => Address::parse(url).map_err(|error| {
                Failure::unreadable("--url is no address of a gateway")
                    .because(error)
                    .hint("such as --url ws://127.0.0.1:18789")
            })?,
        };
        let secret = match (&self.url, &self.secret_env) {
            (None, _) => entry.secret.clone(),
            (Some(_), None) => self.asked_for(&entry, &address)?,
            (Some(_), Some(name)) => Ok(Secret::new(variable("--secret-env", name)?.trim())),
        };
        let session = self.headers.iter().map(|text| header(text)).collect::<Result<_, _>>()?;
        let own = entry.certificate.as_ref().zip(scene.source.as_ref());
        let own = own.map(|(path, source)| source.from_home(path));
        let trust = match &self.url {
            None => self.certificates.trust_here(&address, own.as_deref())?,
            Some(_) => self.certificates.trust_there(&address, entry.remote.as_ref())?,
        };
        Ok(Visit {
            address,
            trust,
            entry,
            secret,
            wrong: made_up()?,
            session,
            given: self.url.is_some(),
            listening: None,
        })
    }

    /// Asks for the secret of a gateway elsewhere, where one is needed and someone is there.
    fn asked_for(
        &self,
        entry: &Entry,
        address: &Address,
    ) -> Result<Result<Secret, String>, Failure> {
        let none = "the config's own secret is sent to its own gateway alone; --secret-env names \
                    the variable of this one";
        let needed = !matches!(entry.mode.as_deref(), Some("none" | "trusted-proxy"));
        if !needed || !self.headers.is_empty() || !prompt::is_attended() {
            return Ok(Err(none.to_owned()));
        }
        let question = format!("Secret for {address} (not shown; Enter for none): ");
        let answer = prompt::secret(&question).map_err(|error| {
            Failure::unreadable("the terminal gives no secret")
                .because(error)
                .hint("--secret-env names a variable that holds it")
        })?;
        let answer = answer.trim();
        Ok(if answer.is_empty() {
            Err("none was given".to_owned())
        } else {
            Ok(Secret::new(answer))
        })
    }
}

/// How a gateway elsewhere lets clients in.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Auth {
    Token,
    Password,
    TrustedProxy,
    None,
}

impl Auth {
    fn mode(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Password => "password",
            Self::TrustedProxy => "trusted-proxy",
            Self::None => "none",
        }
    }
}

/// Reads `Name: value`; what is in `${…}` comes out of the environment.
fn header(text: &str) -> Result<(String, Secret), Failure> {
    let odd = |cause: &str| {
        Failure::unreadable("--header is no header")
            .because(cause)
            .hint("such as --header 'Cookie: ${SESSION}'")
    };
    let (name, value) = text.split_once(':').ok_or_else(|| odd("it has no `:`"))?;
    let mut meant = String::new();
    let mut rest = value.trim();
    while let Some((before, after)) = rest.split_once("${") {
        let (variable_name, after) =
            after.split_once('}').ok_or_else(|| odd("a `${` is not closed"))?;
        meant.push_str(before);
        meant.push_str(&variable("--header", variable_name)?);
        rest = after;
    }
    meant.push_str(rest);
    let reserved = ["host", "connection", "upgrade", "content-length", "transfer-encoding"];
    let lower = name.trim().to_ascii_lowercase();
    if reserved.contains(&lower.as_str()) || lower.starts_with("sec-websocket") {
        return Err(odd("the connection itself needs that one"));
    }
    if !connection::is_header(name.trim(), &meant) {
        return Err(odd("its name or value holds a character that no header has"));
    }
    Ok((name.trim().to_owned(), Secret::new(meant)))
}

fn variable(flag: &str, name: &str) -> Result<String, Failure> {
    shell::variable(name).filter(|value| !value.trim().is_empty()).ok_or_else(|| {
        Failure::unreadable(format!("{flag} names a variable that is not set"))
            .because(format!("`{name}` is empty or unknown here"))
    })
}

/// Makes up a secret that is nobody's.
fn made_up() -> Result<Secret, Failure> {
    let mut bytes = [0u8; 24];
    getrandom::fill(&mut bytes)
        .map_err(|error| Failure::unreadable("the system gives no random bytes").because(error))?;
    Ok(Secret::new(bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>()))
}

fn nobody(why: String) -> Told {
    Told { who: Who::Nobody, over: Over::Http, answer: Answer::Unreached(why) }
}

fn unmeasured(why: String) -> Proof {
    Proof { unmeasured: Some(why), ..Proof::of("connections") }
}

/// Tells whether what is sent to an address stays on a network of one's own.
fn is_private(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => {
            // 100.64.0.0/10 is what tailnets use.
            let [first, second, ..] = ip.octets();
            let shared = first == 100 && (64..128).contains(&second);
            ip.is_loopback() || ip.is_private() || ip.is_link_local() || shared
        }
        IpAddr::V6(ip) => ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local(),
    }
}

/// Takes every secret out of what is printed; there should be none.
fn hide(proof: &mut Proof, mask: &Mask) {
    let hide = |text: &mut String| *text = mask.text(text);
    proof.notes.iter_mut().for_each(hide);
    proof.unmeasured.iter_mut().for_each(hide);
    for found in &mut proof.findings {
        hide(&mut found.title);
        hide(&mut found.detail);
        found.remediation.iter_mut().for_each(hide);
    }
}
