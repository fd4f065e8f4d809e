//! Tells cargo that the program is to be built again when a file comes to the web folders or goes; what is in files
//! that it has, it knows by itself. Nothing is generated here.

fn main() {
    for folder in ["web/console", "web/dist", "web/examples"] {
        if std::path::Path::new(folder).exists() {
            println!("cargo::rerun-if-changed={folder}");
        }
    }
}
