// Captions of an audio file: `swift run Replay FILE [URL]`.
import Glasslink

let arguments = CommandLine.arguments
let url = arguments.count > 2 ? arguments[2] : "http://127.0.0.1:7700"
let link = try Link.connect(url)
try await link.session { link in
    let file = try await link.attachFile(path: arguments[1])
    for try await said in link.finals(until: {
        try await file.ended()
        try await link.finish()
    }) {
        print(said.text)
    }
}
