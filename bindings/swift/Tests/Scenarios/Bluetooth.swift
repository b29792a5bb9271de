import Foundation
import Glasslink

/// A number that any thread may count up.
final class Counter: @unchecked Sendable {
    private let lock = NSLock()
    private var number = 0

    var value: Int {
        lock.lock()
        defer { lock.unlock() }
        return number
    }

    @discardableResult
    func increment() -> Int {
        lock.lock()
        defer { lock.unlock() }
        number += 1
        return number
    }
}

/// A Bluetooth stack in Swift, over that of the virtual glasses.
final class CountingTransport: BluetoothTransport, @unchecked Sendable {
    private let inner: BluetoothTransport
    private let failures: Int
    private let attempts = Counter()
    let calls = Counter()

    init(_ inner: BluetoothTransport, failures: Int) {
        self.inner = inner
        self.failures = failures
    }

    func startScan(listener: BluetoothScanListener) async throws {
        calls.increment()
        try await inner.startScan(listener: listener)
    }

    func stopScan() async throws {
        try await inner.stopScan()
    }

    func connect(peripheral: String, listener: BluetoothLinkListener) async throws -> BluetoothConnection {
        calls.increment()
        if attempts.increment() <= failures {
            throw Failure("thrown on purpose")
        }
        let made = try await inner.connect(peripheral: peripheral, listener: listener)
        return BluetoothConnection(link: CountingLink(made.link, calls))
    }
}

final class CountingLink: BluetoothLink, @unchecked Sendable {
    private let inner: BluetoothLink
    private let calls: Counter

    init(_ inner: BluetoothLink, _ calls: Counter) {
        self.inner = inner
        self.calls = calls
    }

    func bond() async throws {
        try await inner.bond()
    }

    func requestMtu(wanted: UInt16) async throws -> UInt16 {
        try await inner.requestMtu(wanted: wanted)
    }

    func notify(characteristic: String, on: Bool) async throws {
        try await inner.notify(characteristic: characteristic, on: on)
    }

    func read(characteristic: String) async throws -> Data {
        try await inner.read(characteristic: characteristic)
    }

    func write(characteristic: String, value: Data, kind: BluetoothWrite) async throws {
        calls.increment()
        try await inner.write(characteristic: characteristic, value: value, kind: kind)
    }

    func disconnect() async {
        await inner.disconnect()
    }
}
