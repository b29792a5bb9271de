// A Bluetooth stack of one's own under the drivers; on a phone its methods call Core Bluetooth. This one tells.
// `swift run OwnTransport`
import Foundation
import Glasslink

final class Telling: BluetoothTransport, @unchecked Sendable {
    private let stack: BluetoothTransport

    init(_ stack: BluetoothTransport) {
        self.stack = stack
    }

    func startScan(listener: BluetoothScanListener) async throws {
        try await stack.startScan(listener: listener)
    }

    func stopScan() async throws {
        try await stack.stopScan()
    }

    func connect(peripheral: String, listener: BluetoothLinkListener) async throws -> BluetoothConnection {
        print("connects to \(peripheral)")
        let made = try await stack.connect(peripheral: peripheral, listener: listener)
        return BluetoothConnection(link: TellingLink(made.link))
    }
}

final class TellingLink: BluetoothLink, @unchecked Sendable {
    private let link: BluetoothLink

    init(_ link: BluetoothLink) {
        self.link = link
    }

    func bond() async throws {
        try await link.bond()
    }

    func requestMtu(wanted: UInt16) async throws -> UInt16 {
        try await link.requestMtu(wanted: wanted)
    }

    func notify(characteristic: String, on: Bool) async throws {
        try await link.notify(characteristic: characteristic, on: on)
    }

    func read(characteristic: String) async throws -> Data {
        try await link.read(characteristic: characteristic)
    }

    func write(characteristic: String, value: Data, kind: BluetoothWrite) async throws {
        print("writes \(value.count) bytes to \(characteristic)")
        try await link.write(characteristic: characteristic, value: value, kind: kind)
    }

    func disconnect() async {
        await link.disconnect()
    }
}

let transport = Telling(try VirtualGlasses(model: "even-g1").transport())
guard let remembered = try await discoverGlasses(transport: transport, time: 0.5).first?.remembered else {
    fatalError("no glasses in sight")
}
let glasses = try Glasses.open(transport: transport, remembered: remembered)
try await glasses.waitReady()
try glasses.show(lines: ["Hello"])
await glasses.disconnect()
