"""SunSpec register maps of meters and setpoints."""
