package dev.glasslink

import java.io.File
import java.net.URI
import java.net.http.HttpClient
import java.net.http.HttpRequest
import java.net.http.HttpResponse
import java.nio.file.Files

const val TOKEN = "right"

/** A relay process behind the fault proxy, as every language's tests have them. */
class Rig : AutoCloseable {
    private val folder = Files.createTempDirectory("glasslink-").toFile()
    private val relay = start(System.getenv("GLASSLINK_TEST_RELAY"), "127.0.0.1:0", folder.path, TOKEN)
    private val faults: Process
    private val control: String
    private val http: HttpClient = HttpClient.newHttpClient()
    val url: String

    init {
        val upstream = relay.inputReader().readLine().trim().removePrefix("http://")
        faults = start(System.getenv("GLASSLINK_TEST_FAULTS"), "--upstream", upstream)
        val ready = faults.inputReader().readLine()
        url = "http://" + field(ready, "proxy")
        control = field(ready, "control")
    }

    private fun field(json: String, name: String): String = json.substringAfter("\"$name\":\"").substringBefore('"')

    private fun start(vararg command: String): Process =
        ProcessBuilder(*command).redirectError(ProcessBuilder.Redirect.INHERIT).start()

    fun ask(method: String, path: String, body: String? = null): String {
        val publisher =
            if (body == null) HttpRequest.BodyPublishers.noBody() else HttpRequest.BodyPublishers.ofString(body)
        val request =
            HttpRequest.newBuilder(URI(control + path))
                .header("content-type", "application/json")
                .method(method, publisher)
                .build()
        val answer = http.send(request, HttpResponse.BodyHandlers.ofString())
        check(answer.statusCode() < 300) { "$method $path: ${answer.statusCode()} ${answer.body()}" }
        return answer.body()
    }

    override fun close() {
        listOf(faults, relay).forEach { it.destroyForcibly().waitFor() }
        folder.deleteRecursively()
    }
}

fun scenarios(file: File): Map<String, List<String>> {
    val found = linkedMapOf<String, MutableList<String>>()
    var steps = mutableListOf<String>()
    file.forEachLine { line ->
        if (line.startsWith("scenario ")) {
            steps = mutableListOf()
            found[line.removePrefix("scenario ")] = steps
        } else if (line.startsWith("  ")) {
            steps += line.trim()
        }
    }
    return found
}
