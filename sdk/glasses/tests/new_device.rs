//! A device that this crate does not know: one file, `made_up/mod.rs`, and one line to register it.

mod made_up;

use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use glasslink_audio::{Captured, Source};
use glasslink_glasses::virtual_glasses::{Faults, FirmwareOptions, VirtualGlasses};
use glasslink_glasses::{Glasses, GlassesState, Registry, Screen, discover};
use tokio::time::{sleep, timeout};

#[tokio::test(start_paused = true)]
async fn one_file_and_one_line_make_a_device() {
    let registry = Registry::standard().with(Arc::new(made_up::MadeUp));

    let device = registry.get("made-up").unwrap();
    let air = VirtualGlasses::new(&*device, &FirmwareOptions::default(), Faults::default());
    let found = discover(&air, &registry, Duration::from_secs(1)).await.unwrap();
    let glasses = Glasses::open(Arc::new(air.clone()), device, &found[0].remember().unwrap());
    let mut status = glasses.status();
    timeout(Duration::from_secs(5), status.wait_for(|status| status.state() == GlassesState::Ready))
        .await
        .unwrap()
        .unwrap();
    glasses.show(Screen::Text(vec!["hello".into()])).unwrap();
    let mut microphone = glasses.microphone().unwrap();
    let mut frame = Vec::new();
    let captured = timeout(Duration::from_secs(1), poll_fn(|cx| microphone.poll_next(cx, &mut frame))).await;
    assert!(matches!(captured, Ok(Ok(Some(Captured::Frame { .. })))));
    assert_eq!(frame.len(), 320);
    sleep(Duration::from_secs(1)).await;
    assert_eq!(air.lenses()[0].lines, ["hello"]);
}
