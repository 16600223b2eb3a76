//! TLS and passwords, from a file in the form that exporters share.

use std::{
    fs,
    path::{Path, PathBuf},
    thread::sleep,
    time::{Duration, Instant},
};

use veth_observer::{
    agent::http::{Flags, Limits},
    fault::Fault,
};

use super::{
    Agent,
    client::{curl, curled, sample},
    fake, flags, refused,
};
use crate::support::netns::{eventually, run};

/// A folder with certificates of an authority of its own, gone with the value.
pub(super) struct Folder(PathBuf);

impl Folder {
    pub(super) fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("vo-web-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    pub(super) fn file(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_owned()
    }

    fn write(&self, name: &str, text: &str) {
        // As editors do: another file in its place.
        let fresh = self.file("fresh");
        fs::write(&fresh, text).unwrap();
        fs::rename(fresh, self.file(name)).unwrap();
    }

    /// `ca.crt`, and with it signed `NAME.crt` for loopback, each with its key.
    pub(super) fn certificates(&self, names: &[&str]) {
        let config = self.file("openssl.cnf");
        fs::write(&config, "[req]\ndistinguished_name = dn\n[dn]\n").unwrap();
        let certificate = |name: &str, more: &[&str]| {
            let (crt, key) = (self.file(&format!("{name}.crt")), self.file(&format!("{name}.key")));
            let subject = format!("/CN={name}");
            let curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"];
            let files =
                ["req", "-x509", "-config", &config, "-subj", &subject, "-keyout", &key, "-out", &crt];
            run("openssl", &[&files[..], &curve, more].concat());
        };
        certificate("ca", &["-addext", "basicConstraints=critical,CA:TRUE"]);
        let (ca, ca_key) = (self.file("ca.crt"), self.file("ca.key"));
        for name in names {
            let names = "subjectAltName=IP:127.0.0.1,DNS:localhost";
            let end = "basicConstraints=critical,CA:FALSE";
            certificate(name, &["-CA", &ca, "-CAkey", &ca_key, "-addext", names, "-addext", end]);
        }
    }

    fn agent(&self) -> Agent {
        Agent::with(&self.flags(), Limits::default(), fake::one)
    }

    fn flags(&self) -> Flags {
        Flags { config_file: Some(self.0.join("web.yml")), ..flags(&["127.0.0.1:0"]) }
    }

    /// Why the server does not start.
    fn refused(&self, text: &str) -> String {
        self.write("web.yml", text);
        let error = refused(&self.flags());
        assert!(error.is::<Fault>(), "{error:#}");
        format!("{error:#}")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Of `secret` and of `other`, as `htpasswd -nBC 5` makes them.
fn hash(password: &str) -> String {
    bcrypt::hash(password, 5).unwrap()
}

#[test]
fn tls_is_spoken_with_the_certificate_of_the_file_and_with_a_new_one_when_it_changes() {
    let folder = Folder::new("tls");
    folder.certificates(&["first", "second", "client"]);
    let config = |server: &str, rest: &str| {
        format!("tls_server_config:\n  cert_file: {server}.crt\n  key_file: {server}.key\n{rest}")
    };
    folder.write("web.yml", &config("first", "  min_version: TLS13\n"));
    let agent = folder.agent();
    let url = format!("https://{}/metrics", agent.address());
    let ca = folder.file("ca.crt");
    let answer = curled(&["--cacert", &ca, &url]);
    assert!(sample(&answer.body, r#"veth_observer_config_last_reload_successful{config="web"}"#) > 0.5);
    assert_ne!(curl(&[&url]).0, Some(0), "a stranger's certificate is not trusted");
    assert_ne!(curl(&["--cacert", &ca, "--tls-max", "1.2", &url]).0, Some(0), "1.2 is too old");
    assert_ne!(curl(&[&agent.url("/metrics")]).0, Some(0), "nothing is said in the clear");

    let names = |name: &str| {
        let (_, said) = curl(&["--cacert", &ca, "--verbose", "--stderr", "-", &url]);
        said.contains(&format!("CN={name}"))
    };
    assert!(names("first"));
    folder.write("web.yml", &config("second", ""));
    eventually("the second certificate is shown", || names("second"));

    let verify = "  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: ca.crt\n";
    folder.write("web.yml", &config("second", verify));
    eventually("a client without a certificate is refused", || curl(&["--cacert", &ca, &url]).0 != Some(0));
    let (certificate, key) = (folder.file("client.crt"), folder.file("client.key"));
    assert_eq!(curled(&["--cacert", &ca, "--cert", &certificate, "--key", &key, &url]).status, 200);
}

#[test]
fn only_the_right_password_opens_and_a_slip_in_the_file_opens_nothing() {
    let folder = Folder::new("auth");
    let users = |password: &str| format!("basic_auth_users:\n  ali: {}\n", hash(password));
    folder.write("web.yml", &users("secret"));
    let agent = folder.agent();
    let status = |path: &str, user: &[&str]| curled(&[user, &[&agent.url(path)]].concat()).status;
    for path in ["/", "/metrics", "/api/v1/stream", "/readyz", "/nothing"] {
        let answer = curled(&[&agent.url(path)]);
        assert_eq!((answer.status, answer.header("www-authenticate")), (401, Some("basic")), "{path}");
    }
    assert_eq!(status("/healthz", &[]), 200);
    assert_eq!(status("/metrics", &["--user", "ali:secret"]), 200);
    for wrong in ["ali:", "ali:other", "baba:secret", ":secret"] {
        assert_eq!(status("/metrics", &["--user", wrong]), 401, "{wrong}");
    }
    let reloaded = |user: &str| {
        let text = curled(&["--user", user, &agent.url("/metrics")]).body;
        sample(&text, r#"veth_observer_config_last_reload_successful{config="web"}"#) > 0.5
    };
    folder.write("web.yml", "basic_auth_users: [\n");
    eventually("the slip is noticed", || !reloaded("ali:secret"));
    assert_eq!(status("/metrics", &[]), 401);
    folder.write("web.yml", &users("other"));
    eventually("the new password opens", || status("/metrics", &["--user", "ali:other"]) == 200);
    assert!(reloaded("ali:other"));
    assert_eq!(status("/metrics", &["--user", "ali:secret"]), 401, "the old one no longer");
}

#[test]
fn guessing_keeps_out_nobody_who_is_known() {
    let folder = Folder::new("guess");
    folder.write("web.yml", &format!("basic_auth_users:\n  ali: {}\n", bcrypt::hash("secret", 10).unwrap()));
    let agent = folder.agent();
    assert_eq!(curled(&["--user", "ali:secret", &agent.url("/metrics")]).status, 200);
    let at = agent.address();
    std::thread::scope(|scope| {
        let guesses: Vec<_> = (0..20)
            .map(|_| {
                scope.spawn(move || {
                    super::client::get(at, "/metrics", &["Authorization: Basic YWxpOng="]).status
                })
            })
            .collect();
        sleep(Duration::from_millis(100));
        let start = Instant::now();
        assert_eq!(curled(&["--user", "ali:secret", &agent.url("/metrics")]).status, 200);
        assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
        for guess in guesses {
            assert!([401, 503].contains(&guess.join().unwrap()));
        }
    });
}

#[test]
fn a_file_that_cannot_be_meant_is_refused_at_the_start() {
    let folder = Folder::new("bad");
    folder.certificates(&["server", "other"]);
    let tls = "tls_server_config:\n  cert_file: server.crt\n  key_file: ";
    for (text, word) in [
        ("tls_server_confg: {}\n".to_owned(), "tls_server_confg"),
        (format!("{tls}none.key\n"), "none.key"),
        (format!("{tls}other.key\n"), "do not go together"),
        (format!("{tls}server.key\n  min_version: TLS10\n"), "TLS10"),
        (format!("{tls}server.key\n  client_auth_type: RequireAnyClientCert\n"), "RequireAnyClientCert"),
        (format!("{tls}server.key\n  client_auth_type: RequireAndVerifyClientCert\n"), "client_ca_file"),
        (format!("{tls}server.key\n  client_ca_file: ca.crt\n"), "client_auth_type"),
        ("basic_auth_users:\n  ali: secret\n".to_owned(), "bcrypt"),
        ("- a\n".to_owned(), "web.yml"),
    ] {
        let error = folder.refused(&text);
        assert!(error.contains(word) && !error.contains('\n'), "{word}: {error}");
    }
    folder.write("web.yml", "# nothing\n");
    assert_eq!(curled(&[&folder.agent().url("/metrics")]).status, 200, "an empty file asks for nothing");
    fs::remove_file(Path::new(&folder.file("web.yml"))).unwrap();
    refused(&folder.flags());
}
