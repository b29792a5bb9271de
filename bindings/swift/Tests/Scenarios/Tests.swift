import Compatibility
import Foundation
import Glasslink

/// What is Swift's own; what all languages share is in `Scenario.swift`.
struct Tests {
    let rig: Rig

    var all: [(String, () async throws -> Void)] {
        [
            ("its version is the core's", isTheCores),
            ("sequences begin with what is and end with the link", sequences),
            ("errors are typed and say what to do", errors),
            ("audio of any shape is taken", audio),
            ("neither speech nor secrets are logged", log),
            ("what the first version could do still works", { try await v0_1(url: rig.url, token: rightToken) }),
        ]
    }

    private func connect() throws -> Link {
        try Link.connect(rig.url) { $0.token = rightToken }
    }

    private func isTheCores() async throws {
        try check(version() == variable("GLASSLINK_VERSION"), version())
    }

    private func sequences() async throws {
        let link = try connect()
        let states = Task { await link.states.reduce(into: []) { $0.append($1) } }
        try await link.waitLive(within: patience)
        await link.end()
        let last = await states.value.last
        try check(last == .closed, "\(String(describing: last))")
    }

    private func errors() async throws {
        do {
            _ = try Link.connect("nonsense://")
            throw Failure("it is no address")
        } catch ConnectError.Address(_, _, let remedy) {
            try check(!remedy.isEmpty, "no remedy")
        }
        do {
            _ = try Link.connect("nonsense://")
        } catch let error as GlasslinkError {
            try check(!error.code.isEmpty && !error.remedy.isEmpty, "\(error)")
        }
        try await connect().session { link in
            do {
                _ = try await link.attachFile(path: "/nowhere.wav")
                throw Failure("there is no such file")
            } catch AudioError.File {}
            let stream = try link.open(format: .pcm(sampleRate: 16_000))
            stream.end()
            do {
                try stream.push(audio: Data(count: 2))
                throw Failure("the stream has ended")
            } catch AudioError.Stopped {}
        }
    }

    private func audio() async throws {
        try await connect().session { link in
            let stream = try link.open(format: .pcm(sampleRate: 16_000))
            try stream.push(audio: Data(count: 32_000))
            try stream.push(samples: [Int16](repeating: 0, count: 16_000))
            var said: [String] = []
            for try await settled in link.finals(until: { try await link.finish() }) {
                said.append(settled.text)
            }
            try check(said == ["second-0", "second-1"], "\(said)")
        }
    }

    private func log() async throws {
        let lines = Lines()
        try check(setLogSink(level: .trace, sink: lines), "somebody else has the log")
        try await audio()
        let end = Date().addingTimeInterval(patience)
        while lines.all.isEmpty {
            try check(Date() < end, "nothing is logged")
            try await Task.sleep(nanoseconds: 10_000_000)
        }
        let together = lines.all.joined(separator: "\n")
        try check(!together.contains("second-") && !together.contains("Bearer \(rightToken)"), together)
    }
}

/// Lines of the log.
final class Lines: LogSink, @unchecked Sendable {
    private let lock = NSLock()
    private var lines: [String] = []

    var all: [String] {
        lock.lock()
        defer { lock.unlock() }
        return lines
    }

    func log(record: LogRecord) {
        lock.lock()
        defer { lock.unlock() }
        lines.append(record.message)
    }
}
