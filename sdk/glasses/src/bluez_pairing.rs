//! Pairing through the Linux Bluetooth service, which needs an agent that answers for the person.

use std::sync::Arc;
use std::time::Duration;

use dbus::arg::{PropMap, Variant};
use dbus::channel::{MatchingReceiver, Sender};
use dbus::message::{MatchRule, Message, MessageType};
use dbus::nonblock::{Proxy, SyncConnection};
use dbus::{MethodErr, Path};

const AGENT: &str = "/glasslink/agent";
const BLUEZ: &str = "org.bluez";
/// A person may have to look for the button on the device.
const PAIR: Duration = Duration::from_secs(30);
const CALL: Duration = Duration::from_secs(5);

/// Pairs with the device at `path`, unless it is paired. Asks nothing: the person chose the device, and glasses
/// have neither keys nor numbers to show. The agent answers for this device only, and is gone afterwards.
pub(crate) async fn pair(path: &str) -> Result<(), String> {
    let (resource, bus) = dbus_tokio::connection::new_system_sync().map_err(|error| error.to_string())?;
    let connection = tokio::spawn(resource);
    let result = pair_on(&bus, path).await.map_err(|error| error.to_string());
    connection.abort();
    result
}

async fn pair_on(bus: &Arc<SyncConnection>, path: &str) -> Result<(), dbus::Error> {
    let device = Proxy::new(BLUEZ, path.to_owned(), PAIR, Arc::clone(bus));
    let properties = "org.freedesktop.DBus.Properties";
    let (all,): (PropMap,) = device.method_call(properties, "GetAll", ("org.bluez.Device1",)).await?;
    if dbus::arg::prop_cast::<bool>(&all, "Paired") == Some(&true) {
        return Ok(());
    }
    let ours = path.to_owned();
    let calls = MatchRule::new().with_type(MessageType::MethodCall);
    let token = bus.start_receive(
        calls,
        Box::new(move |message: Message, bus: &SyncConnection| {
            let _ = bus.send(answer(&message, &ours));
            true
        }),
    );
    let manager = Proxy::new(BLUEZ, "/org/bluez", CALL, Arc::clone(bus));
    let agent = Path::from(AGENT);
    let interface = "org.bluez.AgentManager1";
    // BlueZ asks the agent of whoever calls `Pair`, so that this one need not become everybody's.
    let () = manager.method_call(interface, "RegisterAgent", (agent.clone(), "NoInputNoOutput")).await?;
    let paired: Result<(), _> = device.method_call("org.bluez.Device1", "Pair", ()).await;
    let _: Result<(), _> = manager.method_call(interface, "UnregisterAgent", (agent,)).await;
    bus.stop_receive(token);
    paired?;
    // So that the glasses may reconnect by themselves.
    let trusted = ("org.bluez.Device1", "Trusted", Variant(true));
    let _: Result<(), _> = device.method_call(properties, "Set", trusted).await;
    Ok(())
}

/// Confirms what `BlueZ` asks about the device at `ours`, and refuses the rest.
fn answer(message: &Message, ours: &str) -> Message {
    let about: Option<Path<'_>> = message.get1();
    let member = message.member().map(|member| member.to_string()).unwrap_or_default();
    match member.as_str() {
        "Release" | "Cancel" => message.method_return(),
        "RequestConfirmation" | "RequestAuthorization" | "AuthorizeService"
            if about.as_deref() == Some(ours) =>
        {
            message.method_return()
        }
        _ => MethodErr::from(("org.bluez.Error.Rejected", "not by this agent")).to_message(message),
    }
}
