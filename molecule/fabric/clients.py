"""Applications write to one member of the set, row by row, and note what was acknowledged, and when."""

from __future__ import annotations

import itertools
import json
import os
import sys
import time
from pathlib import Path

import pymysql

AUTHORITY = Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"]) / "tls/ca.pem"
LONGEST_SECONDS = 900
PASSWORD = Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"]) / "secrets/application"


def write(name: str, address: str, record: Path, stop: Path) -> None:
    """Insert until there is a file ``stop``; whoever refuses is asked again soon.

    Where the scenario has failed meanwhile, nobody makes that file any more.
    """
    numbers, connection = itertools.count(), None
    end = time.monotonic() + LONGEST_SECONDS
    with record.open("w", buffering=1) as log:
        while not stop.exists() and time.monotonic() < end:
            tag = f"{name}-{next(numbers)}"
            try:
                if connection is None:
                    connection = pymysql.connect(
                        host=address,
                        user="application",
                        password=PASSWORD.read_text().strip(),
                        ssl={"ca": str(AUTHORITY)},
                        connect_timeout=2,
                        read_timeout=60,
                        autocommit=True,
                    )
                with connection.cursor() as cursor:
                    cursor.execute("INSERT INTO customers.t (tag) VALUES (%s)", (tag,))
            except (pymysql.MySQLError, OSError):
                if connection is not None:
                    connection.close()
                connection = None
                time.sleep(0.2)
                continue
            log.write(json.dumps({"tag": tag, "at": time.time()}) + "\n")
            time.sleep(0.01)


if __name__ == "__main__":
    write(sys.argv[1], sys.argv[2], Path(sys.argv[3]), Path(sys.argv[4]))
