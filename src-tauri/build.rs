//! Lets Tauri read its configuration, which lies beside the manifest; the capabilities lie with the sources.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo:rerun-if-changed=src-tauri/capabilities");
    let attributes = tauri_build::Attributes::new()
        .capabilities_path_pattern("./src-tauri/capabilities/**/*")
        .app_manifest(tauri_build::AppManifest::new().commands(&["list_contexts", "list_services"]));
    tauri_build::try_build(attributes)?;
    Ok(())
}
