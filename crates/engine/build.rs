//! Builds the agent as one static Linux binary and hands its compressed bytes to the crate.
//!
//! A build machine that is not Linux, or a release that carries several architectures, names a folder of
//! finished binaries in `INTERCEPT_AGENT_DIR` (`intercept-agent-amd64`, `intercept-agent-arm64`).
//! Without either the program builds and says at run time that `agent.image` is needed.

use std::ffi::OsString;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use flate2::{Compression, GzBuilder};

const ARCHITECTURES: [(&str, &str); 2] = [("amd64", "x86_64"), ("arm64", "aarch64")];

fn main() {
    let workspace = workspace();
    for input in ["crates/agent", "crates/protocol", "Cargo.lock", "Cargo.toml"] {
        println!("cargo::rerun-if-changed={}", workspace.join(input).display());
    }
    println!("cargo::rerun-if-env-changed=INTERCEPT_AGENT_DIR");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo must set OUT_DIR"));
    let mut listing = String::from("&[\n");
    for (arch, machine) in ARCHITECTURES {
        if let Some(binary) = binary(&workspace, &out, arch, machine) {
            let packed = out.join(format!("agent-{arch}.gz"));
            pack(&binary, &packed);
            listing += &format!("    (\"{arch}\", \"{machine}\", include_bytes!({:?})),\n", packed);
        }
    }
    listing += "]";
    fs::write(out.join("agents.rs"), listing).expect("the build folder must be writable");
}

fn workspace() -> PathBuf {
    let here = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo must set CARGO_MANIFEST_DIR"));
    here.ancestors()
        .nth(2)
        .expect("the crate must stand in the workspace")
        .to_owned()
}

fn binary(workspace: &Path, out: &Path, arch: &str, machine: &str) -> Option<PathBuf> {
    if let Some(folder) = env::var_os("INTERCEPT_AGENT_DIR") {
        let finished = PathBuf::from(folder).join(format!("intercept-agent-{arch}"));
        return finished.exists().then_some(finished);
    }
    let host = env::var("HOST").unwrap_or_default();
    let native = host == format!("{machine}-unknown-linux-gnu");
    native.then(|| compile(workspace, out, &host))
}

/// Compiles with a target folder of its own: the outer cargo holds the lock of the usual one.
fn compile(workspace: &Path, out: &Path, target: &str) -> PathBuf {
    let folder = shared_folder(out).join("agent-build");
    let cargo = env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let status = Command::new(cargo)
        .current_dir(workspace)
        .args([
            "build",
            "--package",
            "intercept-agent",
            "--profile",
            "agent",
            "--locked",
            "--target",
            target,
        ])
        .arg("--target-dir")
        .arg(&folder)
        // Packed relocations: a thirtieth of a static program that can be loaded anywhere is addresses of its own.
        .env(
            "RUSTFLAGS",
            "-C target-feature=+crt-static -C link-arg=-Wl,-z,pack-relative-relocs",
        )
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .env_remove("RUSTC_WRAPPER")
        .env_remove("RUSTC_WORKSPACE_WRAPPER")
        .env_remove("CLIPPY_ARGS")
        .status()
        .expect("cargo must be runnable");
    assert!(status.success(), "the agent must compile");
    folder.join(target).join("agent").join("intercept-agent")
}

/// The target folder of the outer build, so that debug and release builds share one agent.
fn shared_folder(out: &Path) -> &Path {
    // OUT_DIR is TARGET/PROFILE/build/PACKAGE-HASH/out.
    out.ancestors().nth(4).unwrap_or(out)
}

fn pack(binary: &Path, packed: &Path) {
    let bytes = fs::read(binary).expect("the agent's binary must be readable");
    // No time stamp and no name: the same agent has the same hash wherever it was built.
    let file = fs::File::create(packed).expect("the build folder must be writable");
    let mut writer = GzBuilder::new().mtime(0).write(file, Compression::best());
    writer
        .write_all(&bytes)
        .and_then(|()| writer.try_finish())
        .expect("the build folder must be writable");
}
