// swift-tools-version: 5.9
// `cargo xtask bindings swift` writes what is generated, and builds the library, first; GLASSLINK_LIBRARY is its folder.
// An app takes the XCFramework that the workflow `bindings` makes instead.
import Foundation
import PackageDescription

let library = ProcessInfo.processInfo.environment["GLASSLINK_LIBRARY"] ?? "../../target/debug"

let package = Package(
    name: "Glasslink",
    platforms: [.iOS(.v15), .macOS(.v12)],
    products: [.library(name: "Glasslink", targets: ["Glasslink"])],
    targets: [
        .systemLibrary(name: "GlasslinkFFI"),
        .target(
            name: "Glasslink",
            dependencies: ["GlasslinkFFI"],
            resources: [.copy("Resources/PrivacyInfo.xcprivacy"), .copy("Resources/THIRD-PARTY.txt")],
            linkerSettings: [.linkedLibrary("glasslink_ffi"), .unsafeFlags(["-L\(library)"])]
        ),
        .executableTarget(name: "Replay", dependencies: ["Glasslink"], path: "Examples/Replay"),
        .executableTarget(name: "Pushed", dependencies: ["Glasslink"], path: "Examples/Pushed"),
        .executableTarget(name: "VirtualCaptions", dependencies: ["Glasslink"], path: "Examples/VirtualCaptions"),
        .executableTarget(name: "OwnTransport", dependencies: ["Glasslink"], path: "Examples/OwnTransport"),
        .target(name: "Compatibility", dependencies: ["Glasslink"], path: "Tests/Compatibility"),
        .executableTarget(name: "Scenarios", dependencies: ["Compatibility", "Glasslink"], path: "Tests/Scenarios"),
    ]
)
