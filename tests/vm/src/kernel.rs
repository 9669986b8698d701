//! A kernel, and what of it comes as modules.

use crate::run::GuestError;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The kernels of the matrix, by their names in `tests/vm/kernels`, oldest first.
pub const KERNELS: &[&str] = &["6.1", "6.12", "7"];

/// The code of `scripts/kernel` where the fault is the host's.
const HOST_CANNOT: i32 = 3;

/// A kernel that was fetched.
#[derive(Clone, Debug)]
pub struct Kernel {
    /// The image, as the boot loader takes it.
    pub image: PathBuf,
    /// `lib/modules/RELEASE`.
    modules: PathBuf,
    /// Each module's file below `modules`, and the names of those that must be there before it. modules.dep(5)
    depends: BTreeMap<String, (PathBuf, Vec<String>)>,
    /// Modules that are part of the image.
    built_in: Vec<String>,
}

impl Kernel {
    /// The kernel with a name of `tests/vm/kernels`; fetches it where it is not there yet.
    ///
    /// # Errors
    ///
    /// [`GuestError::NoKernel`] where it cannot be had here; else there is no such name, or what was fetched cannot be
    /// read.
    pub fn fetch(name: &str) -> Result<Kernel, GuestError> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts/kernel");
        let output = Command::new(&script)
            .arg(name)
            .output()
            .map_err(|source| GuestError::Program { program: script.display().to_string(), source })?;
        if !output.status.success() {
            let why = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            let name = name.to_owned();
            return Err(if output.status.code() == Some(HOST_CANNOT) {
                GuestError::NoKernel { name, why }
            } else {
                GuestError::Kernel { name, why }
            });
        }
        let place = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
        Kernel::open(&place).map_err(|source| GuestError::File { path: place, source })
    }

    fn open(place: &Path) -> std::io::Result<Kernel> {
        let mut releases = fs::read_dir(place.join("lib/modules"))?;
        let modules = releases.next().ok_or(std::io::ErrorKind::NotFound)??.path();
        let depends = fs::read_to_string(modules.join("modules.dep"))?;
        let depends = depends.lines().filter_map(|line| {
            let (file, before) = line.split_once(':')?;
            let before = before.split_whitespace().map(name_of).collect();
            Some((name_of(file), (PathBuf::from(file), before)))
        });
        let built_in = fs::read_to_string(modules.join("modules.builtin"))?;
        Ok(Kernel {
            image: place.join("vmlinuz"),
            depends: depends.collect(),
            built_in: built_in.lines().map(name_of).collect(),
            modules,
        })
    }

    /// The files of modules and of all that they need, by name, each behind what it needs. Parts of the image are left
    /// out.
    ///
    /// # Errors
    ///
    /// [`GuestError::NoModule`] where the kernel has no such module.
    pub fn load_order(&self, wanted: &[String]) -> Result<Vec<(String, PathBuf)>, GuestError> {
        let mut order: Vec<(String, PathBuf)> = Vec::new();
        for name in wanted {
            let name = name.replace('-', "_");
            if self.built_in.contains(&name) {
                continue;
            }
            let Some((_, before)) = self.depends.get(&name) else {
                return Err(GuestError::NoModule(name));
            };
            // modules.dep has them from the nearest to the farthest.
            for needed in before.iter().rev().chain([&name]) {
                if let Some((file, _)) = self.depends.get(needed)
                    && !order.iter().any(|(there, _)| there == needed)
                {
                    order.push((needed.clone(), self.modules.join(file)));
                }
            }
        }
        Ok(order)
    }
}

/// The name of a module, as the kernel has it, by its file.
fn name_of(file: &str) -> String {
    let file = file.rsplit('/').next().unwrap_or(file);
    file.trim_end_matches(".ko").replace('-', "_")
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_matrix_is_what_can_be_fetched() {
        let lines = include_str!("../kernels").lines().filter(|line| !line.starts_with('#'));
        let names: Vec<&str> = lines.filter_map(|line| line.split_whitespace().next()).collect();
        assert_eq!(names, super::KERNELS);
    }
}
