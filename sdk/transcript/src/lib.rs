//! Partials, finals and gaps on one timeline; export and import.
