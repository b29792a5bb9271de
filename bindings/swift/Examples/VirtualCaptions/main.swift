// Captions on the lenses of glasses that are not there: `swift run VirtualCaptions [URL [TOKEN]]`.
import Glasslink

let arguments = CommandLine.arguments
let url = arguments.count > 1 ? arguments[1] : "http://127.0.0.1:7700"
let virtual = try VirtualGlasses(model: "even-g1")
let transport = virtual.transport()
guard let remembered = try await discoverGlasses(transport: transport, time: 0.5).first?.remembered else {
    fatalError("no glasses in sight")
}
let glasses = try Glasses.open(transport: transport, remembered: remembered)
try await glasses.waitReady()
let link = try Link.connect(url) { $0.token = arguments.count > 2 ? arguments[2] : nil }
try await link.session { link in
    let microphone = try glasses.attachMicrophone(link: link, options: nil)
    let captions = try glasses.showCaptions(link: link)
    virtual.speak(samples: [Int16](repeating: 1_000, count: 48_000))
    while !virtual.isSilent() {
        try await Task.sleep(nanoseconds: 250_000_000)
        print(virtual.lenses().map(\.lines))
    }
    try glasses.stopListening()
    try await microphone.ended()
    try await link.finish()
    captions.cancel()
    print(link.exportTranscript(format: .txt))
}
await glasses.disconnect()
