//! Where the sockets are, and what they are called.

use std::path::PathBuf;

use intercept_protocol::ids::SessionId;

/// `PID-RANDOM`: the process for people who look, the rest because numbers of processes come again.
pub(super) fn name() -> String {
    format!("{}-{:.8}", std::process::id(), SessionId::random().to_string())
}

/// The folder in which this user's programs have their sockets.
///
/// On Windows, which has no such files, it only tells users apart in the names of pipes.
pub fn sockets() -> PathBuf {
    let own = dirs::runtime_dir()
        .or_else(dirs::state_dir)
        .or_else(dirs::data_local_dir);
    let folder = own.map(|own| own.join("intercept").join("control"));
    folder
        .filter(|folder| fits(folder.as_os_str().len()))
        .unwrap_or_else(elsewhere)
}

/// For homes so deep that the operating system takes no socket there, and users who have none.
fn elsewhere() -> PathBuf {
    std::env::temp_dir().join(format!("intercept-control-{}", crate::settings::user()))
}

/// Whether a socket in a folder of this length can be named: macOS takes 104 bytes with the zero, Linux 108.
fn fits(length: usize) -> bool {
    const PATH: usize = 103;
    // A separator, a dot, ten digits, a dash, eight digits, an ending.
    const NAME: usize = 1 + 1 + 10 + 1 + 8 + 5;
    length + NAME <= PATH
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_fits_where_it_was_said_to() {
        let name = name();
        assert!(fits(103 - 26) && !fits(103 - 25));
        assert!(format!("/.{name}.sock").len() <= 26, "{name}");
    }
}
