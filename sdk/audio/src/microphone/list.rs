use super::defaults::OPEN_LIMIT;
use super::platform::CpalHost;
use super::{DeviceCause, HostError, InputDevice, InputHost};

/// Everything that can be recorded from, with names for a person. Takes 5 s at most, whatever the sound system does.
pub async fn input_devices() -> Result<Vec<InputDevice>, HostError> {
    let (reply, listed) = tokio::sync::oneshot::channel();
    let list = move || drop(reply.send(CpalHost::new().devices()));
    let failed = |cause, message: &str| HostError { cause, message: message.into() };
    std::thread::Builder::new()
        .name("glasslink-microphones".into())
        .spawn(list)
        .map_err(|error| failed(DeviceCause::Failed, &error.to_string()))?;
    match tokio::time::timeout(OPEN_LIMIT, listed).await {
        Ok(Ok(listed)) => listed,
        Ok(Err(_)) => Err(failed(DeviceCause::Failed, "the sound system's library failed")),
        Err(_) => Err(failed(DeviceCause::NoServer, "the sound system does not answer")),
    }
}
