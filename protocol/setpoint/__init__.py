"""Setpoints that a plant's control system writes over Modbus TCP."""
