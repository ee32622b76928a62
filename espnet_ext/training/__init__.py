"""What ESPnet's training lacks for this task: readers, batches, a trainer that survives a crash."""
