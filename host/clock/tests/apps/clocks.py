# For each line on its input, what the clocks show.
import datetime, os, queue, subprocess, sys, threading, time

asked, answers = queue.Queue(), queue.Queue()


def answer():
    while asked.get():
        answers.put(time.time_ns())


threading.Thread(target=answer, daemon=True).start()
ask, told = os.pipe(), os.pipe()
if os.fork() == 0:
    os.close(ask[1])
    while os.read(ask[0], 1):
        os.write(told[1], str(time.time_ns()).encode())
    os._exit(0)
for _ in sys.stdin:
    asked.put(True)
    os.write(ask[1], b"?")
    now = datetime.datetime.now(datetime.timezone.utc)
    print(
        f"main={time.time_ns()} datetime_s={int(now.timestamp())} thread={answers.get()} fork={os.read(told[0], 99).decode()}",
        subprocess.run(["date", "+exec=%s%N"], capture_output=True, text=True).stdout.strip(),
        flush=True,
    )
