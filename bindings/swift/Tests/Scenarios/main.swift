// `swift run Scenarios scenarios`, `swift run Scenarios tests`: a line for each, as the other languages print them.
// `cargo xtask bindings swift` names relay, proxy and scenarios.
import Foundation
import Glasslink

let arguments = Array(CommandLine.arguments.dropFirst())

/// Records what cannot be sent, until it is killed.
func record(_ url: String, _ folder: String, _ seconds: Int, _ key: String) async throws {
    let link = try Link.connect(url) {
        $0.token = rightToken
        $0.journalFolder = folder
        $0.journalKey = Data(base64Encoded: key).flatMap { $0.isEmpty ? nil : $0 }
    }
    let stream = try link.open(format: .pcm(sampleRate: 16_000))
    for _ in 0..<(seconds * 100) {
        try stream.push(audio: Data(count: 320))
    }
    // What is pushed is written by a thread of the library.
    while link.stats().captured < UInt64(seconds * 100) {
        try await Task.sleep(nanoseconds: 10_000_000)
    }
    FileHandle.standardOutput.write(Data("recorded\n".utf8))
    try await Task.sleep(nanoseconds: 600_000_000_000)
}

/// Whether it passed.
func tell(_ name: String, _ run: () async throws -> Void) async -> Bool {
    let began = Date()
    var outcome = "passed"
    do {
        try await run()
    } catch {
        outcome = "FAILED: \(error)"
    }
    print("\(name): \(outcome), \(String(format: "%.1f", Date().timeIntervalSince(began))) s")
    return outcome == "passed"
}

if arguments.first == "--record" {
    try await record(arguments[1], arguments[2], Int(arguments[3])!, arguments[4])
    exit(0)
}
let rig = try Rig()
var passed = true
if arguments.first == "tests" {
    for (name, test) in Tests(rig: rig).all {
        passed = await tell("test \(name)", test) && passed
    }
} else {
    for (name, steps) in try scenarios(in: try variable("GLASSLINK_SCENARIOS")) {
        passed = await tell("scenario \(name)") { try await Scenario(rig).run(steps) } && passed
    }
}
rig.close()
exit(passed ? 0 : 1)
