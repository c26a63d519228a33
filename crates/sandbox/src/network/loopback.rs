//! Listening on and connecting to addresses of the sandbox, also where the machine has only 127.0.0.1.

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::net::{TcpListener, TcpStream};

/// The sandbox's network as programs of this process see it.
#[derive(Clone, Debug, Default)]
pub struct Loopback {
    /// Absent where every loopback address is the machine's.
    mapped: Option<Arc<Mutex<BTreeMap<SocketAddr, SocketAddr>>>>,
}

/// A listener of the sandbox; nobody is led to it any more once it is dropped.
#[derive(Debug)]
pub struct Listening {
    listener: TcpListener,
    address: SocketAddr,
    network: Loopback,
}

impl Loopback {
    /// The network of this machine's kind.
    pub fn of_this_machine() -> Self {
        if cfg!(target_os = "linux") {
            Self::default()
        } else {
            Self::mapped()
        }
    }

    /// Every address a port of 127.0.0.1.
    pub fn mapped() -> Self {
        Self {
            mapped: Some(Arc::default()),
        }
    }

    fn map(&self) -> Option<MutexGuard<'_, BTreeMap<SocketAddr, SocketAddr>>> {
        let mapped = self.mapped.as_ref()?;
        // Nothing panics while it is held.
        Some(mapped.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Listens on an address of the sandbox.
    ///
    /// # Errors
    /// When it is taken, or not this user's to listen on (ports below 1024, often).
    pub async fn listen(&self, address: SocketAddr) -> io::Result<Listening> {
        let real = match &self.mapped {
            None => address,
            Some(_) => SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        };
        let listener = TcpListener::bind(real).await?;
        let here = listener.local_addr()?;
        if let Some(mut map) = self.map()
            && map.insert(address, here).is_some()
        {
            return Err(io::ErrorKind::AddrInUse.into());
        }
        Ok(Listening {
            listener,
            address,
            network: self.clone(),
        })
    }

    /// Connects to an address of the sandbox.
    ///
    /// # Errors
    /// When nobody listens there.
    pub async fn connect(&self, address: SocketAddr) -> io::Result<TcpStream> {
        let real = self.reach(address).ok_or(io::ErrorKind::ConnectionRefused)?;
        let io = TcpStream::connect(real).await?;
        // Everything here passes on what others wrote; none of it may wait for an acknowledgement.
        io.set_nodelay(true)?;
        Ok(io)
    }

    /// Where this machine's other programs reach an address of the sandbox.
    pub fn reach(&self, address: SocketAddr) -> Option<SocketAddr> {
        match self.map() {
            None => Some(address),
            Some(map) => map.get(&address).copied(),
        }
    }
}

impl Listening {
    /// The next connection.
    ///
    /// # Errors
    /// As the operating system's accept.
    pub async fn accept(&self) -> io::Result<TcpStream> {
        let (io, _) = self.listener.accept().await?;
        io.set_nodelay(true)?;
        Ok(io)
    }

    /// The address in the sandbox.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        if let Some(mut map) = self.network.map() {
            map.remove(&self.address);
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    #[tokio::test]
    async fn an_address_without_a_machine_behind_it_is_reached_all_the_same() {
        let network = Loopback::mapped();
        let address: SocketAddr = "127.80.1.0:8080".parse().unwrap();
        let listening = network.listen(address).await.unwrap();
        let mut near = network.connect(address).await.unwrap();
        let mut far = listening.accept().await.unwrap();
        near.write_all(b"x").await.unwrap();
        assert_eq!(far.read_u8().await.unwrap(), b'x');
        drop(listening);
        let refused = network.connect(address).await.unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
    }
}
