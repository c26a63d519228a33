//! The agent's binary as it travels: compressed, cut into ConfigMaps below 1 MiB.

use intercept_protocol::names;
use sha2::{Digest as _, Sha256};

/// Architecture in Kubernetes' words, machine in `uname -m`'s, gzip bytes.
type Embedded = (&'static str, &'static str, &'static [u8]);

static EMBEDDED: &[Embedded] = include!(concat!(env!("OUT_DIR"), "/agents.rs"));

/// Raw bytes of one part. A ConfigMap holds 1 MiB at most, its other fields included.
const PART_BYTES: usize = 900 * 1024;

/// One ConfigMap's worth of one architecture's binary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentPart {
    /// Name of its ConfigMap: says the architecture, the whole binary's hash and the part's place.
    pub name: String,
    /// `uname -m` of the nodes it runs on.
    pub machine: &'static str,
    /// Its place, from 0.
    pub index: usize,
    /// Its bytes.
    pub bytes: &'static [u8],
}

/// Every part of every embedded architecture.
pub fn parts() -> Vec<AgentPart> {
    EMBEDDED
        .iter()
        .flat_map(|(arch, machine, packed)| cut(arch, machine, packed))
        .collect()
}

/// Architectures that an embedded agent can run on, in Kubernetes' words.
pub fn architectures() -> Vec<&'static str> {
    EMBEDDED.iter().map(|(arch, ..)| *arch).collect()
}

fn cut(arch: &str, machine: &'static str, packed: &'static [u8]) -> Vec<AgentPart> {
    let digest = Sha256::digest(packed);
    let hash: String = digest[..5].iter().map(|byte| format!("{byte:02x}")).collect();
    packed
        .chunks(PART_BYTES)
        .enumerate()
        .map(|(index, bytes)| AgentPart {
            name: names::agent_part(arch, &hash, index),
            machine,
            index,
            bytes,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_fit_a_config_map_and_make_up_the_whole() {
        for (arch, machine, packed) in EMBEDDED {
            let parts = cut(arch, machine, packed);
            assert!(parts.iter().all(|part| part.bytes.len() < 1024 * 1024));
            let whole: Vec<u8> = parts.iter().flat_map(|part| part.bytes.iter().copied()).collect();
            assert_eq!(&whole, packed);
        }
    }

    #[test]
    fn unpacked_it_stays_under_three_megabytes() {
        for (arch, _, packed) in EMBEDDED {
            // The last four bytes of a gzip file say how long its content is (RFC 1952, 2.3.1).
            let length = packed.last_chunk().copied().map(u32::from_le_bytes);
            assert!(
                length.is_some_and(|length| length < 3_000_000),
                "{arch}: {length:?}"
            );
        }
    }

    #[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
    #[test]
    fn a_linux_build_carries_its_own_architecture() {
        assert!(!parts().is_empty());
    }
}
