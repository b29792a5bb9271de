// The JVM package. An Android app adds the sources below to a library module of its own, the libraries that
// `cargo ndk` builds to src/main/jniLibs, and JNA as an AAR ("net.java.dev.jna:jna:5.13.0@aar").
//
// `cargo xtask bindings kotlin` writes what is generated, and builds the library, first.
plugins {
    kotlin("jvm") version "2.4.20"
    `java-library`
    `maven-publish`
}

group = "dev.glasslink"
version = Regex("""\[workspace\.package]\s+version = "([^"]+)"""")
    .find(file("../../Cargo.toml").readText())!!.groupValues[1]

val target = System.getenv("CARGO_TARGET_DIR") ?: "../../target"

repositories { mavenCentral() }

dependencies {
    api("org.jetbrains.kotlinx:kotlinx-coroutines-core:1.10.2")
    implementation("net.java.dev.jna:jna:5.13.0")
}

kotlin {
    jvmToolchain(17)
    sourceSets.main { kotlin.srcDir("$target/bindings/kotlin") }
}

tasks.processResources {
    from("consumer-rules.pro") { into("META-INF/proguard") }
    from("../THIRD-PARTY.txt", "../../LICENSE-APACHE", "../../LICENSE-MIT") { into("META-INF/glasslink") }
}

val scenarios by
    tasks.registering(JavaExec::class) {
        description = "Runs ../scenarios.txt; cargo xtask bindings kotlin names relay and proxy"
        classpath = sourceSets.test.get().runtimeClasspath
        mainClass = "dev.glasslink.ScenariosKt"
        systemProperty("jna.library.path", "$target/debug")
    }

publishing { publications { create<MavenPublication>("glasslink") { from(components["java"]) } } }
