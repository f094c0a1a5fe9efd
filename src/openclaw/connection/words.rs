//! What is said of the answers: a line for each, what speaks against the gateway, what stays open.

use crate::openclaw::connection::Answer;
use crate::openclaw::connection::FOREIGN_ORIGIN;
use crate::openclaw::connection::Over;
use crate::openclaw::connection::Refusal;
use crate::openclaw::connection::Told;
use crate::openclaw::connection::Who;
use crate::openclaw::connection::outcome::Case;
use crate::openclaw::finding::Severity;
use crate::openclaw::proof::Found;
use crate::openclaw::proof::Proof;

impl Case<'_> {
    pub(super) fn findings(&self, proof: &Proof) -> Vec<Found> {
        let no = |path: &str| proof.observed.get(path) == Some(&serde_json::Value::Bool(false));
        let address = &self.visit.address;
        let over = |who| {
            let let_in = [Over::WebSocket, Over::Http];
            let let_in =
                let_in.into_iter().filter(|over| self.answer(who, *over) == Some(&Answer::LetIn));
            let_in.map(Over::name).collect::<Vec<_>>().join(" and ")
        };
        let mut found = Vec::new();
        let mut find = |id: &str, severity, title: &str, detail: String, fix: &str| {
            found.push(Found {
                check_id: format!("portcullis.connections.{id}"),
                severity,
                title: title.to_owned(),
                detail,
                remediation: Some(fix.to_owned()),
            });
        };
        let open: Vec<String> = [
            ("connections.refuses_none", Who::Nobody),
            ("connections.refuses_wrong", Who::WrongSecret),
        ]
        .into_iter()
        .filter(|(path, _)| no(path))
        .map(|(_, who)| format!("a client with {} over {}", self.name(who), over(who)))
        .collect();
        if !open.is_empty() {
            find(
                "open",
                Severity::Critical,
                "The gateway lets strangers in",
                format!("{address} let in {}.\n- gateway.auth.mode", open.join(", and ")),
                "Close the gateway to loopback, set gateway.auth.mode to \"token\" with a long \
                 random token, restart it, and try again.",
            );
        }
        if no("connections.authorised") {
            let what = match (self.proxied(), self.visit.given) {
                (true, _) => "the session that was given".to_owned(),
                (false, true) => "the secret that was given".to_owned(),
                (false, false) => {
                    format!("the secret of the config ({})", self.visit.entry.source)
                }
            };
            let todo = match (self.proxied(), self.visit.given) {
                (true, _) => {
                    "Let the proxy hand on the user in the header that the gateway's config names, \
                     and list that user in gateway.auth.trustedProxy.allowUsers."
                }
                (false, true) => {
                    "The gateway there has another secret: compare it with the config and the \
                     service of that gateway."
                }
                (false, false) => {
                    "The running gateway has another secret than config and environment give \
                     here, or reads another config: restart it, or set the variable to its token."
                }
            };
            find(
                "shut-out",
                Severity::Warn,
                "The gateway refuses who should get in",
                format!("{address} refused {what}.\n- gateway.auth"),
                todo,
            );
        }
        if no("connections.refuses_origin") {
            find(
                "origin",
                Severity::Warn,
                "The gateway lets in pages of foreign sites",
                format!(
                    "{address} let in a page of {FOREIGN_ORIGIN} over WebSocket.\n\
                     - gateway.controlUi.allowedOrigins"
                ),
                "List the origins of the Control UI in gateway.controlUi.allowedOrigins, without *.",
            );
        }
        if no("connections.refuses_forged") || no("connections.proxy_overwrites") {
            let (detail, fix) = if self.visit.given {
                (
                    format!(
                        "Through {address}, an identity header that the client wrote reached the \
                         gateway.\n- gateway.auth.trustedProxy.userHeader"
                    ),
                    "Set the user header and X-Forwarded-For in every location of the proxy: a \
                     location with rules of its own inherits none.",
                )
            } else {
                (
                    format!(
                        "{address} believed an identity header that came from no proxy.\n\
                         - gateway.trustedProxies"
                    ),
                    "Take every address but the proxy's out of gateway.trustedProxies.",
                )
            };
            find("forged", Severity::Critical, "A client can pass for any user", detail, fix);
        }
        found
    }

    /// Names a client by what it has.
    pub(super) fn name(&self, who: Who) -> &'static str {
        match who {
            Who::Authorised if self.proxied() => "the session that was given",
            Who::Authorised => "the gateway's secret",
            Who::Nobody => "nothing to show",
            Who::WrongSecret => "a made-up secret",
            Who::ForeignPage => "the origin of a foreign site",
            Who::ForgedStranger => "a forged identity header and no session",
            Who::ForgedUser => "a session and the forged header of an allowed user",
            Who::ForgedNobody if self.visit.session.is_empty() => {
                "the forged header of an unknown user"
            }
            Who::ForgedNobody => "a session and the forged header of an unknown user",
            Who::ForgedBlank if self.visit.session.is_empty() => "a blank identity header",
            Who::ForgedBlank => "a session and a blank identity header",
        }
    }

    /// Says what was tried, what came back, and what that proves.
    pub(super) fn note(&self, told: &Told) -> String {
        let proves = self.proves(told);
        let proves = if proves.is_empty() { String::new() } else { format!(" {proves}.") };
        let (name, over, answer) = (self.name(told.who), told.over.name(), &told.answer);
        format!("With {name}, over {over}: {answer}.{proves}")
    }

    fn proves(&self, told: &Told) -> &'static str {
        match (told.who, &told.answer) {
            (Who::Authorised, Answer::LetIn) => "Who should get in does",
            (Who::Authorised, Answer::Refused(Refusal::Secret | Refusal::Device))
                if self.proxied() =>
            {
                "The gateway was told of no user that it lets in"
            }
            (Who::Authorised, Answer::Refused(Refusal::Secret)) => {
                "The running gateway does not know it"
            }
            (Who::Authorised, Answer::Refused(Refusal::Attribution)) => {
                "The gateway does not see who is behind the proxy"
            }
            (Who::Nobody, Answer::LetIn) => "Whoever reaches this address gets in",
            (Who::Nobody | Who::WrongSecret, Answer::Refused(Refusal::Device)) => {
                "A gateway without auth says the same, so that HTTP decides"
            }
            (Who::Nobody, Answer::Refused(_)) => "Who shows nothing stays out",
            (Who::Nobody | Who::ForgedStranger, Answer::TurnedBack(_)) if self.visit.given => {
                "The proxy lets nobody through without a login"
            }
            (Who::WrongSecret, Answer::LetIn) => "Any secret will do",
            (Who::WrongSecret, Answer::Refused(Refusal::Secret)) => "The secret is compared",
            (Who::ForeignPage, Answer::LetIn) => "Any web page can use what a browser holds",
            (Who::ForeignPage, Answer::Refused(Refusal::Origin)) => {
                "Pages of foreign sites stay out, whatever they hold"
            }
            (Who::ForgedStranger, Answer::LetIn) if self.is_excused() => {
                "Any process on this host can pass for any user, as allowLoopback says"
            }
            (Who::ForgedStranger, Answer::LetIn) => "Whoever writes the header is that user",
            (Who::ForgedStranger, Answer::Refused(_)) => "The header alone opens nothing",
            (Who::ForgedUser, Answer::LetIn)
                if self.answer(Who::Authorised, told.over) != Some(&Answer::LetIn) =>
            {
                "The proxy hands on what the client writes"
            }
            (Who::ForgedNobody, Answer::LetIn) if !self.visit.anyone_may_come() => {
                "The proxy put the real user in its place"
            }
            (
                Who::ForgedNobody | Who::ForgedBlank,
                Answer::Refused(Refusal::Secret | Refusal::Device),
            ) if self.answer(Who::Authorised, told.over) == Some(&Answer::LetIn) => {
                "The proxy hands on what the client writes"
            }
            _ => "",
        }
    }

    /// Says what such connections cannot show.
    pub(super) fn leaves_open(&self) -> Vec<&'static str> {
        let mut open = vec![
            "senders in channels, and browsers or devices that were paired before; send a message \
             from an account that is not listed",
        ];
        if self.proxied() {
            open.push("other paths of the proxy than this one and tools/invoke, each with rules of its own");
            open.push("whether the gateway's own port can be reached past the proxy");
        } else if self.visit.given {
            open.push("other addresses of the gateway than this one");
        } else {
            open.push("other hosts: everything was tried from this one, over loopback");
        }
        if self.is_excused() && self.let_in(Who::ForgedStranger) {
            open.push("whether other hosts are refused with a forged header; allowLoopback believes this one");
        }
        open
    }
}
