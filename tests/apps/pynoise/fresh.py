"""What is new each time: ids, tokens and times. And the regressions that the end-to-end tests plant: see ../NOISE.md."""

import itertools
import os
import secrets
import string
import uuid
from datetime import datetime, timezone
from zoneinfo import ZoneInfo

# Empty for everybody else.
REGRESSION = os.environ.get("REGRESSION", "")

BERLIN = ZoneInfo("Europe/Berlin")
BASE62 = string.digits + string.ascii_letters
CONSTANT_ID = uuid.UUID("5eed5eed-5eed-4eed-8eed-5eed5eed5eed")

# Of this process, as in MongoDB's ObjectIds.
PROCESS = secrets.token_bytes(5)
counter = itertools.count(secrets.randbelow(1 << 24))


def broken(regression):
    return REGRESSION == regression


def item_id():
    return CONSTANT_ID if broken("constant-id") else uuid.uuid4()


def item_ref(instant):
    """As MongoDB makes ObjectIds: 4 bytes of time, 5 of the process, 3 that count."""
    count = 0 if broken("zero-ref") else next(counter) & 0xFFFFFF
    return (int(instant.timestamp()).to_bytes(4, "big") + PROCESS + count.to_bytes(3, "big")).hex()


def item_code():
    return "".join(secrets.choice(BASE62) for _ in range(16))


def now():
    """As precise as it is shown, so that what is written and what is answered are the same."""
    instant = datetime.now(timezone.utc)
    return instant.replace(microsecond=instant.microsecond // 1000 * 1000)


def utc(instant):
    return instant.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.") + f"{instant.microsecond // 1000:03}Z"


def in_berlin(instant):
    return instant.astimezone(BERLIN).isoformat(timespec="milliseconds")
