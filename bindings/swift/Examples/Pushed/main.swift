// Audio of one's own: a tone, pushed in pieces as a microphone would give it. `swift run Pushed [URL [TOKEN]]`.
import Foundation
import Glasslink

let arguments = CommandLine.arguments
let url = arguments.count > 1 ? arguments[1] : "http://127.0.0.1:7700"
let rate = 48_000
let tone = (0..<rate / 10).map { Int16(8_000 * sin(2 * Double.pi * 440 * Double($0) / Double(rate))) }

let link = try Link.connect(url) { $0.token = arguments.count > 2 ? arguments[2] : nil }
try await link.session { link in
    let stream = try link.open(format: .pcm(sampleRate: UInt32(rate)), options: StreamOptions(label: "A tone"))
    for _ in 0..<20 {
        try stream.push(samples: tone)
        try await Task.sleep(nanoseconds: 100_000_000)
    }
    do {
        try await link.finish()
    } catch WaitError.NoEngine(_, let reason, let remedy) {
        print("\(reason) \(remedy)")
    }
    let stats = link.stats()
    print("captured \(stats.captured) = acknowledged \(stats.acknowledged) + lost \(stats.lost)")
}
