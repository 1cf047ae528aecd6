"""A regtest node of our own: Bitcoin Core's consensus code behind bitcoind's RPC."""
