//! Which of the loopback addresses are this sandbox's: a /16 that no other sandbox on this machine has.

use std::collections::BTreeSet;
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::{Arc, Mutex, PoisonError};

/// Second bytes that are tried. Low ones are what people and resolvers use (127.0.0.53, 127.0.1.1).
const SECOND_BYTES: std::ops::RangeInclusive<u8> = 64..=254;
/// Whoever listens here on a range's first address holds the range; it ends with the process, however that ends.
const LOCK_PORT: u16 = 47_599;

/// Every range is taken.
#[derive(Debug, thiserror::Error)]
#[error("no range of loopback addresses is free: are {} sandboxes running?", SECOND_BYTES.count())]
pub struct RangeError(#[source] io::Error);

/// 127.N.0.0/16: pods in the lower half, Services in the upper.
#[derive(Clone, Debug)]
pub struct AddressRange {
    second: u8,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    _lock: Option<TcpListener>,
    pods: Mutex<Pods>,
}

#[derive(Debug)]
struct Pods {
    used: BTreeSet<u16>,
    next: u16,
}

impl AddressRange {
    /// Takes the first range that nobody has.
    ///
    /// # Errors
    /// When all are taken.
    pub fn claim() -> Result<Self, RangeError> {
        if !cfg!(target_os = "linux") {
            // Addresses are only names there, and names of one sandbox mean nothing to another.
            return Ok(Self::held(*SECOND_BYTES.start(), None));
        }
        let mut last = io::Error::from(io::ErrorKind::AddrInUse);
        // Two that start at the same moment should not meet at every step.
        let skip = usize::try_from(std::process::id() % 16).unwrap_or_default() * 8;
        let tried = SECOND_BYTES.skip(skip).chain(SECOND_BYTES.take(skip));
        for second in tried {
            match TcpListener::bind((Ipv4Addr::new(127, second, 0, 1), LOCK_PORT)) {
                Ok(lock) => return Ok(Self::held(second, Some(lock))),
                Err(error) => last = error,
            }
        }
        Err(RangeError(last))
    }

    fn held(second: u8, lock: Option<TcpListener>) -> Self {
        Self {
            second,
            shared: Arc::new(Shared {
                _lock: lock,
                pods: Mutex::new(Pods {
                    used: BTreeSet::new(),
                    next: FIRST_POD,
                }),
            }),
        }
    }

    /// The node's own address.
    pub fn node(&self) -> Ipv4Addr {
        Ipv4Addr::new(127, self.second, 0, 1)
    }

    /// The first and the last address for Services.
    pub fn services(&self) -> (Ipv4Addr, Ipv4Addr) {
        let at = |third, fourth| Ipv4Addr::new(127, self.second, third, fourth);
        (at(128, 1), at(255, 254))
    }

    /// An address that no pod has; free again when the answer is dropped. Reused as late as possible, so that a
    /// connection meant for a pod that is gone meets nobody.
    pub(crate) fn pod(&self) -> Option<PodAddress> {
        let mut pods = self.shared.pods.lock().unwrap_or_else(PoisonError::into_inner);
        let start = pods.next;
        loop {
            let number = pods.next;
            pods.next = if number >= LAST_POD { FIRST_POD } else { number + 1 };
            if pods.used.insert(number) {
                return Some(PodAddress {
                    range: self.clone(),
                    number,
                });
            }
            if pods.next == start {
                return None;
            }
        }
    }
}

/// 127.N.1.1 to 127.N.127.255.
const FIRST_POD: u16 = 0x0101;
const LAST_POD: u16 = 0x7fff;

/// A pod's address while it is the pod's.
#[derive(Debug)]
pub(crate) struct PodAddress {
    range: AddressRange,
    number: u16,
}

impl PodAddress {
    pub(crate) fn ip(&self) -> Ipv4Addr {
        let [third, fourth] = self.number.to_be_bytes();
        Ipv4Addr::new(127, self.range.second, third, fourth)
    }
}

impl Drop for PodAddress {
    fn drop(&mut self) {
        let mut pods = self
            .range
            .shared
            .pods
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        pods.used.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
    #[test]
    fn two_sandboxes_never_share_an_address() {
        let (one, other) = (AddressRange::claim().unwrap(), AddressRange::claim().unwrap());
        assert_ne!(one.node(), other.node());
    }

    #[test]
    fn a_pods_address_is_not_given_again_at_once() {
        let range = AddressRange::held(99, None);
        let first = range.pod().unwrap().ip();
        let second = range.pod().unwrap();
        assert_eq!(first, Ipv4Addr::new(127, 99, 1, 1));
        assert_eq!(second.ip(), Ipv4Addr::new(127, 99, 1, 2));
    }
}
