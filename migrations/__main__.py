"""Check that migrations and tables agree: `python -m migrations` (exit 1 names what differs)."""

import sys
import tempfile
from pathlib import Path

from migrations.run import differences, upgrade
from models.database import Database


def main() -> int:
    """Build the tables by the migrations in a fresh SQLite file and compare them with the records."""
    with tempfile.TemporaryDirectory() as folder:
        database = Database(f"sqlite:///{Path(folder) / 'check.db'}")
        upgrade(database)
        found = differences(database)
        database.close()
    for difference in found:
        sys.stdout.write(f"{difference}\n")
    sys.stdout.write("Migrations and tables differ.\n" if found else "Migrations and tables agree.\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
