//! The model's two clips through relay and client as processes, over TLS, while the link is cut.

use std::thread;

use glasslink_e2e::{Certificate, Clip, RelayProcess, Report, error_rate, replay, speech};

const MEGABYTE: u64 = 1_000_000;

// SPEC P1.1 P3.1 P8.7
#[test]
fn cuts_and_speed_change_no_word() {
    let Some(clips) = speech() else { return };
    let certificate = Certificate::new();
    let relay = RelayProcess::start(Some(&certificate), None);
    let run = |options: &'static [&'static str]| {
        let mut arguments: Vec<_> = clips.iter().map(|clip| clip.path.clone().into_os_string()).collect();
        arguments.extend(["--relay", relay.address(), "--ca"].map(Into::into));
        arguments.push(certificate.certificate().into());
        arguments.extend(options.iter().map(Into::into));
        move || replay(arguments)
    };
    let runs: Vec<(&str, Report)> = thread::scope(|scope| {
        let slow = [("speed 1", run(&[])), ("speed 1, cut", run(&["--drop-every", "5", "--outage", "1"]))];
        let slow = slow.map(|(name, run)| (name, scope.spawn(run)));
        let fast = [
            ("speed 8", run(&["--speed", "8"])),
            ("speed 8, cut", run(&["--speed", "8", "--drop-every", "5", "--outage", "1"])),
        ];
        let mut runs: Vec<_> = fast.into_iter().map(|(name, run)| (name, run())).collect();
        runs.extend(slow.map(|(name, run)| (name, run.join().expect("a replay that ends"))));
        runs
    });

    for (name, report) in &runs {
        assert_eq!(report.finished.code, Some(0), "{name}: {}", report.finished.stderr);
        assert!(report.balances(), "{name}: {}", report.json);
        assert_eq!((report.number("lost"), report.number("buffered")), (0, 0), "{name}: {}", report.json);
        // 44.4 s and 10 s of frames of 10 ms.
        assert!((5_430..=5_445).contains(&report.number("captured")), "{name}: {}", report.json);
        assert_eq!(report.transcript(), runs[0].1.transcript(), "{name} heard other words");
        let said = clips.iter().map(|Clip { said, .. }| *said).collect::<Vec<_>>().join(" ");
        let wrong = error_rate(&said, report.transcript());
        println!("{name}: {:.2} % of the words are wrong; {}", wrong * 100.0, report.json);
        assert!(wrong <= 0.05, "{name}: {:.2} %: {}", wrong * 100.0, report.transcript());
        if let Some(memory) = report.finished.peak_memory {
            println!("{name}: {:.1} MB", memory as f64 / MEGABYTE as f64);
            assert!(memory < 25 * MEGABYTE, "{name}: {memory} bytes");
        }
    }
    let reconnects = |name: &str| runs.iter().find(|run| run.0 == name).unwrap().1.number("reconnects");
    // A cut, 1 s of outage and at most 2 s of back-off after it take 8 s of the 54 s.
    assert!(reconnects("speed 1, cut") >= 6, "{}", reconnects("speed 1, cut"));
    assert!(reconnects("speed 8, cut") >= 1, "{}", reconnects("speed 8, cut"));
    assert_eq!((reconnects("speed 1"), reconnects("speed 8")), (0, 0));
}
