"""Which miner hashes what."""
