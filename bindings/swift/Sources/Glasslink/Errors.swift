/// What every error of this library says: `catch let error as GlasslinkError { show(error.reason, error.remedy) }`.
public protocol GlasslinkError: Error {
    /// It stays from version to version.
    var code: String { get }
    /// A sentence: what is wrong.
    var reason: String { get }
    /// A sentence: what to do about it.
    var remedy: String { get }
}

private typealias Told = (code: String, reason: String, remedy: String)

extension ConnectError: GlasslinkError {
    public var code: String { told.code }
    public var reason: String { told.reason }
    public var remedy: String { told.remedy }

    private var told: Told {
        switch self {
        case let .Address(code, reason, remedy),
             let .Credentials(code, reason, remedy),
             let .Certificate(code, reason, remedy),
             let .Proxy(code, reason, remedy),
             let .Session(code, reason, remedy),
             let .Journal(code, reason, remedy),
             let .System(code, reason, remedy),
             let .Unknown(code, reason, remedy):
            return (code, reason, remedy)
        }
    }
}

extension WaitError: GlasslinkError {
    public var code: String { told.code }
    public var reason: String { told.reason }
    public var remedy: String { told.remedy }

    private var told: Told {
        switch self {
        case let .NotInTime(code, reason, remedy),
             let .Refused(code, reason, remedy),
             let .NoEngine(code, reason, remedy),
             let .Closed(code, reason, remedy),
             let .Unknown(code, reason, remedy):
            return (code, reason, remedy)
        }
    }
}

extension AudioError: GlasslinkError {
    public var code: String { told.code }
    public var reason: String { told.reason }
    public var remedy: String { told.remedy }

    private var told: Told {
        switch self {
        case let .TooManyStreams(code, reason, remedy),
             let .Format(code, reason, remedy),
             let .File(code, reason, remedy),
             let .Journal(code, reason, remedy),
             let .Source(code, reason, remedy),
             let .Stopped(code, reason, remedy),
             let .Closed(code, reason, remedy),
             let .Unknown(code, reason, remedy):
            return (code, reason, remedy)
        }
    }
}

extension PairError: GlasslinkError {
    public var code: String { told.code }
    public var reason: String { told.reason }
    public var remedy: String { told.remedy }

    private var told: Told {
        switch self {
        case let .Code(code, reason, remedy),
             let .NotEncrypted(code, reason, remedy),
             let .Unreachable(code, reason, remedy),
             let .NotTheRelay(code, reason, remedy),
             let .Refused(code, reason, remedy),
             let .Unknown(code, reason, remedy):
            return (code, reason, remedy)
        }
    }
}

extension GlassesError: GlasslinkError {
    public var code: String { told.code }
    public var reason: String { told.reason }
    public var remedy: String { told.remedy }

    private var told: Told {
        switch self {
        case let .UnknownModel(code, reason, remedy),
             let .Unsupported(code, reason, remedy),
             let .TooLong(code, reason, remedy),
             let .Closed(code, reason, remedy),
             let .Unknown(code, reason, remedy):
            return (code, reason, remedy)
        }
    }
}
