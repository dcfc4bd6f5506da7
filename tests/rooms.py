#!/usr/bin/env python3
"""Checks that no arrow climbs: rooms.py TOP [LIBRARY.a ...] [--stamp FILE]

A file includes headers, and its object calls functions, only of its own room and of the rooms that
src/rooms.txt declares for it. Prints each arrow that goes up and ends with 1 where there is one.
Objects are looked at where `nm` is to be had. Writes FILE when all is well, for the build."""
import argparse
import re
import shutil
import subprocess
import sys
from pathlib import Path

INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.M)


def read_rooms(path):
    """{room: the rooms that it may use}, which are printed before it."""
    rooms = {}
    for number, line in enumerate(path.read_text().splitlines(), 1):
        line = line.partition("#")[0].strip()
        if not line:
            continue
        room, _, uses = line.partition(":")
        allowed = set()
        for other in uses.split():
            if other not in rooms:
                sys.exit(f"{path}:{number}: {room} uses {other}, which is not printed before it")
            allowed |= {other} | rooms[other]
        rooms[room] = allowed
    return rooms


def climbing_includes(top, rooms):
    for folder in ("src", "models"):
        for file in sorted((top / folder).glob("*/*.[ch]")):
            room = file.parent.name
            if room not in rooms:
                yield f"{file.relative_to(top)}: src/rooms.txt has no room '{room}'"
                continue
            for header in INCLUDE.findall(file.read_text()):
                other = header.partition("/")[0]
                if "/" in header and other != room and other not in rooms[room]:
                    yield f"{file.relative_to(top)}: includes {header}, but {room} may not use {other}"


def room_of(member, rooms):
    """The room of an object that the build named after its source: src_flow_rest.c.o."""
    folder, _, rest = member.partition("_")
    room = rest.partition("_")[0]
    return room if folder in ("src", "models") and room in rooms else None


def symbols(library):
    """(object, name, defined) of every global symbol."""
    listing = subprocess.run(["nm", "-A", "-g", library], capture_output=True, text=True, check=True)
    for line in listing.stdout.splitlines():
        place, _, rest = line.rpartition(":")
        words = rest.split()
        if len(words) >= 2:
            yield place.rpartition(":")[2].rpartition("/")[2], words[-1], words[-2] != "U"


def climbing_calls(libraries, rooms):
    found = [s for library in libraries for s in symbols(library)]
    home = {name: room_of(member, rooms) for member, name, defined in found if defined}
    for member, name, defined in found:
        room, other = room_of(member, rooms), home.get(name)
        if not defined and room and other and other != room and other not in rooms[room]:
            yield f"{member}: calls {name} of {other}, but {room} may not use {other}"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("top", type=Path)
    parser.add_argument("libraries", nargs="*")
    parser.add_argument("--stamp", type=Path)
    given = parser.parse_args()
    rooms = read_rooms(given.top / "src" / "rooms.txt")
    arrows = list(climbing_includes(given.top, rooms))
    if shutil.which("nm"):
        arrows += climbing_calls(given.libraries, rooms)
    print(*arrows, sep="\n", end="\n" if arrows else "")
    if not arrows and given.stamp:
        given.stamp.write_text("")
    return 1 if arrows else 0


if __name__ == "__main__":
    sys.exit(main())
