//! What a process sees of the values of those it was forked from.
//!
//! Without a harness, because the children have to be forked from the main thread.

#![cfg_attr(unix, allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout))]

#[cfg(not(unix))]
fn main() {}

#[cfg(unix)]
fn main() -> std::process::ExitCode {
    unix::main()
}

#[cfg(unix)]
mod unix {
    use std::process::ExitCode;
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::time::Duration;

    use fork::{Fork, fork, waitpid};
    use tracehound_fork::{BeforeFork, PerProcess, Watch, WriteOnce, epoch};

    static WATCH: Watch<Counted> = Watch::new();
    static BEFORE: AtomicU32 = AtomicU32::new(0);
    static OWN: PerProcess<Mutex<Vec<u32>>> = PerProcess::new();
    static SHARED: WriteOnce<u32> = WriteOnce::new();

    struct Counted;

    impl BeforeFork for Counted {
        fn before_fork() {
            BEFORE.fetch_add(1, Ordering::Relaxed);
            panic!("ends before the fork");
        }
    }

    /// Runs `work` in a child, and passes its failure on. A child that hangs ends itself.
    fn in_a_child(work: impl FnOnce()) {
        match fork().unwrap() {
            Fork::Parent(child) => assert_eq!(waitpid(child).unwrap(), 0, "the child failed"),
            Fork::Child => {
                std::thread::spawn(|| {
                    std::thread::sleep(Duration::from_secs(20));
                    std::process::abort();
                });
                work();
                std::process::exit(0);
            }
        }
    }

    /// To be dropped where it was made, if anywhere.
    struct OfTheParent;

    impl Drop for OfTheParent {
        fn drop(&mut self) {
            assert_eq!(epoch(), 0);
        }
    }

    pub(crate) fn main() -> ExitCode {
        std::panic::set_hook(Box::new(|panic| {
            if !panic.to_string().contains("ends before the fork") {
                println!("{panic}");
            }
        }));
        assert_eq!(epoch(), 0);
        WATCH.start().unwrap();
        WATCH.start().unwrap();

        OWN.get_or_make(Mutex::default).lock().unwrap().push(1);
        SHARED.set(7).unwrap();
        let inherited = PerProcess::new();
        inherited.get_or_make(|| OfTheParent);
        let locked_for_ever = OWN.get().unwrap().lock().unwrap();
        in_a_child(|| {
            assert_eq!((epoch(), BEFORE.load(Ordering::Relaxed)), (1, 1));
            assert!(OWN.get().is_none());
            let own = OWN.get_or_inherit(|of_parent| {
                assert!(of_parent.unwrap().try_lock().is_err());
                Mutex::new(vec![2])
            });
            assert_eq!(*own.lock().unwrap(), [2]);
            assert_eq!(SHARED.get(), Some(&7));
            drop(inherited);
            in_a_child(|| {
                assert_eq!(epoch(), 2);
                let own = OWN.get_or_inherit(|of_parent| {
                    Mutex::new(of_parent.unwrap().try_lock().unwrap().clone())
                });
                assert_eq!(*own.lock().unwrap(), [2]);
            });
            assert_eq!(*OWN.get().unwrap().lock().unwrap(), [2]);
        });
        assert_eq!((epoch(), BEFORE.load(Ordering::Relaxed)), (0, 1));
        assert_eq!(*locked_for_ever, [1]);
        println!("test generations ... ok");
        ExitCode::SUCCESS
    }
}
