import Foundation
#if canImport(FoundationNetworking)
import FoundationNetworking
#endif

let rightToken = "right"

/// What a step found wrong.
struct Failure: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) {
        self.description = description
    }
}

func check(_ holds: Bool, _ otherwise: @autoclosure () -> String) throws {
    if !holds {
        throw Failure(otherwise())
    }
}

/// A relay process behind the fault proxy, as every language's tests have them.
final class Rig {
    private let folder: URL
    private let relay: Child
    private let faults: Child
    private let control: String
    let url: String

    init() throws {
        folder = try temporaryFolder()
        relay = try Child(try variable("GLASSLINK_TEST_RELAY"), "127.0.0.1:0", folder.path, rightToken)
        let upstream = try relay.line().replacingOccurrences(of: "http://", with: "")
        faults = try Child(try variable("GLASSLINK_TEST_FAULTS"), "--upstream", upstream)
        struct Ready: Decodable {
            let proxy: String
            let control: String
        }
        let ready = try JSONDecoder().decode(Ready.self, from: Data(faults.line().utf8))
        url = "http://" + ready.proxy
        control = ready.control
    }

    @discardableResult
    func ask(_ method: String, _ path: String, _ body: String? = nil) async throws -> String {
        guard let url = URL(string: control + path) else { throw Failure(control + path) }
        var request = URLRequest(url: url)
        request.httpMethod = method
        request.httpBody = body.map { Data($0.utf8) }
        request.setValue("application/json", forHTTPHeaderField: "content-type")
        let (data, answer) = try await URLSession.shared.data(for: request)
        let status = (answer as? HTTPURLResponse)?.statusCode ?? 0
        let text = String(decoding: data, as: UTF8.self)
        try check(status < 300, "\(method) \(path): \(status) \(text)")
        return text
    }

    func close() {
        faults.stop()
        relay.stop()
        try? FileManager.default.removeItem(at: folder)
    }
}

/// A process whose output is read by the line.
final class Child {
    private let process = Process()
    private let output = Pipe()
    private var rest = Data()

    init(_ program: String, _ arguments: String...) throws {
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = arguments
        process.standardOutput = output
        try process.run()
    }

    /// Its next line.
    func line() throws -> String {
        while true {
            if let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
                let line = String(decoding: rest[rest.startIndex..<end], as: UTF8.self)
                rest = Data(rest[rest.index(after: end)...])
                return line
            }
            let more = output.fileHandleForReading.availableData
            try check(!more.isEmpty, "a process ended without a word")
            rest.append(more)
        }
    }

    /// As the system does it: without a goodbye.
    func stop() {
        #if os(Windows)
        process.terminate()
        #else
        kill(process.processIdentifier, SIGKILL)
        #endif
        process.waitUntilExit()
    }
}

func variable(_ name: String) throws -> String {
    guard let value = ProcessInfo.processInfo.environment[name] else {
        throw Failure("\(name) is not set: cargo xtask bindings swift sets it")
    }
    return value
}

func temporaryFolder() throws -> URL {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("glasslink-" + UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    return folder
}

/// Name and steps of each scenario, in their order.
func scenarios(in file: String) throws -> [(name: String, steps: [String])] {
    var found: [(name: String, steps: [String])] = []
    for line in try String(contentsOfFile: file, encoding: .utf8).split(separator: "\n") {
        if line.hasPrefix("scenario ") {
            found.append((String(line.dropFirst("scenario ".count)), []))
        } else if line.hasPrefix("  "), !found.isEmpty {
            found[found.count - 1].steps.append(line.trimmingCharacters(in: .whitespaces))
        }
    }
    return found
}
