//! The processor time of another process, to the nanosecond.
//!
//! It is the process's own CPU clock: all of its threads, those that have ended too, and none of
//! its children. `/proc` has either ticks of 10 ms or the threads that still live.

use std::mem::MaybeUninit;
use std::time::Duration;

use rustix::io::Errno;
use rustix::process::Pid;

/// How much processor time a process has used since it started (`clock_getcpuclockid(3)`).
/// `ESRCH` when there is no such process, or its last thread has ended.
pub fn of_process(process: Pid) -> Result<Duration, Errno> {
    let mut clock: libc::clockid_t = 0;
    let pid = process.as_raw_nonzero().get();
    // SAFETY: the call writes one clock id, which lives across it.
    let result = unsafe { libc::clock_getcpuclockid(pid, &raw mut clock) };
    if result != 0 {
        // The number itself is the error; errno is not set.
        return Err(Errno::from_raw_os_error(result));
    }
    let mut time = MaybeUninit::<libc::timespec>::uninit();
    // SAFETY: the call writes one time, which lives across it.
    let result = unsafe { libc::clock_gettime(clock, time.as_mut_ptr()) };
    if result != 0 {
        // The process ended between the two calls.
        return Err(Errno::SRCH);
    }
    // SAFETY: a successful call has filled it in.
    let time = unsafe { time.assume_init() };
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    Ok(Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_of_a_thread_that_ended_is_counted() {
        let ours = rustix::process::getpid();
        let before = of_process(ours).expect("this process lives");
        let spent = std::thread::spawn(|| {
            let clock = rustix::time::ClockId::ThreadCPUTime;
            let spent = || Duration::try_from(rustix::time::clock_gettime(clock)).expect("time");
            while spent() < Duration::from_millis(3) {
                std::hint::spin_loop();
            }
            spent()
        });
        let spent = spent.join().expect("it only counts");
        let after = of_process(ours).expect("this process lives");
        assert!(after >= before + spent, "{before:?} {spent:?} {after:?}");
    }

    #[test]
    fn a_process_that_does_not_exist_is_an_error() {
        // Above the highest number that the kernel gives (PID_MAX_LIMIT, 2^22).
        let nobody = Pid::from_raw(0x7fff_fff0).expect("it is not 0");
        assert!(matches!(of_process(nobody), Err(Errno::SRCH | Errno::INVAL)));
    }
}
