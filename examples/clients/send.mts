// Sends a message to each recipient with an API key, and waits until each message has ended.
//
//     ALIMI_URL=http://127.0.0.1:9701 ALIMI_KEY=ak_… node examples/clients/send.mts teacher-1=010-1234-5678
//
// ALIMI_URL is the stack's output KeyApiUrl, or the second address of `cargo xtask serve`. It needs Node
// 22.18 or newer, which runs TypeScript as it is, and no packages. An argument is a recipient's id and phone
// number. Records and logs show the id, so it must not be the number.

const url = required("ALIMI_URL").replace(/\/+$/, "");
const key = required("ALIMI_KEY");

// A request is given up after this many tries. Between two tries it waits as long as the answer says, and
// otherwise twice as long each time.
const TRIES = 8;
const LONGEST_WAIT_S = 60;

// Nothing more becomes of a message with another status by itself.
const WAITING = ["blocked", "deferred", "queued", "sending", "accepted"];

type Notification = { id: string; status: string };

/** An answer that the same request would get again. */
class Refused extends Error {}

function required(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`the environment variable ${name} is not set`);
  return value;
}

function sleep(seconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 1000 * seconds));
}

/**
 * Makes a request, and repeats it while a repetition may succeed. The idempotency key makes that safe:
 * whatever became of an earlier try, the message is stored once.
 */
async function call(
  method: string,
  path: string,
  idempotencyKey?: string,
  body?: unknown,
): Promise<Notification> {
  const headers: Record<string, string> = {
    Authorization: `Bearer ${key}`,
    "Content-Type": "application/json",
  };
  if (idempotencyKey !== undefined) headers["Idempotency-Key"] = idempotencyKey;
  for (let attempt = 0; attempt < TRIES; attempt++) {
    let wait = Math.min(2 ** attempt, LONGEST_WAIT_S);
    try {
      const answer = await fetch(url + path, {
        method,
        headers,
        body: body === undefined ? undefined : JSON.stringify(body),
        signal: AbortSignal.timeout(35_000),
      });
      if (answer.ok) return (await answer.json()) as Notification;
      const text = await answer.text();
      // 429: too many requests, or the quota is used up. 5xx: the stack is not available now.
      if (answer.status !== 429 && answer.status < 500) {
        throw new Refused(`${method} ${path} was answered with ${answer.status}: ${text}`);
      }
      const told = answer.headers.get("Retry-After") ?? "";
      if (/^\d+$/.test(told)) wait = Number(told);
      if (wait > LONGEST_WAIT_S) {
        throw new Refused(`${method} ${path} has to wait for ${wait} s: ${text}`);
      }
      console.error(`${answer.status}; trying again in ${wait} s`);
    } catch (error) {
      if (error instanceof Refused) throw error;
      // Nobody knows whether the request arrived. The same key finds out.
      console.error(`${error}; trying again in ${wait} s`);
    }
    await sleep(wait);
  }
  throw new Refused(`${method} ${path} was given up after ${TRIES} tries`);
}

/**
 * Sends one message. The key names what the message is about, so that it is sent once, even if this
 * program is run again.
 */
function send(id: string, phone: string): Promise<Notification> {
  return call("POST", "/v1/notifications", `photo-request-${id}`, {
    template: "photo-and-video",
    to: { id, phone },
    variables: { name: "김하나", code: "a1" },
  });
}

/** Reads a notification until it has ended, or needs a person. */
async function waitFor(notification: Notification): Promise<Notification> {
  while (WAITING.includes(notification.status)) {
    await sleep(1);
    notification = await call("GET", `/v1/notifications/${notification.id}`);
  }
  return notification;
}

try {
  const sent: Notification[] = [];
  for (const argument of process.argv.slice(2)) {
    const [id, phone] = argument.split("=");
    sent.push(await send(id, phone));
  }
  for (const notification of sent) {
    const ended = await waitFor(notification);
    console.log(ended.id, ended.status);
  }
} catch (error) {
  if (!(error instanceof Refused)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
