//! Who signs on the command line, and with what.

use std::path::Path;
use std::path::PathBuf;

use clap::Args;

use crate::app::SigningKey;
use crate::cli::Common;
use crate::cli::Failure;
use crate::cli::Status;
use crate::cli::print;
use crate::cli::settings::Settings;
use crate::cli::wizard;
use crate::record::Signing;
use crate::record::statement::Deed;
use crate::record::statement::Saying;
use crate::record::verify::Found;
use crate::shell;
use crate::shell::chain::Chain;
use crate::shell::sign;

/// Who signs, and with what.
#[derive(Clone, Debug, Args)]
pub(super) struct Hand {
    /// Sign with this public key; the private one stays with the agent or beside it
    #[arg(long, value_name = "FILE.pub")]
    key: Option<PathBuf>,
    /// Who says so; without it, the operator of config.toml, else the OS user
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
}

/// Who says something about a record.
#[derive(Clone, Debug, Args)]
pub(super) struct Voice {
    #[command(flatten)]
    hand: Hand,
    /// Say it without a key; about a signed record that counts for nothing but a doubt
    #[arg(long, conflicts_with = "key")]
    unsigned: bool,
}

impl Hand {
    /// Returns the name of whoever signs.
    fn name(&self, common: &Common) -> Result<String, Failure> {
        if let Some(name) = self.name.as_ref().filter(|name| !name.trim().is_empty()) {
            return Ok(name.trim().to_owned());
        }
        Ok(Settings::read(common)?.operator.unwrap_or_else(shell::live::user))
    }

    /// Returns the key to sign with: the one that is named, the one that is set, or the only one.
    pub(super) fn key(&self, common: &Common) -> Result<SigningKey, Failure> {
        if let Some(path) = &self.key {
            return sign::named(path).ok_or_else(|| {
                Failure::unreadable(format!("`{}` is no public key", path.display()))
                    .hint("name a file such as ~/.ssh/id_ed25519.pub")
            });
        }
        if let Some(path) = Settings::read(common)?.signing_key {
            return sign::named(&path).ok_or_else(|| {
                Failure::unreadable(sign::no_key(&path))
                    .hint("`signing_key` in config.toml names it; --key names another")
            });
        }
        let keys = sign::keys();
        match keys.as_slice() {
            [key] => Ok(key.clone()),
            [] => Err(Failure::unreadable("there is no key to sign with").hint(
                "`ssh-keygen -t ed25519` makes one; --key or config.toml names one elsewhere",
            )),
            several => {
                let names: Vec<&str> = several.iter().map(|key| key.held.place()).collect();
                Err(Failure::unreadable("there are several keys")
                    .hint(format!("--key or config.toml names one: {}", names.join(", "))))
            }
        }
    }

    /// Says something about a record at the end of its chain.
    ///
    /// `first` is done once nobody else can add to the chain.
    pub(super) fn say(
        &self,
        common: &Common,
        spoken: (&str, &Found, &Deed),
        key: Option<&SigningKey>,
        first: impl FnOnce() -> Result<(), Failure>,
    ) -> Result<PathBuf, Failure> {
        let (target, found, deed) = spoken;
        let not = |why| {
            let what = format!("the statement `{}` was not made", deed.word());
            Failure::not_met(what).because(why)
        };
        let who = self.name(common)?;
        let saying = Saying {
            deed,
            target,
            at: shell::now(),
            who: &who,
            record: &found.sha256,
            folder: &found.folder,
        };
        let mut chain = Chain::open(&common.places()?, target).map_err(not)?;
        first()?;
        let signing = if key.is_some() { Signing::Signed } else { Signing::Unsigned };
        let mut pen = |file: &Path, namespace: &'static str| match key {
            Some(key) => sign::sign(key, file, namespace),
            None => Ok(()),
        };
        chain.state(&saying, signing, &mut pen).map_err(not)
    }
}

impl Voice {
    /// Says something about a record at the end of its chain, and prints where it stands.
    pub(super) fn say(
        &self,
        common: &Common,
        target: &str,
        found: &Found,
        deed: &Deed,
        done: &str,
    ) -> Result<Status, Failure> {
        let key = if self.unsigned { None } else { Some(self.key(common)?) };
        let path = self.hand.say(common, (target, found, deed), key.as_ref(), || Ok(()))?;
        let signed = match &key {
            Some(key) => format!("Signed: {}\n", key.fingerprint),
            None => "UNSIGNED: no key vouches for it.\n".to_owned(),
        };
        print(&format!("{done}\nIn the chain: {}\n{signed}", path.display()))?;
        Ok(Status::Fine)
    }

    fn key(&self, common: &Common) -> Result<SigningKey, Failure> {
        self.hand.key(common).map_err(|failure| {
            let hint = failure.hint.clone().unwrap_or_default();
            failure.hint(format!("{hint}; --unsigned says it without one"))
        })
    }
}

/// Returns a text as it goes on record: it says something, and the config's secrets are masked.
pub(super) fn masked(common: &Common, text: &str) -> Result<String, Failure> {
    let text = text.trim();
    if text.is_empty() {
        return Err(Failure::unreadable("a reason is needed").hint("say why in --reason"));
    }
    // Without a config there is no secret to be known.
    let scene = wizard::scene(common).ok();
    Ok(scene.map_or_else(|| text.to_owned(), |scene| scene.live.mask().line(text)))
}
