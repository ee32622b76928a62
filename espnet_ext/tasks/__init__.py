"""ESPnet tasks of this project."""
