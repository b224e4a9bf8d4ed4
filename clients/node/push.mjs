// Pushes children's records from a file to a childsync hub, or to the agent of this machine.
//
//     node push.mjs --hub hub.example:7443 --identity commune-30742 ../children.json
//
// The file holds a JSON list of changes, as the contract writes them (RecordChange in ingest.proto). For each
// change one line is printed: record id, version, outcome, reason; below it what breaks a rule. The exit
// status is 0 if every record was taken, 1 if some must be corrected, and 2 if the hub could not be asked.
// Running it again is harmless: what the hub holds already is UNCHANGED.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as rest } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

import grpc from "@grpc/grpc-js";
import loader from "@grpc/proto-loader";
import protobuf from "protobufjs";

// Changes of one request: at most 500. Fewer mean that a line which breaks often still carries one.
const REQUEST_CHANGES = 100;
// Attempts in a row that come to nothing, after which this program gives up.
const ATTEMPTS_MAX = 10;
// The wait after the first failure and the longest one, in milliseconds; it doubles from one to the other.
const [WAIT_MIN, WAIT_MAX] = [200, 60_000];

// What an operator or the programmer must do. Other reasons pass by waiting, or name a fault of this program.
const ADVICE = {
  NODE_NOT_REGISTERED: "ask the hub's operator to run `childsync node add` for this identity",
  NODE_REQUIRED: "this is an operator's identity: use the commune's own",
  OWN_NODE_REQUIRED: "an agent takes records of its own commune only: use its identity",
};

// The details of an error, as google/rpc/status.proto and error_details.proto define them.
const details = protobuf.parse(`
  syntax = "proto3";
  message Any { string type_url = 1; bytes value = 2; }
  message Status { int32 code = 1; string message = 2; repeated Any details = 3; }
  message ErrorInfo { string reason = 1; string domain = 2; map<string, string> metadata = 3; }
  message Duration { int64 seconds = 1; int32 nanos = 2; }
  message RetryInfo { Duration retry_delay = 1; }
`, { keepCase: true }).root;

/** Opens a client with mutual TLS: both ends show a certificate of a CA that the other trusts. */
function openClient(hub, identity) {
  const proto = fileURLToPath(new URL("../../proto", import.meta.url));
  const definition = loader.loadSync("childsync/v1/ingest.proto", {
    includeDirs: [proto],
    keepCase: true,
    longs: String,
    enums: String,
    defaults: true,
  });
  const { IngestService } = grpc.loadPackageDefinition(definition).childsync.v1;
  const read = (name) => readFileSync(join(identity, name));
  const credentials = grpc.credentials.createSsl(read("ca.pem"), read("key.pem"), read("certificate.pem"));
  return new IngestService(hub, credentials, {
    // A line that died in silence is found while a call is open.
    "grpc.keepalive_time_ms": 20_000,
    // This program itself waits between attempts.
    "grpc.initial_reconnect_backoff_ms": 100,
    "grpc.max_reconnect_backoff_ms": 1_000,
  });
}

/**
 * Pushes changes over one stream and yields each with its outcome once it is durable at the hub. Without an
 * outcome it was accepted, and there is nothing to say about it. After an error nothing is known of the
 * changes that were not yielded: they must be sent again.
 */
async function* pushOnce(client, changes, oneByOne) {
  const stream = client.Push();
  const waiting = [];
  let [window, sequence, at] = [0, 0, 0];
  try {
    for await (const response of stream) {
      if (window === 0) {
        // The first response answers nothing. It says how many requests may be unanswered at a time.
        window = oneByOne ? 1 : response.window_requests;
      } else {
        yield* answered(response, waiting.shift());
      }
      while (waiting.length < window && at < changes.length) {
        const batch = changes.slice(at, at + REQUEST_CHANGES);
        at += batch.length;
        sequence += 1;
        stream.write({ sequence, changes: batch });
        waiting.push({ sequence, batch });
      }
      if (waiting.length === 0) {
        return;
      }
    }
    throw new Error("the hub ended the stream before it had answered");
  } finally {
    stream.end();
    stream.cancel();
  }
}

/** The changes of a request with their outcomes: those without an entry were accepted. */
function* answered(response, { sequence, batch }) {
  if (response.acknowledged_sequence !== String(sequence)) {
    throw new Error("the hub acknowledged a request out of turn");
  }
  const told = new Map(response.outcomes.map((outcome) => [outcome.position, outcome]));
  for (const [position, change] of batch.entries()) {
    yield [change, told.get(position)];
  }
}

/**
 * The stable reason of an error and how many milliseconds the hub asks to be left alone. Programs match on the
 * reason and never on the text. It stands in google.rpc.ErrorInfo, which travels in the trailer
 * grpc-status-details-bin; where there is no hub at all, there is none.
 */
function reasonAndWait(error) {
  let [reason, wait] = ["", 0];
  for (const packed of error.metadata?.get("grpc-status-details-bin") ?? []) {
    for (const { type_url: type, value } of details.lookupType("Status").decode(packed).details) {
      if (type.endsWith("/google.rpc.ErrorInfo")) {
        reason = details.lookupType("ErrorInfo").decode(value).reason;
      } else if (type.endsWith("/google.rpc.RetryInfo")) {
        const { retry_delay: delay } = details.lookupType("RetryInfo").decode(value);
        wait = Number(delay?.seconds ?? 0) * 1_000 + (delay?.nanos ?? 0) / 1_000_000;
      }
    }
  }
  return [reason, wait];
}

/** The hub answered that waiting does not help. */
class Refused extends Error {}

/** Pushes changes until each has its outcome, whatever the line does, and gives them to `told`. */
async function push(client, changes, told) {
  let [done, failures] = [0, 0];
  while (done < changes.length) {
    try {
      // A line that just broke may break again before it has carried a whole window.
      const oneByOne = failures > 0;
      for await (const [change, outcome] of pushOnce(client, changes.slice(done), oneByOne)) {
        done += 1;
        failures = 0;
        told(change, outcome);
      }
    } catch (error) {
      if (error.code === undefined) {
        throw error;
      }
      const [reason, asked] = reasonAndWait(error);
      failures += 1;
      const passes = [grpc.status.UNAVAILABLE, grpc.status.RESOURCE_EXHAUSTED].includes(error.code);
      const word = reason || grpc.status[error.code];
      if (!passes || failures === ATTEMPTS_MAX) {
        throw new Refused(`${word}: ${ADVICE[reason] ?? error.details}`);
      }
      const wait = Math.min(WAIT_MIN * 2 ** (failures - 1), WAIT_MAX) * (0.5 + Math.random() / 2);
      console.error(`waiting: ${word}`);
      await rest(Math.max(wait, asked));
    }
  }
}

/** Prints an outcome and says whether the record was taken. */
function print(change, outcome) {
  const name = (outcome?.outcome ?? "OUTCOME_ACCEPTED").replace("OUTCOME_", "");
  console.log([change.record_id, change.version, name, outcome?.reason ?? ""].join("\t"));
  for (const { field, rule, description } of outcome?.violations ?? []) {
    console.log(`  ${field} ${rule}: ${description}`);
  }
  // REJECTED was not kept: sending the same again does not help. QUARANTINED is kept whole and has no effect
  // until the record is corrected and sent again.
  return name !== "REJECTED" && name !== "QUARANTINED";
}

async function main() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { hub: { type: "string" }, identity: { type: "string" } },
  });
  if (!values.hub || !values.identity || positionals.length !== 1) {
    console.error("usage: node push.mjs --hub HOST:PORT --identity FOLDER FILE\n"
      + "127.0.0.1:7444 is the agent; FOLDER holds ca.pem, certificate.pem and key.pem");
    return 2;
  }
  const changes = JSON.parse(readFileSync(positionals[0], "utf8"));
  const client = openClient(values.hub, values.identity);
  let allTaken = true;
  try {
    await push(client, changes, (change, outcome) => {
      allTaken = print(change, outcome) && allTaken;
    });
  } catch (error) {
    if (!(error instanceof Refused)) {
      throw error;
    }
    console.error(error.message);
    return 2;
  } finally {
    client.close();
  }
  return allTaken ? 0 : 1;
}

process.exitCode = await main();
