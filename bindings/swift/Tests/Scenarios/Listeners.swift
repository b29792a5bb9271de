import Foundation
import Glasslink

/// Everything that happened.
final class Seen: EventListener, @unchecked Sendable {
    private let lock = NSLock()
    private var all: [LinkEvent] = []

    func events(events: [LinkEvent]) throws {
        lock.lock()
        defer { lock.unlock() }
        all += events
    }

    func ended() throws {}

    func forget() {
        lock.lock()
        defer { lock.unlock() }
        all = []
    }

    private func each<Picked>(_ pick: (LinkEvent) -> Picked?) -> [Picked] {
        lock.lock()
        defer { lock.unlock() }
        return all.compactMap(pick)
    }

    var finals: [String] {
        each { event -> String? in
            guard case .finalTranscript(_, _, let said) = event else { return nil }
            return said.text
        }
    }

    var gaps: [String] {
        each { event -> String? in
            guard case .audioGap(let gap) = event else { return nil }
            return word(gap.cause)
        }
    }
}

/// Throws, whatever happens.
final class Throwing: EventListener, @unchecked Sendable {
    let calls = Counter()

    func events(events: [LinkEvent]) throws {
        calls.increment()
        throw ListenerError.Failed(reason: "thrown on purpose")
    }

    func ended() throws {}
}

/// The token that is given from now on.
final class Given: TokenProvider, @unchecked Sendable {
    private let lock = NSLock()
    private var text = rightToken

    func give(_ text: String) {
        lock.lock()
        defer { lock.unlock() }
        self.text = text
    }

    private func given() -> String {
        lock.lock()
        defer { lock.unlock() }
        return text
    }

    func token() async throws -> AccessToken {
        AccessToken(text: given(), expiresIn: nil)
    }
}

/// `live` of `LinkState.live`, `waiting` of `LinkState.waiting(...)`.
func word(_ variant: Any) -> String {
    let label = Mirror(reflecting: variant).children.first?.label
    return (label ?? String(describing: variant)).lowercased()
}
