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
            resources: [.copy("Resources/PrivacyInfo.xcprivacy")],
            linkerSettings: [.linkedLibrary("glasslink_ffi"), .unsafeFlags(["-L\(library)"])]
        ),
        .executableTarget(name: "Replay", dependencies: ["Glasslink"], path: "Examples/Replay"),
    ]
)
