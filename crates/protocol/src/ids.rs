//! Identifiers and the session's secret. Random, never derived from anything a user typed.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq as _;

use crate::names::hex;

/// An identifier that is not one: wrong length or characters.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not an id: 16 lower-case hexadecimal digits are")]
pub struct InvalidId(String);

macro_rules! random_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[cfg_attr(feature = "typescript", derive(ts_rs::TS), ts(type = "string"))]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// A new random id.
            pub fn random() -> Self {
                Self(hex(&random_bytes::<8>()))
            }

            /// The id as text; safe in file names, NGINX identifiers and annotations.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;
            fn try_from(text: String) -> Result<Self, InvalidId> {
                let fits = text.len() == 16 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
                if fits { Ok(Self(text)) } else { Err(InvalidId(text)) }
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str(&self.0)
            }
        }
    };
}

random_id! {
    /// Names one intercept; also part of the file name of its gate's sockets.
    InterceptId
}
random_id! {
    /// Names the intercepts that one running program holds.
    SessionId
}

/// The session's secret: proves to the agent that a relay connection belongs to the session in the record.
///
/// Only its hash stands in the cluster. `Debug` never prints it.
#[derive(Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Token(String);

impl Token {
    /// A new secret of 256 random bits.
    pub fn random() -> Self {
        Self(hex(&random_bytes::<32>()))
    }

    /// What the record holds of this token.
    pub fn hash(&self) -> TokenHash {
        TokenHash(hex(&Sha256::digest(self.0.as_bytes())))
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Token(…)")
    }
}

/// SHA-256 of a [`Token`]. Useless to whoever can read the record: the token has 256 random bits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TokenHash(String);

impl TokenHash {
    /// Whether `token` is the one this hash was made from, in constant time.
    pub fn admits(&self, token: &Token) -> bool {
        token.hash().0.as_bytes().ct_eq(self.0.as_bytes()).into()
    }
}

fn random_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the operating system must have a source of randomness");
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_admits_its_own_token_only() {
        let (mine, other) = (Token::random(), Token::random());
        assert!(mine.hash().admits(&mine));
        assert!(!mine.hash().admits(&other));
    }

    #[test]
    fn debug_does_not_output_the_token() {
        let token = Token::random();
        assert!(!format!("{token:?}").contains(&token.0));
    }

    #[test]
    fn ids_with_foreign_characters_are_refused() {
        for text in ["", "../../etc/passwd", "0123456789abcdeF", "0123456789abcdef0"] {
            assert!(InterceptId::try_from(text.to_owned()).is_err(), "{text}");
        }
    }
}
