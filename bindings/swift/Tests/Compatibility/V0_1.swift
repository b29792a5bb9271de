import Foundation
import Glasslink

/// What it found wrong.
public struct Incompatible: Error {}

/// A program for version 0.1. Never changed: it must go on to compile, and to do what it does.
public func v0_1(url: String, token: String) async throws {
    let link = try Link.connect(url) {
        $0.token = token
        $0.clientName = "old 1.0"
        $0.bufferAge = 60
    }
    try await link.session { link in
        try await link.waitLive(within: 60)
        let words =
            switch link.state() {
            case .idle: "idle"
            case .connecting(let attempt): "connecting \(attempt)"
            case .resuming(let attempt): "resuming \(attempt)"
            case .live: "live"
            case .waiting(_, let retryIn, let cause): "waiting \(retryIn) \(cause.remedy)"
            case .refused(let cause): "refused \(cause.remedy)"
            case .closed: "closed"
            case .unknown(let code): code
            }
        let stream = try link.open(format: .pcm(sampleRate: 16_000), options: StreamOptions(label: "microphone"))
        try stream.push(audio: Data(count: 32_000))
        stream.end()
        try await link.finish()
        let stats = link.stats()
        let balances = stats.captured == stats.acknowledged + stats.buffered + stats.lost
        guard words == "live", balances, link.exportTranscript(format: .txt).contains("second-0") else {
            throw Incompatible()
        }
    }
}
