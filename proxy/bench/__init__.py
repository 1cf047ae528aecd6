"""Put a proxy under load and say what it bears: `baseload bench`."""
