use super::*;
use std::{collections::BTreeMap, ffi::OsString, path::Path};

/// A world to read settings in: flags, environment, and a file.
#[derive(Default)]
struct Said {
    flags: BTreeMap<&'static str, String>,
    environment: BTreeMap<String, String>,
    file: Option<&'static str>,
    demo: bool,
}

impl Said {
    fn nothing() -> Self {
        Self::default()
    }

    fn flag(mut self, key: &'static str, text: &str) -> Self {
        self.flags.insert(key, text.to_owned());
        self
    }

    fn variable(mut self, name: &str, text: &str) -> Self {
        self.environment.insert(name.to_owned(), text.to_owned());
        self
    }

    fn file(mut self, text: &'static str) -> Self {
        self.file = Some(text);
        self
    }

    fn read(&self) -> Result<(Settings, Layers), WrongSetting> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("frontrow.toml");
        std::fs::write(&path, self.file.unwrap_or_default()).unwrap();
        Settings::read(&Sources {
            flags: &self.flags,
            environment: &|name| self.environment.get(name).map(OsString::from),
            file: Some(&path),
            demo: self.demo,
        })
    }

    fn refusal(&self) -> String {
        let refusal = self.read().and_then(|(settings, _)| settings.check_serving());
        let line = refusal.expect_err("these settings are wrong").to_string();
        assert_eq!(line.lines().count(), 1, "{line}");
        line
    }
}

#[test]
fn defaults_are_those_of_the_manual() {
    let (settings, _) = Said::nothing().read().unwrap();
    assert!(matches!(&settings.storage, StorageUrl::Sqlite(path) if path == Path::new("frontrow.db")));
    assert_eq!(settings.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(settings.payments, ProviderKind::None);
    assert!(settings.rate_limits && settings.migrate && !settings.open_signup);
    let policy = settings.policy;
    assert_eq!(
        (policy.hold, policy.claim),
        (Duration::seconds(300), Duration::seconds(60))
    );
    assert_eq!((policy.seat_limit, policy.currency.code()), (4, "KRW"));
    assert_eq!(settings.access_token_life, Duration::days(30));
}

#[test]
fn a_demo_opens_sign_up_and_simulates_payments_unless_told_otherwise() {
    let demo = Said {
        demo: true,
        ..Said::nothing()
    };
    let (settings, _) = demo.read().unwrap();
    assert_eq!(
        (settings.open_signup, settings.payments),
        (true, ProviderKind::Simulated)
    );
    let (settings, _) = demo.variable("FRONTROW_SIGNUP", "closed").read().unwrap();
    assert!(!settings.open_signup);
}

#[test]
fn flags_win_over_the_environment_over_the_file_over_defaults() {
    let all = |key| {
        Said::nothing()
            .file("hold_seconds = 10\nseat_limit = 10\nclaim_seconds = 10")
            .variable("FRONTROW_HOLD_SECONDS", "20")
            .variable("FRONTROW_SEAT_LIMIT", "20")
            .flag("hold_seconds", "30")
            .read()
            .map(|(_, layers)| (layers.get(key).text.clone(), layers.get(key).origin.to_string()))
            .unwrap()
    };
    let told = |text: &str, origin: &str| (text.to_owned(), origin.to_owned());
    assert_eq!(all("hold_seconds"), told("30", "flag --hold-seconds"));
    assert_eq!(all("seat_limit"), told("20", "environment FRONTROW_SEAT_LIMIT"));
    assert!(all("claim_seconds").1.ends_with("frontrow.toml"));
    assert_eq!(all("currency"), told("KRW", "default"));
}

#[test]
fn a_wrong_setting_is_named_with_its_origin() {
    let environment = [
        ("FRONTROW_CLAIM_SECONDS", "1", "from 2 to 86400"),
        ("FRONTROW_HOLD_SECONDS", "soon", "from 1 to 86400"),
        ("FRONTROW_HOLD_SECONDS", "-1", "from 1 to 86400"),
        ("FRONTROW_SEAT_LIMIT", "0", "from 1 to 1000"),
        ("FRONTROW_CURRENCY", "krw", "ISO 4217"),
        ("FRONTROW_CURRENCY", "XYZ", "ISO 4217"),
        ("FRONTROW_STORAGE", "mysql://localhost/x", "must be sqlite:<path>"),
        ("FRONTROW_STORAGE", "sqlite:", "must name a file"),
        ("FRONTROW_STORAGE", "sqlite://a.db", "starts with //"),
        ("FRONTROW_LISTEN", "8080", "an IP address and a port"),
        ("FRONTROW_SIGNUP", "yes", "must be open or closed"),
        ("FRONTROW_PAYMENTS", "stripe", "must be none or simulated"),
        ("FRONTROW_RATE_LIMITS", "true", "must be on or off"),
        ("FRONTROW_TRUSTED_PROXIES", "10.0.0.0/33", "addresses or networks"),
        ("FRONTROW_WORKERS", "0", "from 1 to 256"),
        ("FRONTROW_AUDIT_SECONDS", "1.5", "whole number"),
        ("FRONTROW_ACCESS_TOKEN_SECONDS", "0", "whole number"),
        ("FRONTROW_LOG", "inof", "must be a level"),
        ("FRONTROW_LOG", "frontrow=loud", "must be a level"),
        ("FRONTROW_LOG_FORMAT", "xml", "must be text or json"),
        ("FRONTROW_NO_MIGRATE", "1", "must be true or false"),
        ("FRONTROW_SECRET_FILE", "", "must be a path"),
    ];
    for (variable, text, must) in environment {
        let line = Said::nothing().variable(variable, text).refusal();
        let named = line.contains(variable) && line.contains(&format!("{text:?}").replace('"', ""));
        assert!(named && line.contains(must), "{variable}={text}: {line}");
    }
}

#[test]
fn no_secret_is_ever_repeated() {
    let secrets = [
        ("FRONTROW_SECRET", "hunter2"),
        ("FRONTROW_OPERATOR_KEY", "hunter2"),
        ("FRONTROW_OPERATOR_KEY", "hunter2 hunter2 hunter2 hunter2 hunter2"),
        ("FRONTROW_STORAGE", "mysql://root:hunter2@localhost/x"),
        ("FRONTROW_STORAGE", "mysql://localhost/x?password=hunter2"),
    ];
    for (variable, text) in secrets {
        let line = Said::nothing().variable(variable, text).refusal();
        assert!(!line.contains("hunter2"), "{line}");
        assert!(line.contains(variable), "{line}");
    }
}

#[test]
fn a_settings_file_may_hold_settings_alone() {
    let files = [
        ("hold_second = 3", "there is no setting `hold_second`"),
        ("hold_seconds = 3.5", "must be a text, a whole number"),
        (
            "secret = \"hunter2hunter2hunter2hunter2hunter2\"",
            "FRONTROW_SECRET in the environment",
        ),
        ("listen = \"127.0.0.1:1\"\nhold_seconds = = hunter2", "line 2"),
    ];
    for (text, told) in files {
        let line = Said::nothing().file(text).refusal();
        assert!(line.contains("frontrow.toml") && line.contains(told), "{line}");
        assert!(!line.contains("hunter2"), "{line}");
    }
}

#[test]
fn a_file_that_was_named_has_to_be_there() {
    let sources = Sources {
        flags: &BTreeMap::new(),
        environment: &|_| None,
        file: Some(Path::new("nowhere/frontrow.toml")),
        demo: false,
    };
    let line = Settings::read(&sources).err().unwrap().to_string();
    assert!(line.contains("nowhere/frontrow.toml cannot be read"), "{line}");
}

#[test]
fn lists_and_switches_can_stand_in_a_file() {
    let said = Said::nothing().file("trusted_proxies = [\"10.0.0.0/8\", \"::1\"]\nno_migrate = true");
    let (settings, _) = said.read().unwrap();
    assert_eq!(settings.trusted_proxies, "10.0.0.0/8,::1".parse().unwrap());
    assert!(!settings.migrate);
}

#[test]
fn simulated_payments_stay_on_this_machine_unless_allowed() {
    let simulated = || Said::nothing().flag("payments", "simulated");
    assert!(
        simulated()
            .flag("listen", "[::1]:0")
            .read()
            .unwrap()
            .0
            .check_serving()
            .is_ok()
    );
    let reachable = || simulated().flag("listen", "0.0.0.0:0");
    assert!(reachable().refusal().contains("--allow-simulated-payments"));
    let allowed = reachable().flag("allow_simulated_payments", "true");
    assert!(allowed.read().unwrap().0.check_serving().is_ok());
}

#[test]
fn postgres_needs_a_secret_and_only_one() {
    let postgres = || Said::nothing().flag("storage", "postgres://app@db/frontrow");
    assert!(postgres().refusal().contains("needs a secret"));
    let secret = "0123456789abcdef0123456789abcdef";
    let given = || postgres().variable("FRONTROW_SECRET", secret);
    assert!(given().read().unwrap().0.check_serving().is_ok());
    let twice = given()
        .variable("FRONTROW_SECRET_FILE", "/run/secrets/frontrow")
        .refusal();
    assert!(twice.contains("two secrets") && !twice.contains(secret), "{twice}");
}

#[test]
fn what_is_shown_can_stand_in_a_settings_file_and_holds_no_secret() {
    let said = Said::nothing()
        .variable(
            "FRONTROW_STORAGE",
            "postgres://app:hunter2@db/frontrow?sslmode=require&password=hunter2",
        )
        .variable("FRONTROW_SECRET", "hunter2hunter2hunter2hunter2hunter2")
        .variable("FRONTROW_OPERATOR_KEY", "hunter2hunter2hunter2hunter2hunter2");
    let (_, layers) = said.read().unwrap();
    let shown = show::settings(&layers);
    assert!(!shown.contains("hunter2"), "{shown}");
    assert!(
        shown.contains("postgres://app:[redacted]@db/frontrow?sslmode=require&password=[redacted]"),
        "{shown}"
    );
    assert!(shown.contains("# secret = [redacted]"), "{shown}");
    let odd = Said::nothing().variable("FRONTROW_STORAGE", "postgres://app:hunter2?x@y@db/frontrow");
    let (_, odd) = odd.read().unwrap();
    let odd = show::settings(&odd);
    assert!(
        odd.contains("postgres://app:[redacted]@db/frontrow") && !odd.contains("hunter2"),
        "{odd}"
    );
    assert!(shown.parse::<toml::Table>().is_ok(), "{shown}");
    assert_eq!(shown.lines().count(), table::TABLE.len());
}
