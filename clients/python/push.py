"""Pushes children's records from a file to a childsync hub, or to the agent of this machine.

    python push.py --hub hub.example:7443 --identity commune-30742 ../children.json

The file holds a JSON list of changes, as the contract writes them (RecordChange in ingest.proto). For each
change one line is printed: record id, version, outcome, reason; below it what breaks a rule. The exit status
is 0 if every record was taken, 1 if some must be corrected, and 2 if the hub could not be asked. Running it
again is harmless: what the hub holds already is UNCHANGED.
"""

import argparse
import collections
import json
import pathlib
import queue
import random
import sys
import time

import grpc
from google.protobuf import json_format
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from childsync.v1 import ingest_pb2 as ingest
from childsync.v1 import ingest_pb2_grpc as service

# Changes of one request: at most 500. Fewer mean that a line which breaks often still carries one.
REQUEST_CHANGES = 100
# Attempts in a row that come to nothing, after which this program gives up.
ATTEMPTS_MAX = 10
# The wait after the first failure and the longest one, in seconds; it doubles from one to the other.
WAIT_MIN, WAIT_MAX = 0.2, 60

# What an operator or the programmer must do. Other reasons pass by waiting, or name a fault of this program.
ADVICE = {
    "NODE_NOT_REGISTERED": "ask the hub's operator to run `childsync node add` for this identity",
    "NODE_REQUIRED": "this is an operator's identity: use the commune's own",
    "OWN_NODE_REQUIRED": "an agent takes records of its own commune only: use its identity",
}


class Refused(Exception):
    """The hub answered that waiting does not help."""


def open_channel(hub, identity):
    """Opens a line with mutual TLS: both ends show a certificate of a CA that the other trusts."""
    read = lambda name: (pathlib.Path(identity) / name).read_bytes()
    credentials = grpc.ssl_channel_credentials(
        root_certificates=read("ca.pem"),
        private_key=read("key.pem"),
        certificate_chain=read("certificate.pem"),
    )
    options = [
        # A line that died in silence is found while a call is open.
        ("grpc.keepalive_time_ms", 20_000),
        # This program itself waits between attempts.
        ("grpc.initial_reconnect_backoff_ms", 100),
        ("grpc.min_reconnect_backoff_ms", 100),
        ("grpc.max_reconnect_backoff_ms", 1_000),
    ]
    return grpc.secure_channel(hub, credentials, options)


def push_once(stub, changes, one_by_one):
    """Pushes changes over one stream and yields each with its outcome once it is durable at the hub.

    `None` as outcome means: accepted, and there is nothing to say about it. After an error nothing is known
    of the changes that were not yielded: they must be sent again.
    """
    changes = list(changes)
    batches = [changes[at : at + REQUEST_CHANGES] for at in range(0, len(changes), REQUEST_CHANGES)]
    requests, waiting = queue.Queue(), collections.deque()
    responses = stub.Push(iter(requests.get, None))
    try:
        # The first response answers nothing. It says how many requests may be unanswered at a time.
        window = next(responses).window_requests
        if one_by_one:
            window = 1
        for sequence, batch in enumerate(batches, start=1):
            if len(waiting) == window:
                yield from answered(next(responses), *waiting.popleft())
            requests.put(ingest.PushRequest(sequence=sequence, changes=batch))
            waiting.append((sequence, batch))
        while waiting:
            yield from answered(next(responses), *waiting.popleft())
    finally:
        requests.put(None)  # No more requests: the stream ends.
        responses.cancel()


def answered(response, sequence, batch):
    """The changes of a request with their outcomes: those without an entry were accepted."""
    if response.acknowledged_sequence != sequence:
        raise RuntimeError("the hub acknowledged a request out of turn")
    told = {outcome.position: outcome for outcome in response.outcomes}
    for position, change in enumerate(batch):
        yield change, told.get(position)


def reason_and_wait(error):
    """The stable reason of an error and how many seconds the hub asks to be left alone.

    Programs match on the reason and never on the text. It stands in google.rpc.ErrorInfo, which travels in
    the trailer grpc-status-details-bin; where there is no hub at all, there is none.
    """
    reason, wait = "", 0.0
    status = rpc_status.from_call(error)
    for detail in status.details if status else []:
        info, retry = error_details_pb2.ErrorInfo(), error_details_pb2.RetryInfo()
        if detail.Unpack(info):
            reason = info.reason
        elif detail.Unpack(retry):
            wait = retry.retry_delay.ToTimedelta().total_seconds()
    return reason, wait


def push(channel, changes, told):
    """Pushes changes until each has its outcome, whatever the line does, and gives them to `told`."""
    stub = service.IngestServiceStub(channel)
    left, failures = collections.deque(changes), 0
    while left:
        try:
            # A line that just broke may break again before it has carried a whole window.
            for change, outcome in push_once(stub, left, one_by_one=failures > 0):
                left.popleft()
                failures = 0
                told(change, outcome)
        except grpc.RpcError as error:
            reason, asked = reason_and_wait(error)
            failures += 1
            passes = error.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.RESOURCE_EXHAUSTED)
            if not passes or failures == ATTEMPTS_MAX:
                word = reason or error.code().name
                raise Refused(f"{word}: {ADVICE.get(reason, error.details())}") from error
            wait = min(WAIT_MIN * 2 ** (failures - 1), WAIT_MAX) * random.uniform(0.5, 1)
            print(f"waiting: {reason or error.code().name}", file=sys.stderr, flush=True)
            time.sleep(max(wait, asked))


class Printer:
    """Prints outcomes and remembers whether every record was taken."""

    def __init__(self):
        self.all_taken = True

    def __call__(self, change, outcome):
        name = ingest.Outcome.Name(outcome.outcome if outcome else ingest.OUTCOME_ACCEPTED)
        name = name.removeprefix("OUTCOME_")
        reason = outcome.reason if outcome else ""
        print(change.record_id, change.version, name, reason, sep="\t", flush=True)
        for violation in outcome.violations if outcome else []:
            print(f"  {violation.field} {violation.rule}: {violation.description}")
        # REJECTED was not kept: sending the same again does not help. QUARANTINED is kept whole and has no
        # effect until the record is corrected and sent again.
        if name in ("REJECTED", "QUARANTINED"):
            self.all_taken = False


def main():
    parser = argparse.ArgumentParser(description="Push children's records to a hub or an agent.")
    parser.add_argument("--hub", required=True, metavar="HOST:PORT", help="127.0.0.1:7444 is the agent")
    parser.add_argument("--identity", required=True, metavar="FOLDER", help="ca.pem, certificate.pem, key.pem")
    parser.add_argument("file", metavar="FILE", help="JSON list of changes")
    arguments = parser.parse_args()
    listed = json.loads(pathlib.Path(arguments.file).read_text(encoding="utf-8"))
    changes = [json_format.ParseDict(one, ingest.RecordChange()) for one in listed]
    printer = Printer()
    try:
        with open_channel(arguments.hub, arguments.identity) as channel:
            push(channel, changes, printer)
    except Refused as refused:
        print(refused, file=sys.stderr)
        return 2
    return 0 if printer.all_taken else 1


if __name__ == "__main__":
    sys.exit(main())
