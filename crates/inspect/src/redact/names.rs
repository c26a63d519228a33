//! What secrets are called.

/// Whole names, in lower case and without separators.
const NAMES: &[&str] = &[
    "auth",
    "authorization",
    "bearer",
    "credential",
    "credentials",
    "jwt",
    "otp",
    "pass",
    "passphrase",
    "passcode",
    "pwd",
    "sessionid",
    "sig",
    "jsessionid",
    "phpsessid",
    "totp",
];

/// What names of secrets end with.
const ENDINGS: &[&str] = &[
    "accesskey",
    "accesskeyid",
    "apikey",
    "authkey",
    "passwd",
    "password",
    "privatekey",
    "secret",
    "secretkey",
    "signature",
    "signingkey",
    "token",
];

/// What ends like a secret and is none: where to go on reading a list.
const HARMLESS: &[&str] = &["continuationtoken", "nexttoken", "pagetoken", "synctoken"];

/// Headers whose whole value is secret though their name does not say so.
const HEADERS: &[&str] = &["authentication-info", "proxy-authentication-info", "x-auth"];

/// A longer name is none that a program uses; looking at its beginning keeps the cost bounded.
const LONGEST: usize = 128;

/// Whether a field, parameter or header of this name holds a secret.
pub(super) fn is_secret(name: &str) -> bool {
    let plain: String = name
        .chars()
        .take(LONGEST)
        .filter(|letter| letter.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect();
    if HARMLESS.iter().any(|harmless| plain.ends_with(harmless)) {
        return false;
    }
    let plain = plain.as_str();
    let stem = plain.strip_prefix('x').unwrap_or(plain);
    NAMES.iter().any(|known| *known == plain || *known == stem)
        || ENDINGS.iter().any(|ending| plain.ends_with(ending))
}

/// Whether a header of this name holds a secret, going by its name alone.
pub(super) fn is_secret_header(name: &str) -> bool {
    HEADERS.iter().any(|known| known.eq_ignore_ascii_case(name)) || is_secret(name)
}

/// Whether a header is of this program's own, which nobody is shown.
pub(super) fn is_own(name: &[u8]) -> bool {
    const OWN: &[u8] = b"intercept-";
    name.get(..OWN.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(OWN))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_secrets_are_known_in_every_spelling() {
        for name in [
            "password",
            "newPassword",
            "API_KEY",
            "x-api-key",
            "client_secret",
            "accessToken",
            "X-Auth-Token",
            "pwd",
        ] {
            assert!(is_secret(name), "{name}");
        }
        for name in [
            "max_tokens",
            "nextPageToken",
            "author",
            "passenger",
            "key",
            "Sec-WebSocket-Key",
            "monkey",
            "signed",
        ] {
            assert!(!is_secret(name), "{name}");
        }
    }
}
