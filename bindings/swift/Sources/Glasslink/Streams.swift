import Foundation

extension Link {
    /// Starts a link to the relay at `url` and returns at once: whether the relay is there or not.
    ///
    /// ```swift
    /// let link = try Link.connect("https://relay.example") { $0.token = "secret" }
    /// ```
    public static func connect(
        _ url: String,
        tokens: TokenProvider? = nil,
        listener: EventListener? = nil,
        configure: (inout LinkOptions) -> Void = { _ in }
    ) throws -> Link {
        var options = LinkOptions(url: url)
        configure(&options)
        return try Link.connect(options: options, tokens: tokens, listener: listener)
    }

    /// Runs `body` with the link, then ends the session. Call `finish()` in it to lose nothing.
    public func session<Result>(_ body: (Link) async throws -> Result) async rethrows -> Result {
        do {
            let result = try await body(self)
            await end()
            return result
        } catch {
            await end()
            throw error
        }
    }

    /// What happens from now on, in order, until the link or the iteration ends.
    ///
    /// A consumer that is too slow loses the oldest events and is told how many (`.lagged`); nobody else notices.
    public var events: AsyncStream<LinkEvent> {
        let mailbox = Mailbox()
        let subscription = subscribe(listener: mailbox)
        return AsyncStream {
            await mailbox.next()
        } onCancel: {
            subscription.cancel()
            mailbox.close()
        }
    }

    /// The state, beginning with what it is; a slow consumer sees the latest.
    public var states: AsyncStream<LinkState> {
        let events = events
        return AsyncStream(bufferingPolicy: .bufferingNewest(1)) { continuation in
            continuation.yield(state())
            let task = Task {
                for await case .stateChanged in events {
                    continuation.yield(self.state())
                }
                continuation.finish()
            }
            continuation.onTermination = { _ in task.cancel() }
        }
    }

    /// What is said, as it is settled, until `done` returns:
    /// `link.finals { try await file.ended(); try await link.finish() }`.
    public func finals(until done: @escaping @Sendable () async throws -> Void) -> AsyncThrowingStream<Final, Error> {
        let mailbox = Mailbox()
        let subscription = subscribe(listener: mailbox)
        return AsyncThrowingStream { continuation in
            let finals = Task {
                while let event = await mailbox.next() {
                    if case .finalTranscript(_, _, let said) = event {
                        continuation.yield(said)
                    }
                }
            }
            let work = Task {
                do {
                    try await done()
                    await subscription.flush()
                    try mailbox.ended()
                    await finals.value
                    continuation.finish()
                } catch {
                    continuation.finish(throwing: error)
                }
                subscription.cancel()
                mailbox.close()
            }
            continuation.onTermination = { _ in
                work.cancel()
                subscription.cancel()
                mailbox.close()
            }
        }
    }
}

extension AudioStream {
    /// Takes samples that were just captured. Never blocks: what finds no room makes the oldest a gap.
    public func push(samples: [Int16]) throws {
        try samples.withUnsafeBytes { try push(audio: Data($0)) }
    }
}

extension Glasses {
    /// How they are, now and whenever it changes.
    public func statuses() throws -> AsyncStream<GlassesStatus> {
        let (stream, continuation) = AsyncStream.makeStream(of: GlassesStatus.self, bufferingPolicy: .bufferingNewest(16))
        let handle = try subscribe(listener: GlassesMailbox(status: { continuation.yield($0) }, event: { _ in }))
        continuation.onTermination = { _ in handle.cancel() }
        return stream
    }

    /// What the wearer and the device do. The newest 64 are kept for a slow consumer.
    public func events() throws -> AsyncStream<GlassesEvent> {
        let (stream, continuation) = AsyncStream.makeStream(of: GlassesEvent.self, bufferingPolicy: .bufferingNewest(64))
        let handle = try subscribe(listener: GlassesMailbox(status: { _ in }, event: { continuation.yield($0) }))
        continuation.onTermination = { _ in handle.cancel() }
        return stream
    }

    /// Waits until every arm is up.
    public func waitReady() async throws {
        for await status in try statuses() where status.state == .ready {
            return
        }
    }
}

/// Asks a closure for the token of each attempt.
public final class Tokens: TokenProvider, Sendable {
    private let give: @Sendable () async throws -> String

    public init(_ give: @escaping @Sendable () async throws -> String) {
        self.give = give
    }

    public func token() async throws -> AccessToken {
        AccessToken(text: try await give(), expiresIn: nil)
    }
}

/// Events for one consumer. Those that wait here are bounded; those behind wait in the core, which is bounded too.
private final class Mailbox: EventListener, @unchecked Sendable {
    private static let maxWaiting = 1_024
    private let changed = NSCondition()
    private var waiting: [LinkEvent] = []
    private var isOver = false
    private var waiter: CheckedContinuation<LinkEvent?, Never>?

    func events(events: [LinkEvent]) throws {
        changed.lock()
        defer { changed.unlock() }
        while waiting.count >= Self.maxWaiting && !isOver {
            // Waits for the consumer, on a thread that waits for nothing else.
            changed.wait()
        }
        waiting.append(contentsOf: events)
        hand()
    }

    func ended() throws {
        changed.lock()
        defer { changed.unlock() }
        isOver = true
        changed.broadcast()
        hand()
    }

    func close() {
        changed.lock()
        defer { changed.unlock() }
        waiting.removeAll()
        isOver = true
        changed.broadcast()
        hand()
    }

    func next() async -> LinkEvent? {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                changed.lock()
                defer { changed.unlock() }
                waiter?.resume(returning: nil)
                waiter = continuation
                hand()
            }
        } onCancel: {
            close()
        }
    }

    private func hand() {
        guard let waiter, !waiting.isEmpty || isOver else { return }
        self.waiter = nil
        waiter.resume(returning: waiting.isEmpty ? nil : waiting.removeFirst())
        changed.broadcast()
    }
}

private final class GlassesMailbox: GlassesListener, Sendable {
    private let onStatus: @Sendable (GlassesStatus) -> Void
    private let onEvent: @Sendable (GlassesEvent) -> Void

    init(
        status: @escaping @Sendable (GlassesStatus) -> Void,
        event: @escaping @Sendable (GlassesEvent) -> Void
    ) {
        onStatus = status
        onEvent = event
    }

    func status(status: GlassesStatus) throws {
        onStatus(status)
    }

    func event(event: GlassesEvent) throws {
        onEvent(event)
    }
}
