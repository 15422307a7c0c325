"""What runs beside the requests: a heartbeat, a gauge, and the worker that does the jobs."""

import json
import logging
import secrets
import threading
import time

import store
from fresh import now

PROCESS = secrets.token_hex(4)
ended = threading.Event()
log = logging.getLogger("background")


class Gauge:
    items = 0


def start(cache):
    def beat():
        cache.set(f"heartbeat:{PROCESS}", int(time.time() * 1000), ex=5)

    def measure():
        Gauge.items = store.count()

    def work():
        taken = cache.brpop("jobs", timeout=1)
        if taken:
            store.finish(json.loads(taken[1]), now())

    # The worker waits in Redis.
    for task, pause_s in ((beat, 0.3), (measure, 0.5), (work, 0)):
        threading.Thread(target=for_ever, args=(task, pause_s), daemon=True).start()


def for_ever(task, pause_s):
    while not ended.wait(pause_s if succeeds(task) else 1):
        pass


def succeeds(task):
    try:
        task()
    except Exception:
        # At the end its servers may be gone before it.
        if not ended.is_set():
            log.exception("%s failed", task.__name__)
        return False
    return True
