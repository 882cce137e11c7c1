"""Sends a message to each recipient with an API key, and waits until each message has ended.

    ALIMI_URL=http://127.0.0.1:9701 ALIMI_KEY=ak_… python3 examples/clients/send.py teacher-1=010-1234-5678

ALIMI_URL is the stack's output KeyApiUrl, or the second address of `cargo xtask serve`. Only Python's
standard library is needed. An argument is a recipient's id and phone number. Records and logs show the id,
so it must not be the number.
"""

import http.client
import json
import os
import sys
import time
import urllib.error
import urllib.request

URL = os.environ["ALIMI_URL"].rstrip("/")
KEY = os.environ["ALIMI_KEY"]

# A request is given up after this many tries. Between two tries it waits as long as the answer says, and
# otherwise twice as long each time.
TRIES = 8
LONGEST_WAIT_S = 60

# Nothing more becomes of a message with one of these statuses by itself.
WAITING = {"blocked", "deferred", "queued", "sending", "accepted"}


class Refused(Exception):
    """An answer that the same request would get again."""


def call(method, path, idempotency_key=None, body=None):
    """Makes a request, and repeats it while a repetition may succeed. The idempotency key makes that safe:
    whatever became of an earlier try, the message is stored once."""
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
    if idempotency_key is not None:
        headers["Idempotency-Key"] = idempotency_key
    data = None if body is None else json.dumps(body).encode()
    for attempt in range(TRIES):
        wait_s = min(2**attempt, LONGEST_WAIT_S)
        request = urllib.request.Request(URL + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=35) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as refusal:
            text = refusal.read().decode(errors="replace")
            # 429: too many requests, or the quota is used up. 5xx: the stack is not available now.
            if refusal.code != 429 and refusal.code < 500:
                raise Refused(f"{method} {path} was answered with {refusal.code}: {text}") from None
            told = refusal.headers.get("Retry-After", "")
            if told.isdigit():
                wait_s = int(told)
            if wait_s > LONGEST_WAIT_S:
                raise Refused(f"{method} {path} has to wait for {wait_s} s: {text}") from None
            print(f"{refusal.code}; trying again in {wait_s} s", file=sys.stderr)
        except (OSError, http.client.HTTPException) as error:
            # Nobody knows whether the request arrived. The same key finds out.
            print(f"{error}; trying again in {wait_s} s", file=sys.stderr)
        time.sleep(wait_s)
    raise Refused(f"{method} {path} was given up after {TRIES} tries")


def send(recipient, phone):
    """Sends one message. The key names what the message is about, so that it is sent once, even if this
    program is run again."""
    body = {
        "template": "photo-and-video",
        "to": {"id": recipient, "phone": phone},
        "variables": {"name": "김하나", "code": "a1"},
    }
    return call("POST", "/v1/notifications", f"photo-request-{recipient}", body)


def wait_for(notification):
    """Reads a notification until it has ended, or needs a person."""
    while notification["status"] in WAITING:
        time.sleep(1)
        notification = call("GET", f"/v1/notifications/{notification['id']}")
    return notification


def main(arguments):
    recipients = [argument.partition("=") for argument in arguments]
    sent = [send(recipient, phone) for recipient, _, phone in recipients]
    for notification in sent:
        ended = wait_for(notification)
        print(ended["id"], ended["status"])


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except Refused as refused:
        sys.exit(str(refused))
