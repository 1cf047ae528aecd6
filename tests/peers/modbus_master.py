"""A plant's master as a process of its own: `python modbus_master.py PORT WATTS`.

pymodbus, not ours. It writes its setpoint twice a second until it is ended.
"""

import sys
import time

from pymodbus.client import ModbusTcpClient

ENABLE = 40_092


def main() -> None:
    port, watts = int(sys.argv[1]), int(sys.argv[2])
    client = ModbusTcpClient("127.0.0.1", port=port, timeout=1, retries=0)
    while True:
        try:
            if client.connect():
                words = [1, 1, watts >> 16, watts & 0xFFFF]
                client.write_registers(ENABLE, words)
        except Exception as error:  # noqa: BLE001  (whatever it is, it tries again)
            sys.stderr.write(f"{error}\n")
            client.close()
        time.sleep(0.5)


if __name__ == "__main__":
    main()
