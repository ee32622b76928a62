"""Models on the hub and as files: download, convert, pack, upload."""
