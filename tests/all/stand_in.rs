//! A stand-in for `openclaw`: a script whose answers, delays and misdeeds the test chooses.

use std::collections::BTreeMap;

/// The answers of each command, as shell.
#[derive(Clone, Debug)]
pub(crate) struct StandIn {
    acts: BTreeMap<&'static str, String>,
}

/// The commands that checks run, and how a script tells them by its arguments.
const COMMANDS: [(&str, &str); 6] = [
    ("audit-deep", "*'security audit --deep'*"),
    ("audit", "*'security audit'*"),
    ("doctor", "*'doctor --lint'*"),
    ("health", "*health*"),
    ("probe", "*'gateway probe'*"),
    ("other", "*"),
];

impl StandIn {
    /// A gateway with which all is well.
    pub(crate) fn healthy() -> Self {
        let audit = |deep: &str| {
            format!(
                r#"{{"ts":1,"summary":{{"critical":0,"warn":0,"info":0}},"findings":[]{deep},"secretDiagnostics":[]}}"#
            )
        };
        let deep = r#","deep":{"gateway":{"attempted":true,"url":"ws://127.0.0.1:18789","ok":true,"error":null,"close":null}}"#;
        let lint =
            r#"{"schemaVersion":1,"ok":true,"checksRun":41,"checksSkipped":0,"findings":[]}"#;
        Self { acts: BTreeMap::from([("other", "exit 64".to_owned())]) }
            .answers("audit", &audit(""))
            .answers("audit-deep", &audit(deep))
            .answers("doctor", lint)
            .answers("health", r#"{"ok":true}"#)
    }

    /// Lets a command print this on stdout.
    pub(crate) fn answers(self, command: &'static str, json: &str) -> Self {
        self.does(command, &format!("cat <<'END'\n{json}\nEND"))
    }

    /// Lets a command do this.
    pub(crate) fn does(mut self, command: &'static str, script: &str) -> Self {
        self.acts.insert(command, script.to_owned());
        self
    }

    /// Returns the script.
    pub(crate) fn script(&self) -> String {
        let mut script = "case \"$*\" in\n".to_owned();
        for (command, words) in COMMANDS {
            let act = self.acts.get(command).map_or("exit 64", String::as_str);
            script.push_str(&format!("{words})\n{act}\n;;\n"));
        }
        script.push_str("esac\n");
        script
    }
}
