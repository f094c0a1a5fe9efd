//! What all the answers together prove, and what they leave open.

use crate::openclaw::connection::Answer;
use crate::openclaw::connection::Over;
use crate::openclaw::connection::Refusal;
use crate::openclaw::connection::Visit;
use crate::openclaw::connection::Who;
use crate::openclaw::proof::Proof;

/// A connection that was tried, and its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// Who the client pretended to be.
    pub who: Who,
    /// How it spoke.
    pub over: Over,
    /// What it was told.
    pub answer: Answer,
}

/// What was measured, or why it was not.
type Measured = Result<bool, String>;

/// Concludes from the answers.
#[must_use]
pub fn conclude(visit: &Visit, told: &[Told]) -> Proof {
    let mut proof = Proof::of("connections");
    let case = Case { visit, told };
    if let Some(why) = case.nobody_there() {
        proof.unmeasured = Some(why);
        return proof;
    }
    let mode = visit.entry.mode.as_deref().unwrap_or("that cannot be told");
    proof.notes.push(format!("Tried at {}, in auth mode {mode}.", visit.address));
    proof.notes.extend(visit.address.is_tls().then(|| format!("{}.", visit.trust)));
    proof.notes.extend(told.iter().map(|told| case.note(told)));
    proof.notes.extend(case.leaves_open().into_iter().map(|open| format!("Not shown: {open}")));
    let mut reasons: Vec<String> = Vec::new();
    for (path, measured) in case.measured() {
        match measured {
            Ok(holds) => proof.observe(path, holds),
            Err(why) if why.is_empty() || reasons.contains(&why) => {}
            Err(why) => reasons.push(why),
        }
    }
    proof.findings = case.findings(&proof);
    proof.unmeasured = (!reasons.is_empty()).then(|| reasons.join(" "));
    proof
}

/// The answers of one visit.
pub(super) struct Case<'a> {
    pub(super) visit: &'a Visit,
    pub(super) told: &'a [Told],
}

impl Case<'_> {
    fn answers(&self, who: Who) -> impl Iterator<Item = &Answer> {
        self.told.iter().filter(move |told| told.who == who).map(|told| &told.answer)
    }

    pub(super) fn answer(&self, who: Who, over: Over) -> Option<&Answer> {
        let told = self.told.iter().find(|told| told.who == who && told.over == over);
        told.map(|told| &told.answer)
    }

    pub(super) fn let_in(&self, who: Who) -> bool {
        self.answers(who).any(|answer| *answer == Answer::LetIn)
    }

    pub(super) fn proxied(&self) -> bool {
        self.visit.given && self.visit.entry.trusts_a_proxy()
    }

    /// Says that no answer at all came, and what to do.
    fn nobody_there(&self) -> Option<String> {
        let address = &self.visit.address;
        let first = self.told.first()?;
        match &first.answer {
            Answer::Untrusted(distrust) => Some(distrust.explain(address, &self.visit.trust)),
            Answer::Unreached(why) if self.visit.given => Some(format!(
                "Nobody answered at {address}: {why}. Check the address, and whether the gateway \
                 and what stands before it are running."
            )),
            Answer::Unreached(why) => {
                let others = self.visit.listening.iter().flatten().cloned().collect::<Vec<_>>();
                let port = address.port();
                let todo = if others.is_empty() {
                    "Start the gateway, and run it again".to_owned()
                } else {
                    format!("Something listens at {}: name it with --url", others.join(", "))
                };
                Some(format!("No gateway answered at {address}: {why}. {todo} (port {port})."))
            }
            _ if self.told.iter().all(|told| matches!(told.answer, Answer::Unclear(_))) => {
                Some(format!(
                    "Something is at {address}, and shows neither entry nor refusal: {}.",
                    reason(&first.answer)
                ))
            }
            _ => None,
        }
    }

    /// Lists everything that this visit should measure.
    fn measured(&self) -> Vec<(&'static str, Measured)> {
        let mut measured = vec![
            ("connections.authorised", self.authorised()),
            ("connections.refuses_none", self.refuses(Who::Nobody)),
        ];
        if !self.proxied() {
            measured.push(("connections.refuses_wrong", self.refuses(Who::WrongSecret)));
        }
        measured.push(("connections.refuses_origin", self.refuses_origin()));
        measured.push(("connections.refuses_forged", self.refuses_forged()));
        if self.proxied() {
            measured.push(("connections.proxy_overwrites", self.overwrites()));
        }
        measured
    }

    fn authorised(&self) -> Measured {
        let mut answers = self.answers(Who::Authorised).peekable();
        if answers.peek().is_none() {
            return match &self.visit.secret {
                // Where everyone is let in, so is who may.
                _ if self.answers(Who::Nobody).all(|answer| *answer == Answer::LetIn) => Ok(true),
                _ if self.let_in(Who::Nobody) && !self.proxied() => Ok(true),
                _ if self.proxied() => Err("No authorised client was tried, because no session \
                     was given: --header 'Cookie: ${SESSION}' sends one along."
                    .to_owned()),
                _ if self.visit.entry.trusts_a_proxy() => Err("An authorised client can only be \
                     tried through the proxy: --url names it."
                    .to_owned()),
                Err(why) => Err(format!("No authorised client was tried: {why}.")),
                Ok(_) => Err("No authorised client was tried.".to_owned()),
            };
        }
        let refused = |answer: &Answer| match answer {
            Answer::Refused(Refusal::Secret | Refusal::Attribution) => true,
            // Whom a proxy names needs no device; a stranger does.
            Answer::Refused(Refusal::Device) => self.proxied(),
            _ => false,
        };
        let answers: Vec<&Answer> = answers.collect();
        if answers.iter().any(|answer| refused(answer)) {
            return Ok(false);
        }
        match answers.iter().find(|answer| ***answer != Answer::LetIn) {
            None => Ok(true),
            Some(other) => Err(format!(
                "The authorised client was neither let in nor known: {}.",
                reason(other)
            )),
        }
    }

    /// Measures whether a client is refused over every way it tried.
    fn refuses(&self, who: Who) -> Measured {
        if self.let_in(who) {
            return Ok(false);
        }
        let proves = |answer: &Answer| match answer {
            Answer::Refused(Refusal::Secret | Refusal::Attribution | Refusal::Origin) => true,
            Answer::TurnedBack(_) => self.visit.given,
            Answer::Refused(Refusal::Device | Refusal::Locked)
            | Answer::LetIn
            | Answer::Unreached(_)
            | Answer::Untrusted(_)
            | Answer::Unclear(_) => false,
        };
        let device = |answer: &Answer| *answer == Answer::Refused(Refusal::Device);
        let unproven = self.answers(who).find(|answer| !proves(answer) && !device(answer));
        match unproven {
            Some(answer) => {
                Err(format!("Of the client with {}: {}.", self.name(who), reason(answer)))
            }
            None if self.answers(who).any(proves) => Ok(true),
            None => Err(format!(
                "The client with {} was refused for want of a device alone, as a gateway without \
                 auth does it, too.",
                self.name(who)
            )),
        }
    }

    fn refuses_origin(&self) -> Measured {
        match self.answer(Who::ForeignPage, Over::WebSocket) {
            Some(Answer::LetIn) => Ok(false),
            Some(Answer::Refused(Refusal::Origin)) => Ok(true),
            Some(answer) => Err(format!(
                "The page of a foreign site was not judged by its origin: {}.",
                reason(answer)
            )),
            None => Err(String::new()),
        }
    }

    fn refuses_forged(&self) -> Measured {
        let anyone = |over| self.answer(Who::Nobody, over) == Some(&Answer::LetIn);
        let forger = |over| self.answer(Who::ForgedStranger, over) == Some(&Answer::LetIn);
        let both = [Over::WebSocket, Over::Http];
        if both.into_iter().any(|over| forger(over) && !anyone(over)) {
            // What allowLoopback allows says nothing about other hosts.
            return if self.is_excused() { Err(String::new()) } else { Ok(false) };
        }
        if both.into_iter().any(forger) {
            return Err(String::new());
        }
        self.refuses(Who::ForgedStranger)
    }

    /// Tells whether a forger on this host is let in on purpose.
    pub(super) fn is_excused(&self) -> bool {
        let entry = &self.visit.entry;
        !self.visit.given && entry.trusts_a_proxy() && entry.allows_loopback
    }

    /// Measures whether the proxy puts its own identity over the one that a client sends: over
    /// every way, because each has its own rules in the proxy.
    fn overwrites(&self) -> Measured {
        let each = [Over::WebSocket, Over::Http].map(|over| self.overwrites_over(over));
        if each.contains(&Ok(false)) {
            return Ok(false);
        }
        each.into_iter().find(Result::is_err).unwrap_or(Ok(true))
    }

    fn overwrites_over(&self, over: Over) -> Measured {
        let stranger = self.answer(Who::Nobody, over);
        let base = if self.visit.session.is_empty() {
            stranger
        } else {
            self.answer(Who::Authorised, over)
        };
        let is = |who, wanted: &Answer| self.answer(who, over) == Some(wanted);
        let let_in = Answer::LetIn;
        let was_in = base == Some(&let_in);
        if !was_in && is(Who::ForgedUser, &let_in)
            || stranger != Some(&let_in) && is(Who::ForgedStranger, &let_in)
        {
            return Ok(false);
        }
        if !was_in {
            return Err("Whether the proxy overwrites the identity header shows only in a client \
                        that it lets through, and none was."
                .to_owned());
        }
        let by_gateway = |who| {
            matches!(
                self.answer(who, over),
                Some(Answer::Refused(Refusal::Secret | Refusal::Device))
            )
        };
        if by_gateway(Who::ForgedNobody) || by_gateway(Who::ForgedBlank) {
            return Ok(false);
        }
        match self.answer(Who::ForgedNobody, over) {
            Some(Answer::LetIn) if !self.visit.anyone_may_come() => Ok(true),
            // A proxy that refuses what is forged does better still.
            Some(Answer::TurnedBack(_)) => Ok(true),
            Some(Answer::LetIn) => {
                Err("The gateway takes any name from the proxy, so it does not \
                 show whether a forged one came through: name the users in \
                 gateway.auth.trustedProxy.allowUsers."
                    .to_owned())
            }
            Some(answer) => Err(format!(
                "Of the client with {}: {}.",
                self.name(Who::ForgedNobody),
                reason(answer)
            )),
            None => Err(String::new()),
        }
    }
}

impl Over {
    /// Returns its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::WebSocket => "WebSocket",
            Self::Http => "HTTP",
        }
    }
}

/// Says an answer as a reason, without the word for the verdict.
fn reason(answer: &Answer) -> String {
    match answer {
        Answer::Unclear(why) => why.clone(),
        answer => answer.to_string(),
    }
}
