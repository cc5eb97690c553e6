
extern crate std;

/// Whether a mutant is on: the one that MUTANT names. With MUTANT_TRACE=FILE each one that is reached
/// is written there once.
pub(crate) fn mutant(id: u32) -> bool {
    use std::{
        fs::File,
        io::Write,
        sync::{
            Mutex, OnceLock,
            atomic::{AtomicBool, Ordering},
        },
    };
    static ON: OnceLock<u32> = OnceLock::new();
    static TRACE: OnceLock<Option<Mutex<File>>> = OnceLock::new();
    static SEEN: [AtomicBool; 8192] = [const { AtomicBool::new(false) }; 8192];
    let trace = TRACE.get_or_init(|| {
        let path = std::env::var_os("MUTANT_TRACE")?;
        Some(Mutex::new(File::options().create(true).append(true).open(path).unwrap()))
    });
    if let Some(file) = trace
        && !SEEN[id as usize].swap(true, Ordering::Relaxed)
    {
        writeln!(file.lock().unwrap(), "{id}").unwrap();
    }
    let named = || std::env::var("MUTANT").ok().and_then(|text| text.parse().ok()).unwrap_or(0);
    *ON.get_or_init(named) == id
}
