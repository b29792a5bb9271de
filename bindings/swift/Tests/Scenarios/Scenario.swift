import Foundation
import Glasslink

/// A machine with other work to do takes longer; nothing here waits without it.
let patience: TimeInterval = 60

final class Scenario {
    private let rig: Rig
    private let journal: URL
    private let given = Given()
    private let seen = Seen()
    private var link: Link!
    private var stream: AudioStream!
    private var rate = 0
    private var virtual: VirtualGlasses!
    private var glasses: Glasses?
    private var source: AttachedSource!
    private var key: Data?
    /// What ends when nobody holds it.
    private var held: [AnyObject] = []

    init(_ rig: Rig) throws {
        self.rig = rig
        journal = try temporaryFolder()
    }

    func run(_ steps: [String]) async throws {
        try await rig.ask("POST", "/reset")
        var failure: Error?
        for step in steps {
            do {
                try await take(step.split(separator: " ").map(String.init))
            } catch {
                failure = Failure("\(step): \(error) (\(link.map { "\($0.state())" } ?? "no link"))")
                break
            }
        }
        await glasses?.disconnect()
        await link?.end()
        try await rig.ask("POST", "/reset")
        try? FileManager.default.removeItem(at: journal)
        if let failure {
            throw failure
        }
    }

    private func take(_ words: [String]) async throws {
        let rest = Array(words.dropFirst())
        switch words[0] {
        case "connect": try connect(rest)
        case "state": try await state(rest[0])
        case "cause": try cause(rest[0])
        case "open": try open(Int(rest[0])!)
        case "push": try push(Int(rest[0])!)
        case "pause": stream.pause()
        case "end_stream": stream.end()
        case "fault": try await rig.ask("POST", "/rules", rest.joined(separator: " "))
        case "heal": try await rig.ask("DELETE", "/rules")
        case "cut": try check(!(try await rig.ask("DELETE", "/connections")).contains(":0}"), "nothing was cut")
        case "token": token(rest[0])
        case "network": link.networkChanged()
        case "finish": try await finish()
        case "heard": try await heard(Int(rest[0])!)
        case "gap": try await until("gap \(rest[0])") { self.seen.gaps.contains(rest[0]) }
        case "stats": try stats(rest)
        case "give_up": try await giveUp()
        case "throwing": try await throwing()
        case "glasses": try await wear(rest[0], failures: rest.count > 1 ? Int(rest[1])! : 0)
        case "listen": source = try glasses!.attachMicrophone(link: link, options: StreamOptions(label: "glasses"))
        case "captions": held.append(try glasses!.showCaptions(link: link))
        case "speak": virtual.speak(samples: [Int16](repeating: 1_000, count: Int(rest[0])! * 16_000))
        case "shown": try await shown(rest[0])
        case "quiet": try await quiet()
        case "seal": key = newJournalKey()
        case "locked": try await locked()
        case "killed": try killed(rest[0])
        case "recover": try await recovered(Int(rest[0])!)
        case "cycles": try await cycles(Int(rest[0])!)
        case "end": await link.end()
        default: throw Failure("there is no step \(words[0])")
        }
    }

    private func until(_ what: String, _ holds: () -> Bool) async throws {
        let end = Date().addingTimeInterval(patience)
        while !holds() {
            try check(Date() < end, "not in time: \(what)")
            try await Task.sleep(nanoseconds: 10_000_000)
        }
    }

    private func connect(_ words: [String]) throws {
        link = try Link.connect(rig.url, tokens: given, listener: seen) { options in
            for word in words {
                let parts = word.split(separator: "=").map(String.init)
                switch parts[0] {
                case "buffer_bytes": options.bufferBytes = UInt64(parts[1])
                case "journal": options.journalFolder = journal.path
                default: preconditionFailure("there is no option \(parts[0])")
                }
            }
        }
    }

    private func state(_ name: String) async throws {
        try await until(name) { word(self.link.state()) == name }
    }

    private func cause(_ code: String) throws {
        guard case .refused(let cause) = link.state() else { throw Failure("it is not refused") }
        try check(cause.code == code && !cause.remedy.isEmpty, "\(cause)")
    }

    private func open(_ hertz: Int) throws {
        rate = hertz
        stream = try link.open(format: .pcm(sampleRate: UInt32(hertz)), options: StreamOptions(label: "test"))
    }

    private func push(_ seconds: Int) throws {
        let frame = Data(count: rate / 100 * 2)
        for _ in 0..<(seconds * 100) {
            try stream.push(audio: frame)
        }
    }

    private func token(_ text: String) {
        given.give(text)
        link?.credentialsChanged()
    }

    private func finish() async throws {
        let link = self.link!
        try await withDeadline("finish") { try await link.finish() }
    }

    private func heard(_ count: Int) async throws {
        try await until("\(count) finals") { self.seen.finals.count >= count }
        let said = seen.finals
        try check(said == said.indices.map { "second-\($0)" }, "\(said)")
    }

    private func stats(_ words: [String]) throws {
        let stats = link.stats()
        try check(stats.captured == stats.acknowledged + stats.buffered + stats.lost, "\(stats)")
        for word in words {
            let isMore = word.contains(">")
            let parts = word.split(separator: isMore ? ">" : "=").map(String.init)
            let figures = [
                "captured": stats.captured, "acknowledged": stats.acknowledged, "lost": stats.lost,
                "reconnects": stats.reconnects,
            ]
            guard let figure = figures[parts[0]], let wanted = UInt64(parts[1]) else {
                throw Failure("there is no figure \(word)")
            }
            try check(isMore ? figure > wanted : figure == wanted, "\(word): \(stats)")
        }
    }

    private func giveUp() async throws {
        let link = self.link!
        let waiting = Task { try await link.waitLive() }
        try await state("waiting")
        waiting.cancel()
        if case .success = await waiting.result {
            throw Failure("it was not cancelled")
        }
    }

    private func throwing() async throws {
        let listener = Throwing()
        held.append(link.subscribe(listener: listener))
        try open(16_000)
        try push(1)
        stream.end()
        try await until("a second call") { listener.calls.value > 1 }
        try await finish()
        seen.forget()
    }

    private func wear(_ model: String, failures: Int) async throws {
        virtual = try VirtualGlasses(model: model)
        let transport = CountingTransport(virtual.transport(), failures: failures)
        guard let remembered = try await discoverGlasses(transport: transport, time: 0.5).first?.remembered else {
            throw Failure("no glasses in sight")
        }
        let opened = try Glasses.open(transport: transport, remembered: remembered)
        glasses = opened
        try await withDeadline("ready glasses") { try await opened.waitReady() }
        try check(transport.calls.value > 3, "\(transport.calls.value) calls")
    }

    private func shown(_ text: String) async throws {
        try await until("\(text) on the lenses") {
            self.virtual.lenses().contains { lens in lens.lines.contains { $0.contains(text) } }
        }
        try await until("the end of speech") { self.virtual.isSilent() }
    }

    private func quiet() async throws {
        try glasses!.stopListening()
        let source = self.source!
        try await withDeadline("the microphone's end") { try await source.ended() }
    }

    private func killed(_ seconds: String) throws {
        let key = key?.base64EncodedString() ?? ""
        let child = try Child(CommandLine.arguments[0], "--record", rig.url, journal.path, seconds, key)
        try check(try child.line() == "recorded", "nothing was recorded")
        child.stop()
    }

    private func recovered(with key: Data?) async throws -> [Recovered] {
        let options = LinkOptions(url: rig.url, journalFolder: journal.path, journalKey: key)
        return try await recover(options: options, tokens: given)
    }

    private func locked() async throws {
        let found = try await recovered(with: nil)
        try check(found.count == 1 && found[0].trouble?.contains("encrypted") == true, "\(found)")
    }

    private func recovered(_ count: Int) async throws {
        let found = try await recovered(with: key)
        try check(found.count == 1 && found[0].trouble == nil, "\(found)")
        let said = found[0].transcript.filter { entry in
            if case .speech = entry { true } else { false }
        }
        try check(said.count >= count && found[0].stats?.lost == 0, "\(found)")
    }

    private func cycles(_ count: Int) async throws {
        // What grows with the first few is not a leak: pools, caches, threads that stay.
        var before = Held.now()
        for number in 0..<count {
            if number == count / 4 {
                before = Held.now()
            }
            let link = try Link.connect(rig.url) { $0.token = rightToken }
            try await link.session { try await $0.waitLive(within: patience) }
        }
        let after = Held.now()
        let isSame = after.threads <= before.threads + 8 && after.files <= before.files + 8
        try check(isSame && after.bytes <= before.bytes + (32 << 20), "\(before), then \(after)")
    }
}

/// What `work` comes to, or that it took too long.
func withDeadline(_ what: String, _ work: @escaping @Sendable () async throws -> Void) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask(operation: work)
        group.addTask {
            try await Task.sleep(nanoseconds: UInt64(patience * 1e9))
            throw Failure("not in time: \(what)")
        }
        try await group.next()
        group.cancelAll()
    }
}
