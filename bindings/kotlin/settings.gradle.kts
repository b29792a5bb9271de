rootProject.name = "glasslink"
