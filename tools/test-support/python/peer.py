"""Runs one script for a test, and never outlives that test.

The first line of stdin is a JSON object with "source", "name", "argv" and "serve". While the
script runs, the end of stdin, which comes with the end of the test process however it dies, ends
this process.

With "serve", the script defines handle(message); each further line {"id", "message"} is answered on
stdout with {"id", "reply"} or {"id", "error"}, and {"stop"} ends the process the normal way, with
its atexit handlers. What the script itself prints goes to stderr. A script may define closed(),
called when stdin ends.
"""

import json
import os
import queue
import sys
import threading
import traceback


def lines(fd):
    # os.read, not sys.stdin: a thread blocked in a buffered read holds a lock which the interpreter
    # needs to shut down.
    pending = b""
    while True:
        chunk = os.read(fd, 65536)
        if not chunk:
            return
        *complete, pending = (pending + chunk).split(b"\n")
        for line in complete:
            yield json.loads(line)


def main():
    incoming = lines(0)
    start = next(incoming)
    sys.argv = [start["name"]] + start["argv"]
    sys.stdin = open(os.devnull)
    if start["serve"]:
        answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
        os.dup2(2, 1)
    messages = queue.Queue()
    script = {"__name__": "__main__"}

    def watch():
        for message in incoming:
            messages.put(message)
        try:
            script.get("closed", lambda: None)()
        finally:
            os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
    exec(compile(start["source"], start["name"], "exec"), script)
    while start["serve"]:
        message = messages.get()
        if message.get("stop"):
            return
        try:
            answer = {"reply": script["handle"](message["message"])}
        except Exception:
            answer = {"error": traceback.format_exc()}
        answers.write(json.dumps(dict(answer, id=message["id"])) + "\n")
        answers.flush()


main()
