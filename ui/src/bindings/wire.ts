// Generated from the types of crates/desk; CONTRIBUTING.md says how to write it afresh. Do not edit.

/**
 * From `offset` on, the bytes came at this moment or later.
 */
export type Arrival = { 
/**
 * Into the body.
 */
offset: number, 
/**
 * Microseconds after [`Exchange::began`].
 */
at: number, };

/**
 * A bounded copy.
 */
export type Body = { 
/**
 * How many bytes it had.
 */
size: number, 
/**
 * When its parts came, the earliest first; only where there were several, and only so many.
 */
arrivals?: Array<Arrival>, };

/**
 * What differs in the bodies.
 */
export type BodyDifference = { "kind": "same" } | { "kind": "json", 
/**
 * In the order of one of the documents, always the same one of two.
 */
changes: Array<JsonChange>, 
/**
 * Whether there are more than are listed.
 */
is_cut: boolean, } | { "kind": "text", 
/**
 * In order.
 */
lines: Array<DiffLine>, 
/**
 * Whether there are more than are listed.
 */
is_cut: boolean, } | { "kind": "binary", 
/**
 * How many there are.
 */
sizes: Pair<number>, 
/**
 * Where the first stands that differs; absent where what was recorded is the same.
 */
first: number | null, };

/**
 * Which half of an exchange.
 */
export type BodyHalf = "request" | "response";

/**
 * One part.
 */
export type BodyPart = { 
/**
 * In their order.
 */
headers: Array<Header>, 
/**
 * The form's field.
 */
name?: string | null, 
/**
 * The file's name.
 */
filename?: string | null, 
/**
 * Where its bytes begin in what it is a part of.
 */
offset: number, 
/**
 * What it holds.
 */
content: Decoded, };

/**
 * Who called.
 */
export type Caller = { 
/**
 * The address.
 */
address: string, 
/**
 * The pod that has it, where that is known.
 */
pod?: string | null, 
/**
 * Requests of its that were told one by one, and fitted.
 */
matched: number, 
/**
 * And those that did not fit. Examples only: there may be many more.
 */
unmatched: number, 
/**
 * When the last of them came, by the laptop's clock.
 */
last: number, };

/**
 * Something that was looked at before anything changes.
 */
export type Check = { 
/**
 * How it came out.
 */
state: CheckState, 
/**
 * In a sentence.
 */
sentence: string, 
/**
 * What to do about it.
 */
hint: string | null, 
/**
 * How long it took.
 */
tookMs: number | null, };

/**
 * How a check came out.
 */
export type CheckState = "passed" | "warned" | "failed";

/**
 * Why a session closes.
 */
export type CloseReason = "asked" | "expired" | "removedByOther" | "proxyLost";

/**
 * A refused command.
 */
export type CommandError = { code: ErrorCode, 
/**
 * What was tried, and why it failed.
 */
message: string, 
/**
 * What to do next.
 */
hint: string, 
/**
 * The field of what was asked that is wrong, where it is one: `target`, `mark`, `pathPrefix`, `methods`, `port`.
 */
field: string | null, 
/**
 * The place in a filter that cannot be read.
 */
spot: Spot | null, };

/**
 * Whether what is shown of a cluster is how things are.
 */
export type Connection = { "state": "connecting" } | { "state": "live" } | { "state": "reconnecting", 
/**
 * Why.
 */
why: string, 
/**
 * What to do, where waiting does not help.
 */
hint: string | null, };

/**
 * What bytes say.
 */
export type Content = { "kind": "empty" } | { "kind": "text", 
/**
 * How to colour it.
 */
language: Language, 
/**
 * How it was written.
 */
charset: string, 
/**
 * The text.
 */
text: string, } | { "kind": "json", 
/**
 * How it was written.
 */
charset: string, 
/**
 * Laid out, up to an error.
 */
pretty: string, 
/**
 * What follows the error, as sent.
 */
rest?: string, } | { "kind": "jsonLines", 
/**
 * The lines that are not empty.
 */
lines: Array<JsonLine>, } | { "kind": "form", 
/**
 * In the order in which they were sent.
 */
fields: Array<FormField>, } | { "kind": "multipart", 
/**
 * In their order.
 */
parts: Array<BodyPart>, } | { "kind": "image", 
/**
 * Its format's media type.
 */
format: string, 
/**
 * In pixels.
 */
width: number, 
/**
 * In pixels.
 */
height: number, } | { "kind": "protobuf", 
/**
 * In their order.
 */
fields: Array<ProtoField>, } | { "kind": "message", 
/**
 * The full name of its type.
 */
messageType: string, 
/**
 * As JSON, laid out.
 */
pretty: string, } | { "kind": "grpc", 
/**
 * Its messages.
 */
messages: Array<GrpcMessage>, 
/**
 * How the call ended; part of answers only.
 */
status?: GrpcStatus | null, } | { "kind": "webSocket", 
/**
 * In the order of time.
 */
messages: Array<SocketMessage>, } | { "kind": "events", 
/**
 * In their order.
 */
events: Array<ServerEvent>, } | { "kind": "bytes", 
/**
 * The first rows; [`super::hex()`] gives any.
 */
beginning: Array<HexRow>, };

/**
 * A context of the kubeconfig. Naming it contacts nothing.
 */
export type Context = { 
/**
 * Its name.
 */
name: string, 
/**
 * The cluster it names.
 */
cluster: string, 
/**
 * The user it names.
 */
user: string, 
/**
 * The namespace it sets.
 */
namespace: string | null, 
/**
 * Whether it is the `current-context`.
 */
isCurrent: boolean, 
/**
 * Of the sandbox inside this program.
 */
isSandbox: boolean, 
/**
 * Marked by the user as one where mistakes hurt.
 */
isProduction: boolean, };

/**
 * Where a page ended.
 */
export type Cursor = { 
/**
 * When the last one looked at began.
 */
began: Moment, 
/**
 * Its number.
 */
id: ExchangeId, };

/**
 * A decoded body.
 */
export type Decoded = { 
/**
 * How many bytes there were to read.
 */
recorded: number, 
/**
 * How many bytes there had been; more than `recorded` where only a beginning was kept.
 */
size: number, 
/**
 * The content codings that were undone, in the order in which that was done.
 */
codings?: Array<string>, 
/**
 * How many bytes came out of the codings.
 */
unpacked: number, 
/**
 * What they say.
 */
content: Content, 
/**
 * What could not be read, and why.
 */
problems?: Array<Problem>, };

/**
 * Something has changed.
 */
export type DeskEvent = { "kind": "contexts" } | { "kind": "services" } & ServicesChange | { "kind": "intercepts", 
/**
 * The oldest first.
 */
intercepts: Array<InterceptView>, } | { "kind": "traffic", 
/**
 * Its key.
 */
key: number, 
/**
 * All that is known.
 */
view: TrafficView, } | { "kind": "requests", 
/**
 * Which following this answers.
 */
follow: number, 
/**
 * What is new.
 */
changes: RequestChanges, 
/**
 * How full the store is.
 */
usage: StoreUsage, } | { "kind": "timeline" } & TimelineEntry | { "kind": "preferences", 
/**
 * All of it.
 */
preferences: Preferences, } | { "kind": "go" } & Goal;

/**
 * A line of one side or both.
 */
export type DiffLine = { 
/**
 * On which side it stands.
 */
kind: DiffLineKind, 
/**
 * Its number in the first text, counted from 1.
 */
left: number | null, 
/**
 * Its number in the second text, counted from 1.
 */
right: number | null, 
/**
 * Without its end.
 */
text: string, };

/**
 * On which side a line stands.
 */
export type DiffLineKind = "same" | "removed" | "added";

/**
 * What differs.
 */
export type Difference = { 
/**
 * Both statuses, where they differ.
 */
status: Pair<number> | null, 
/**
 * Headers and trailers that differ, by name.
 */
headers: Array<HeaderChange>, 
/**
 * What differs in the bodies.
 */
body: BodyDifference, 
/**
 * Whether a body was not wholly recorded: then only its beginning was compared.
 */
isPartial: boolean, };

/**
 * One line of a head.
 */
export type EditableHeader = { 
/**
 * Its name.
 */
name: string, 
/**
 * Its value.
 */
value: string, };

/**
 * A request as somebody edits it.
 */
export type EditedRequest = { 
/**
 * The method.
 */
method: string, 
/**
 * Path and query.
 */
target: string, 
/**
 * The host it names.
 */
host: string, 
/**
 * In their order.
 */
headers: Array<EditableHeader>, 
/**
 * The body as text; nothing where it is none and is sent as it was recorded.
 */
body: string | null, };

/**
 * How an intercept ended.
 */
export type Ending = { 
/**
 * Which way.
 */
kind: EndingKind, 
/**
 * Whether the cluster is as it was, as far as this intercept goes.
 */
isRestored: boolean, 
/**
 * In one sentence.
 */
sentence: string, 
/**
 * Why, the nearest cause first.
 */
causes: Array<string>, 
/**
 * What to do.
 */
hint: string | null, };

/**
 * Which way an intercept ended.
 */
export type EndingKind = "stopped" | "expired" | "removedByOther" | "proxyLost" | "failed" | "alreadyHeld";

/**
 * What the window decides by. A new one only where it acts differently.
 */
export type ErrorCode = "kubeconfigMissing" | "kubeconfigUnreadable" | "contextUnusable" | "sandboxUnstartable" | "loginFailed" | "clusterUnreachable" | "forbidden" | "wrong" | "filterWrong" | "notAgreed" | "noTarget" | "gone" | "noRecorder" | "unexpected";

/**
 * What a stream of events consists of.
 */
export type EventKind = "event" | "comment" | "quiet" | "unfinished";

/**
 * A request and what became of it.
 */
export type Exchange = { 
/**
 * Its number.
 */
id: ExchangeId, 
/**
 * Whose request it was.
 */
place: Place, 
/**
 * When its first byte reached the laptop.
 */
began: Moment, 
/**
 * When the rest happened.
 */
times: Times, 
/**
 * How it was spoken.
 */
protocol: Protocol, 
/**
 * Who asked, where that is known.
 */
source?: Source | null, 
/**
 * What was asked. Empty in all its parts for bytes that are not HTTP.
 */
request: HttpRequest, 
/**
 * What was answered; absent while, and if, nothing was.
 */
response?: HttpResponse | null, 
/**
 * How it ended.
 */
outcome: Outcome, 
/**
 * What sets it apart.
 */
tags: Tags, };

/**
 * Names an exchange to people: small numbers, given in the order of recording.
 */
export type ExchangeId = number;

/**
 * How requests are written down.
 */
export type ExportFormat = "har" | "curl" | "raw";

/**
 * A field of a form.
 */
export type FormField = { 
/**
 * Decoded.
 */
name: string, 
/**
 * Decoded.
 */
value: string, };

/**
 * Exchanges that passed and were not recorded.
 */
export type Gap = { 
/**
 * Whose they were.
 */
place: Place, 
/**
 * When the first began.
 */
from: Moment, 
/**
 * When the last began.
 */
to: Moment, 
/**
 * How many.
 */
exchanges: number, 
/**
 * Their bytes.
 */
bytes: number, 
/**
 * Why they are missing.
 */
why: string, };

/**
 * What somebody wants to see.
 */
export type Goal = { "screen": "services" } | { "screen": "sheet", 
/**
 * With what, as far as it was said.
 */
wish: InterceptWish, } | { "screen": "inspector" } | { "screen": "tunnel", 
/**
 * Its key.
 */
key: number | null, } | { "screen": "settings" } | { "screen": "quit" };

/**
 * One message of a call.
 */
export type GrpcMessage = { 
/**
 * Where its prefix begins.
 */
offset: number, 
/**
 * When its end came, in microseconds after the exchange began.
 */
at?: number | null, 
/**
 * As its prefix says, without that.
 */
size: number, 
/**
 * Whether it was compressed.
 */
compressed: boolean, 
/**
 * What it says.
 */
content: Decoded, };

/**
 * How a call ended.
 */
export type GrpcStatus = { 
/**
 * As sent.
 */
code: string, 
/**
 * What the code is called.
 */
name?: string | null, 
/**
 * What the program says to it.
 */
message: string, 
/**
 * `google.rpc.Status`, where it was sent along.
 */
details?: Decoded | null, };

/**
 * One line of a head.
 */
export type Header = { 
/**
 * As sent.
 */
name: Text, 
/**
 * As sent, without surrounding space.
 */
value: Text, };

/**
 * A header that differs.
 */
export type HeaderChange = { 
/**
 * In lower case.
 */
name: string, 
/**
 * Whether it follows the body.
 */
isTrailer: boolean, 
/**
 * Whether it differs from answer to answer anyway.
 */
isSetAside: boolean, 
/**
 * In the first answer.
 */
left: Array<string>, 
/**
 * In the second answer.
 */
right: Array<string>, };

/**
 * What a window needs first.
 */
export type Hello = { 
/**
 * The program's version.
 */
version: string, 
/**
 * Who the user is to others: `ann@laptop`.
 */
owner: string, 
/**
 * What the user prefers.
 */
preferences: Preferences, 
/**
 * Intercepts of this program.
 */
intercepts: Array<InterceptView>, 
/**
 * What has happened, the newest last.
 */
timeline: Array<TimelineEntry>, 
/**
 * What could not be had when the program started, in sentences: recording, the socket of other commands.
 */
missing: Array<string>, 
/**
 * Whether the desktop has a place for the tray icon.
 */
hasTray: boolean, };

/**
 * Sixteen bytes.
 */
export type HexRow = { 
/**
 * Bytes before it.
 */
offset: number, 
/**
 * Two digits a byte, separated by spaces.
 */
hex: string, 
/**
 * What of it is ASCII; dots stand for the rest.
 */
ascii: string, };

/**
 * Something that was hidden.
 */
export type Hidden = { 
/**
 * In what.
 */
part: HiddenPart, 
/**
 * Where in it.
 */
where: HiddenWhere, };

/**
 * A part of an exchange.
 */
export type HiddenPart = "target" | "requestHeaders" | "requestBody" | "requestTrailers" | "responseHeaders" | "responseBody" | "responseTrailers";

/**
 * Why a body was left out.
 */
export type HiddenUnread = { "kind": "encoded", 
/**
 * As the message names it.
 */
encoding: string, } | { "kind": "switched" };

/**
 * A place in a part.
 */
export type HiddenWhere = { "kind": "header", 
/**
 * Whose.
 */
name: string, } | { "kind": "own", 
/**
 * Whose.
 */
name: string, } | { "kind": "field", 
/**
 * Whose.
 */
name: string, } | { "kind": "token" } | { "kind": "pattern" } | { "kind": "userInfo" } | { "kind": "body", 
/**
 * Why.
 */
why: HiddenUnread, };

/**
 * One place on the way.
 */
export type Hop = { 
/**
 * Which.
 */
what: HopPlace, 
/**
 * Whether the request came past.
 */
state: HopState, 
/**
 * When it did, in microseconds after it was asked for.
 */
took?: number | null, 
/**
 * For people: what was seen, and where it stopped, what to do.
 */
words: string, };

/**
 * A place that every request passes on its way.
 */
export type HopPlace = "service" | "proxy" | "rule" | "gate" | "relay" | "laptop" | "program";

/**
 * What is known of a place.
 */
export type HopState = "passed" | "stopped" | "unknown";

/**
 * What was asked.
 */
export type HttpRequest = { 
/**
 * As sent: methods are case-sensitive.
 */
method: Text, 
/**
 * As sent: mostly a path with its query, but an absolute URL, an authority or `*` as well.
 */
target: Text, 
/**
 * The `Host` header or the `:authority`.
 */
host: Text, 
/**
 * In their order and case, each as often as it was sent. Without HTTP/2's pseudo headers.
 */
headers: Array<Header>, 
/**
 * What follows them. After a switch of protocols: everything that was said in this direction from there on.
 */
body: Body, 
/**
 * What follows the body.
 */
trailers?: Array<Header>, };

/**
 * What was answered.
 */
export type HttpResponse = { 
/**
 * The final status; 101 for a connection that was switched.
 */
status: number, 
/**
 * The reason phrase, where the protocol has one.
 */
reason?: Text, 
/**
 * Statuses of interim answers (100, 103) before it.
 */
interim?: Array<number>, 
/**
 * In their order and case, each as often as it was sent. Without HTTP/2's pseudo headers.
 */
headers: Array<Header>, 
/**
 * What follows them. After a switch of protocols: everything that was said in this direction from there on.
 */
body: Body, 
/**
 * What follows the body.
 */
trailers?: Array<Header>, };

/**
 * Names one intercept; also part of the file name of its gate's sockets.
 */
export type InterceptId = string;

/**
 * What is known about an intercept.
 */
export type InterceptState = "active" | "unfinished" | "residue" | "unknown";

/**
 * An intercept, as listed.
 */
export type InterceptSummary = { 
/**
 * Its id.
 */
id: InterceptId, 
/**
 * The Service's namespace.
 */
namespace: string, 
/**
 * The Service's name.
 */
service: string, 
/**
 * The Service's port.
 */
port: number, 
/**
 * Which requests it takes, in words.
 */
rule: string, 
/**
 * Who holds it.
 */
owner: Owner, 
/**
 * The session it belongs to.
 */
session: SessionId, 
/**
 * Where its requests go.
 */
target: string, 
/**
 * When it began, seconds since 1970 UTC.
 */
created: number, 
/**
 * When it ends at the latest.
 */
expires: number | null, 
/**
 * What is known about it.
 */
state: InterceptState, };

/**
 * One that this program holds, or held until a moment ago.
 */
export type InterceptView = { 
/**
 * Names it in this run of the program.
 */
key: number, 
/**
 * Its id in the cluster, once it is planned.
 */
id: string | null, 
/**
 * As it was asked for.
 */
wish: InterceptWish, 
/**
 * The Service's port it came to, once it is planned.
 */
port: number | null, 
/**
 * Which requests, in words: `requests with X-C6O-INTERCEPT: yes`.
 */
rule: string, 
/**
 * Where they go, in words: `localhost:3000`.
 */
target: string, 
/**
 * Where it stands.
 */
phase: Phase, 
/**
 * What is wrong with it now, though it stands; in one sentence.
 */
trouble: string | null, 
/**
 * The steps of its plan.
 */
steps: Array<StepView>, 
/**
 * When it was asked for, seconds since 1970 UTC.
 */
since: number, 
/**
 * When it ends at the latest.
 */
expires: number | null, 
/**
 * How long it took until requests could arrive.
 */
readyAfterMs: number | null, 
/**
 * Connections to its proxy pods.
 */
relays: Array<Relay>, 
/**
 * How much is recorded; nothing where this program cannot record.
 */
recording: RecordingLevel | null, 
/**
 * A command that sends one request that fits, from inside of the cluster.
 */
curl: string, 
/**
 * How it ended; nothing while it lives.
 */
ending: Ending | null, };

/**
 * An intercept as the sheet has it: words as they were typed, judged when it is planned.
 */
export type InterceptWish = { 
/**
 * The kubeconfig's context.
 */
context: string, 
/**
 * The Service's namespace.
 */
namespace: string, 
/**
 * The Service.
 */
service: string, 
/**
 * One of its ports by number or name; may be absent where it has only one.
 */
port: string | null, 
/**
 * What marks the requests.
 */
mark: MarkWish, 
/**
 * Only below this path.
 */
pathPrefix: string | null, 
/**
 * Only with these methods; with any where there are none.
 */
methods: Array<string>, 
/**
 * A port, `host:port` or a URL.
 */
target: string, 
/**
 * Do not ask who signed the target's certificate.
 */
acceptAnyCertificate: boolean, 
/**
 * How long it may last at most.
 */
ttlSeconds: number | null, 
/**
 * What the port speaks, where the Service does not say so.
 */
protocol: PortProtocol | null, 
/**
 * How much of its requests is recorded.
 */
recording: RecordingLevel, };

/**
 * A member or item that differs.
 */
export type JsonChange = { 
/**
 * In the first document; absent where it was added.
 */
left: JsonSpot | null, 
/**
 * In the second document; absent where it was removed.
 */
right: JsonSpot | null, 
/**
 * Whether it differs from answer to answer anyway.
 */
isSetAside: boolean, };

/**
 * One line of JSON lines.
 */
export type JsonLine = { 
/**
 * Counted from 1.
 */
line: number, 
/**
 * Laid out.
 */
pretty: string, 
/**
 * What follows the place of an error.
 */
rest?: string, 
/**
 * The error.
 */
problem?: Problem | null, };

/**
 * A place in a document.
 */
export type JsonSpot = { 
/**
 * Like `$.items[3].price`.
 */
path: string, 
/**
 * What stands there, as JSON, cut where it is long.
 */
value: string, };

/**
 * Languages that text is written in.
 */
export type Language = "plain" | "html" | "xml" | "javaScript" | "css" | "yaml" | "graphQl" | "markdown" | "csv";

/**
 * A program of this machine that takes connections.
 */
export type Listener = { 
/**
 * Its port.
 */
port: number, 
/**
 * The program's name.
 */
program: string, 
/**
 * Its process.
 */
pid: number, };

/**
 * What marks the requests.
 */
export type MarkWish = { "kind": "header", 
/**
 * Its name.
 */
name: string, 
/**
 * Its value; any without one.
 */
value: string | null, } | { "kind": "baggage", 
/**
 * Its key.
 */
key: string, 
/**
 * Its value; any without one.
 */
value: string | null, } | { "kind": "all" };

/**
 * Why a request is not an intercept's. Parts are asked in this order; the first that does not fit is the reason.
 */
export type Miss = "absent" | "otherValue" | "otherPath" | "otherMethod" | "taken";

/**
 * One request that did not arrive.
 */
export type MissExample = { 
/**
 * When it came, by the laptop's clock: microseconds since 1970.
 */
at: number, 
/**
 * The caller's address.
 */
address: string, 
/**
 * The method.
 */
method: string, 
/**
 * Path and query.
 */
uri: string, 
/**
 * The beginning of what stood in the value's place.
 */
found?: string, 
/**
 * The status the original pods answered with; 0 where they did not.
 */
status: number, };

/**
 * Requests that did not arrive for one reason.
 */
export type MissReason = { 
/**
 * The reason.
 */
why: Miss, 
/**
 * How many there were.
 */
count: number, 
/**
 * The last of them, newest first.
 */
examples: Array<MissExample>, };

/**
 * A mock that is switched on.
 */
export type MockView = { 
/**
 * Its number.
 */
number: number, 
/**
 * For which requests.
 */
filter: string, 
/**
 * The status.
 */
status: number, 
/**
 * How many requests it has answered.
 */
answered: number, };

/**
 * An answer to give in place of the local program.
 */
export type MockWish = { 
/**
 * For which requests, in the filter language; fields of a request's head only.
 */
filter: string, 
/**
 * The status.
 */
status: number, 
/**
 * Its headers; those that frame a message are added.
 */
headers: Array<EditableHeader>, 
/**
 * The body.
 */
body: string, 
/**
 * Milliseconds that pass before the answer.
 */
delayMs: number, };

/**
 * Microseconds since 1970 UTC.
 */
export type Moment = number;

/**
 * What a message is.
 */
export type Opcode = "text" | "binary" | "close" | "ping" | "pong";

/**
 * How an exchange ended.
 */
export type Outcome = { "kind": "inFlight" } | { "kind": "answered" } | { "kind": "mocked" } | { "kind": "fellBack", 
/**
 * Why.
 */
why: string, } | { "kind": "answeredByCluster" } | { "kind": "reset", 
/**
 * By whom.
 */
by: Side, } | { "kind": "timedOut" } | { "kind": "failed", 
/**
 * Why.
 */
why: string, } | { "kind": "imported" };

/**
 * Who holds an intercept.
 */
export type Owner = { 
/**
 * The user's name on the laptop, or as set.
 */
user: string, 
/**
 * The laptop's host name.
 */
host: string, };

/**
 * One thing on both sides.
 */
export type Pair<T> = { 
/**
 * In the first answer.
 */
left: T, 
/**
 * In the second answer.
 */
right: T, };

/**
 * Where a session stands.
 */
export type Phase = { "phase": "planning" } | { "phase": "applying" } | { "phase": "active" } | { "phase": "reconnecting" } | { "phase": "displaced", 
/**
 * Who, from managedFields.
 */
by: string, } | { "phase": "closing", 
/**
 * Why.
 */
why: CloseReason, } | { "phase": "closed" };

/**
 * Where in which cluster, and through which intercept.
 */
export type Place = { 
/**
 * The kubeconfig's context.
 */
context: string, 
/**
 * The Service's namespace.
 */
namespace: string, 
/**
 * The Service.
 */
service: string, 
/**
 * The Service's port.
 */
port: number, 
/**
 * The intercept's id; empty for what was imported.
 */
intercept: string, };

/**
 * What would be done.
 */
export type PlanView = { 
/**
 * Which kind of change it is.
 */
way: Way, 
/**
 * What will be true afterwards, in a sentence.
 */
sentence: string, 
/**
 * In their order.
 */
steps: Array<PlannedStep>, 
/**
 * What changes in the cluster, line by line: `+`, `-` or `~` and a space in front of what is added, removed, changed.
 */
diff: Array<string>, 
/**
 * What was looked at beforehand.
 */
checks: Array<Check>, 
/**
 * Whether nothing stands against it.
 */
isPossible: boolean, 
/**
 * A command that sends one request that fits, from inside of the cluster.
 */
curl: string, 
/**
 * Whether what an earlier intercept left is removed first.
 */
removesResidue: boolean, };

/**
 * A step of a plan.
 */
export type PlannedStep = { 
/**
 * What is done.
 */
sentence: string, 
/**
 * How it is undone.
 */
undo: string, 
/**
 * Steps of one stage run at the same time.
 */
stage: number, };

/**
 * What is spoken on a port.
 */
export type PortProtocol = "http" | "tcp";

/**
 * A port of a Service.
 */
export type PortSummary = { 
/**
 * Its name, if it has one.
 */
name: string | null, 
/**
 * Its number.
 */
port: number, 
/**
 * The pods' port: a number or a name.
 */
target: string, 
/**
 * `TCP`, `UDP` or `SCTP`.
 */
protocol: string, 
/**
 * What the Service says is spoken there.
 */
appProtocol: string | null, };

/**
 * Where something stands: in the text or, where there is none, in the bytes that were being read.
 */
export type Position = { 
/**
 * Bytes before it.
 */
byte: number, 
/**
 * Counted from 1.
 */
line?: number | null, 
/**
 * In characters, counted from 1.
 */
column?: number | null, };

/**
 * What the user prefers. What a newer version knows beside this is kept.
 */
export type Preferences = { 
/**
 * Light, dark, or as the system has it.
 */
theme: Theme, 
/**
 * Contexts where mistakes hurt.
 */
productionContexts: Array<string>, 
/**
 * The context that was shown last.
 */
lastContext: string | null, 
/**
 * Namespaces shown last, by context; all where a context is not among them.
 */
namespaces: { [key in string]: string }, 
/**
 * Favourite Services: `context/namespace/service`.
 */
favourites: Array<string>, 
/**
 * Intercepts to start again, the newest first.
 */
recent: Array<InterceptWish>, 
/**
 * Filters of requests that were saved.
 */
savedFilters: Array<string>, 
/**
 * Whether health checks are left out of the list of requests.
 */
hidesHealthChecks: boolean, 
/**
 * How much of requests is recorded, unless said otherwise.
 */
recording: RecordingLevel, 
/**
 * How many bytes of requests are kept.
 */
keptBytes: number, 
/**
 * How many requests are kept.
 */
keptRequests: number, 
/**
 * Header names whose values are covered beside the usual ones.
 */
coveredHeaders: Array<string>, 
/**
 * The header that marks requests, unless said otherwise.
 */
defaultHeader: string, 
/**
 * And its value.
 */
defaultValue: string, 
/**
 * The proxy's image, rather than the stock one.
 */
proxyImage: string | null, 
/**
 * The image to take the agent from, where programs from ConfigMaps may not be run.
 */
agentImage: string | null, 
/**
 * Names of Secrets for pulling images.
 */
pullSecrets: Array<string>, 
/**
 * Whether closing the window keeps the program running.
 */
closesToTray: boolean, 
/**
 * Whether the program starts with the user's login.
 */
startsAtLogin: boolean, 
/**
 * Whether notifications are shown.
 */
notifies: boolean, 
/**
 * The keys that stop everything from anywhere; none where empty.
 */
stopAllShortcut: string, 
/**
 * Whether the first start was gone through.
 */
hasSeenFirstStart: boolean, };

/**
 * The whole way.
 */
export type ProbeReport = { 
/**
 * Every place, in order.
 */
hops: Array<Hop>, 
/**
 * The first place that was not passed; absent where a request arrives.
 */
stoppedAt?: HopPlace | null, };

/**
 * Why not all was read.
 */
export type Problem = { 
/**
 * What sort it is.
 */
kind: ProblemKind, 
/**
 * What was tried and what stood in the way.
 */
text: string, 
/**
 * Where.
 */
at?: Position | null, };

/**
 * Sorts of problems.
 */
export type ProblemKind = "cut" | "limit" | "malformed" | "unsupported";

/**
 * A field with its number.
 */
export type ProtoField = { 
/**
 * Its number in the schema.
 */
number: number, 
/**
 * Where it begins, within the message that was read.
 */
offset: number, 
/**
 * What it may mean.
 */
value: ProtoValue, };

/**
 * Numbers are texts: not every reader keeps 64 bits of a number.
 */
export type ProtoValue = { "kind": "varint", 
/**
 * As uint64.
 */
unsigned: string, 
/**
 * As sint64.
 */
zigzag: string, 
/**
 * As int64, where that differs.
 */
signed?: string | null, } | { "kind": "fixed64", 
/**
 * As fixed64.
 */
unsigned: string, 
/**
 * As double.
 */
float: string, } | { "kind": "fixed32", 
/**
 * As fixed32.
 */
unsigned: string, 
/**
 * As float.
 */
float: string, } | { "kind": "text", 
/**
 * The text.
 */
text: string, } | { "kind": "message", 
/**
 * Its fields.
 */
fields: Array<ProtoField>, } | { "kind": "packed", 
/**
 * The numbers, as uint64.
 */
values: Array<string>, } | { "kind": "group", 
/**
 * Its fields.
 */
fields: Array<ProtoField>, } | { "kind": "bytes", 
/**
 * The digits, of the first bytes.
 */
hex: string, 
/**
 * How many bytes there are.
 */
size: number, };

/**
 * How an exchange was spoken.
 */
export type Protocol = "HTTP/1.0" | "HTTP/1.1" | "HTTP/2" | "bytes";

/**
 * How much of what passes is recorded.
 */
export type RecordingLevel = "nothing" | "heads" | "bodies";

/**
 * A connection to one proxy pod.
 */
export type Relay = { 
/**
 * The pod.
 */
pod: string, 
/**
 * Whether requests can come through it.
 */
isOpen: boolean, 
/**
 * In words, where it is not.
 */
why: string | null, };

/**
 * What came of a replay.
 */
export type ReplayAnswer = { 
/**
 * The local program's, then the original pods', as far as they were asked.
 */
answers: Array<RequestDetail>, 
/**
 * How they differ: the local program's at the left.
 */
difference: Difference | null, };

/**
 * Who answers a replay.
 */
export type ReplayTo = "laptop" | "cluster" | "both";

/**
 * Send a recorded request again.
 */
export type ReplayWish = { 
/**
 * Which.
 */
id: ExchangeId, 
/**
 * To whom.
 */
to: ReplayTo, 
/**
 * Changed like this; as it was without.
 */
edited: EditedRequest | null, 
/**
 * Where the local program is, where no intercept of the Service says so.
 */
target: string | null, 
/**
 * Somebody agreed to send a method that may change something.
 */
isAgreed: boolean, };

/**
 * A body for showing or saving: content codings undone.
 */
export type RequestBody = { 
/**
 * Its bytes.
 */
base64: string, 
/**
 * Its media type.
 */
mediaType: string | null, 
/**
 * Whether nothing is missing.
 */
isWhole: boolean, };

/**
 * What is new since the last of these.
 */
export type RequestChanges = { 
/**
 * New ones, and those that changed, in the order of writing.
 */
summaries: Array<Summary>, 
/**
 * What was not recorded.
 */
gaps: Array<Gap>, };

/**
 * How many a filter finds.
 */
export type RequestCount = { 
/**
 * So many.
 */
found: number, 
/**
 * Of so many.
 */
all: number, };

/**
 * Everything there is to see of one request.
 */
export type RequestDetail = { 
/**
 * It, with secrets covered unless asked otherwise.
 */
exchange: Exchange, 
/**
 * As lists show it.
 */
summary: Summary, 
/**
 * What its body says.
 */
request: Decoded, 
/**
 * What the answer's body says.
 */
response: Decoded | null, 
/**
 * What is covered.
 */
hidden: Array<Hidden>, 
/**
 * Replays of it, the newest first.
 */
replays: Array<Summary>, };

/**
 * A part of what a filter finds, the newest first.
 */
export type RequestPage = { 
/**
 * The newest first.
 */
summaries: Array<Summary>, 
/**
 * Where the next page begins; nothing where this is the last one.
 */
next: Cursor | null, 
/**
 * What was not recorded within it.
 */
gaps: Array<Gap>, 
/**
 * How the store stood: where following begins.
 */
version: Version, 
/**
 * How long it took.
 */
tookMs: number, };

/**
 * Requests, written down.
 */
export type RequestText = { 
/**
 * Them.
 */
text: string, 
/**
 * How many.
 */
count: number, 
/**
 * How many of them have something covered.
 */
covered: number, };

/**
 * Requests that something is to be done with.
 */
export type Selection = { "kind": "ids", 
/**
 * Their numbers.
 */
ids: Array<ExchangeId>, } | { "kind": "filter", 
/**
 * In the filter language.
 */
filter: string, };

/**
 * One of them.
 */
export type ServerEvent = { 
/**
 * What it is.
 */
kind: EventKind, 
/**
 * Where it begins.
 */
offset: number, 
/**
 * When its end came, in microseconds after the exchange began.
 */
at?: number | null, 
/**
 * Its `id`.
 */
id?: string | null, 
/**
 * Its `event`; clients take a missing one for `message`.
 */
event?: string | null, 
/**
 * Milliseconds after which to connect again.
 */
retry?: number | null, 
/**
 * Its data, or the comment.
 */
data: string, };

/**
 * A Service, as listed.
 */
export type ServiceSummary = { 
/**
 * Its namespace.
 */
namespace: string, 
/**
 * Its name.
 */
name: string, 
/**
 * `ClusterIP`, `Headless`, `NodePort`, `LoadBalancer` or `ExternalName`.
 */
kind: string, 
/**
 * Its address, unless it has none.
 */
clusterIp: string | null, 
/**
 * Its ports.
 */
ports: Array<PortSummary>, 
/**
 * What runs the pods it selects, or selected before it was intercepted.
 */
workload: WorkloadSummary | null, 
/**
 * How many of these pods are ready.
 */
ready: number, 
/**
 * Everybody's intercepts on it, oldest first.
 */
intercepts: Array<InterceptSummary>, 
/**
 * Why it cannot be intercepted, as far as the Service itself shows it.
 */
obstacle: string | null, };

/**
 * What changed among the watched Services.
 */
export type ServicesChange = { 
/**
 * The context they are of.
 */
context: string, 
/**
 * The namespace that is watched, or all; not always the one asked for, where rights are missing.
 */
namespace: string | null, 
/**
 * Whether this is how things are.
 */
connection: Connection, 
/**
 * Whether these are all of them; otherwise the others are as they were.
 */
isWhole: boolean, 
/**
 * New or changed, by namespace and name.
 */
changed: Array<ServiceSummary>, 
/**
 * Gone: namespace and name.
 */
removed: Array<[string, string]>, 
/**
 * What is missing and why, in sentences.
 */
notes: Array<string>, };

/**
 * Names the intercepts that one running program holds.
 */
export type SessionId = string;

/**
 * Who cut an exchange off.
 */
export type Side = "caller" | "program";

/**
 * Why a side closed.
 */
export type SocketClose = { 
/**
 * As sent.
 */
code: number, 
/**
 * What the code is called.
 */
name?: string | null, 
/**
 * What the program says to it.
 */
reason: string, };

/**
 * One message, put together from its frames.
 */
export type SocketMessage = { 
/**
 * Who said it.
 */
from: BodyHalf, 
/**
 * Where its first frame begins, in what this side said.
 */
offset: number, 
/**
 * When its end came, in microseconds after the exchange began.
 */
at?: number | null, 
/**
 * What it is.
 */
opcode: Opcode, 
/**
 * In how many frames it came.
 */
frames: number, 
/**
 * Whether it was compressed.
 */
compressed: boolean, 
/**
 * Whether its end is there.
 */
complete: boolean, 
/**
 * What it closes with.
 */
close?: SocketClose | null, 
/**
 * What it says.
 */
content: Decoded, };

/**
 * Who asked.
 */
export type Source = { 
/**
 * The caller's address as the proxy saw it.
 */
address: string, 
/**
 * The pod that has this address.
 */
pod?: string | null, };

/**
 * A part of a text that was typed, in UTF-16 units as the window counts.
 */
export type Spot = { 
/**
 * Where it begins.
 */
at: number, 
/**
 * How long it is; it may be empty, at the end.
 */
length: number, };

/**
 * How far a step is.
 */
export type StepState = "waiting" | "running" | "done";

/**
 * A step of the plan being carried out.
 */
export type StepView = { 
/**
 * What is done.
 */
sentence: string, 
/**
 * How far it is.
 */
state: StepState, 
/**
 * How long it took.
 */
tookMs: number | null, };

/**
 * How full the store is.
 */
export type StoreUsage = { 
/**
 * So many bytes.
 */
bytes: number, 
/**
 * Of so many.
 */
mostBytes: number, 
/**
 * So many requests.
 */
count: number, 
/**
 * Of so many.
 */
mostCount: number, 
/**
 * Whether recording is paused.
 */
isPaused: boolean, };

/**
 * What a list shows of an exchange.
 */
export type Summary = { 
/**
 * Its number.
 */
id: ExchangeId, 
/**
 * When it began.
 */
began: Moment, 
/**
 * Whose request it was.
 */
place: Place, 
/**
 * How it was spoken.
 */
protocol: Protocol, 
/**
 * Who asked.
 */
source?: Source | null, 
/**
 * The method.
 */
method: string, 
/**
 * The target, cut to what a list can show.
 */
target: string, 
/**
 * The host.
 */
host: string, 
/**
 * The status.
 */
status?: number | null, 
/**
 * The answer's media type.
 */
mediaType?: string | null, 
/**
 * Bytes of the request's body.
 */
requestSize: number, 
/**
 * Bytes of the answer's body.
 */
responseSize: number, 
/**
 * Microseconds from first to last byte.
 */
took?: number | null, 
/**
 * How it ended.
 */
outcome: Outcome, 
/**
 * What sets it apart.
 */
tags: Tags, };

/**
 * What sets an exchange apart.
 */
export type Tags = { 
/**
 * Never removed to make room.
 */
pinned: boolean, 
/**
 * The exchange that it repeats.
 */
replayOf?: ExchangeId | null, 
/**
 * It differs from what it repeats.
 */
edited: boolean, };

/**
 * Whether something takes connections at a target.
 */
export type TargetCheck = { 
/**
 * As it is understood.
 */
target: string, 
/**
 * Whether a connection came about.
 */
isListening: boolean, 
/**
 * Why not; nothing where it did.
 */
why: string | null, 
/**
 * How long it took.
 */
tookMs: number, };

/**
 * Bytes as they passed. Written as a string where they are UTF-8, so that people can read them.
 */
export type Text = string | { base64: string };

/**
 * Light, dark, or as the system has it.
 */
export type Theme = "system" | "light" | "dark";

/**
 * Something that happened.
 */
export type TimelineEntry = { 
/**
 * When: milliseconds since 1970 UTC.
 */
at: number, 
/**
 * Of which sort.
 */
what: TimelineKind, 
/**
 * The intercept it is about.
 */
key: number | null, 
/**
 * In one sentence.
 */
sentence: string, };

/**
 * Sorts of what happens.
 */
export type TimelineKind = "good" | "notice" | "bad";

/**
 * Microseconds after [`Exchange::began`]; absent what did not happen or is not known.
 */
export type Times = { 
/**
 * When the proxy in the cluster received it: negative, since the laptop is later. The clocks of both are compared, so
 * it is as good as that comparison.
 */
proxy?: number | null, 
/**
 * How long connecting to the local program took; absent where a connection was there.
 */
connect?: number | null, 
/**
 * When the request's last byte passed.
 */
sent?: number | null, 
/**
 * When the answer's first byte passed.
 */
firstByte?: number | null, 
/**
 * When the answer's last byte passed.
 */
lastByte?: number | null, };

/**
 * What was told within one second.
 */
export type TrafficSecond = { 
/**
 * Fitted.
 */
matched: number, 
/**
 * Of them, answered by the original pods.
 */
fellBack: number, 
/**
 * Did not fit.
 */
unmatched: number, 
/**
 * Not told one by one.
 */
unseen: number, };

/**
 * Requests of one kind and another.
 */
export type TrafficSums = { 
/**
 * Fitted the rule and went to the laptop, or fell back.
 */
matched: number, 
/**
 * Those of them that the original pods answered.
 */
fellBack: number, 
/**
 * Did not fit.
 */
unmatched: number, 
/**
 * Passed without being told one by one, under heavy load. They may be of any kind.
 */
unseen: number, 
/**
 * Rows of matched requests that were not told.
 */
dropped: number, };

/**
 * What is to be shown.
 */
export type TrafficView = { 
/**
 * Since the intercept began.
 */
sums: TrafficSums, 
/**
 * The last five minutes by the second, the newest last; as many as there were.
 */
seconds: Array<TrafficSecond>, 
/**
 * Why requests did not arrive, without the reasons that there were none of.
 */
reasons: Array<MissReason>, 
/**
 * Who called, the last one first.
 */
callers: Array<Caller>, 
/**
 * Set while callers may still hold connections to the original pods from before the switch: for how many seconds it
 * has stood. Nobody can see such connections from here, so this is a possibility and no finding.
 */
mayBeKeptAlive?: number | null, };

/**
 * Up to where somebody has seen the store. Grows with every write.
 */
export type Version = number;

/**
 * Which kind of change a plan is.
 */
export type Way = "engage" | "join" | "takeOver" | "alreadyHeld" | "impossible";

/**
 * What runs pods.
 */
export type WorkloadSummary = { 
/**
 * `Deployment`, `StatefulSet` or `DaemonSet`.
 */
kind: string, 
/**
 * Its name.
 */
name: string, };

/** Every command of the program: what it takes and what it answers. */
export interface Commands {
  /** Version, preferences and what has happened so far: what a window needs first. */
  hello: { takes: {  }; answers: Hello };
  /** The contexts of the kubeconfig, read afresh. Contacts no cluster. */
  list_contexts: { takes: {  }; answers: Array<Context> };
  /** Starts the sandbox inside the program; from then on its context is the only one. */
  try_sandbox: { takes: {  }; answers: null };
  /** Marks a context as one where mistakes hurt, or not. */
  mark_context: { takes: { context: string; isProduction: boolean }; answers: null };
  /** Connects and watches Services; changes come as events. In all namespaces where none is named. Answers when they are known. */
  watch_services: { takes: { context: string; namespace: string | null }; answers: ServicesChange };
  /** The namespaces of a context, as far as they may be listed. */
  list_namespaces: { takes: { context: string }; answers: Array<string> };
  /** Programs of this machine that take connections. */
  list_listeners: { takes: {  }; answers: Array<Listener> };
  /** Whether something takes connections at a target. */
  check_target: { takes: { target: string }; answers: TargetCheck };
  /** What an intercept would change. Reads only. */
  plan_intercept: { takes: { wish: InterceptWish }; answers: PlanView };
  /** Opens an intercept; how it goes comes as events. Answers its key. */
  open_intercept: { takes: { wish: InterceptWish }; answers: number };
  /** Tells an intercept to end, and waits until it has. */
  stop_intercept: { takes: { key: number }; answers: null };
  /** Ends all intercepts of this program, and waits until they have. */
  stop_all: { takes: {  }; answers: null };
  /** Forgets an intercept that has ended. */
  dismiss_intercept: { takes: { key: number }; answers: null };
  /** Takes out an intercept that somebody else or another program left. */
  close_others_intercept: { takes: { context: string; namespace: string; service: string; id: string }; answers: null };
  /** Records so much of what an intercept brings from now on. */
  change_recording: { takes: { key: number; level: RecordingLevel }; answers: null };
  /** Records nothing for a while, or goes on. */
  pause_recording: { takes: { isPaused: boolean }; answers: null };
  /** Sends one request through the Service and says how far it came. */
  probe_intercept: { takes: { key: number }; answers: ProbeReport };
  /** What a filter finds, the newest first. */
  find_requests: { takes: { filter: string; before: Cursor | null; limit: number }; answers: RequestPage };
  /** How many a filter finds. */
  count_requests: { takes: { filter: string }; answers: RequestCount };
  /** Tells what is new since a version and fits a filter, as events with the number that this answers. The last one to follow is told. */
  follow_requests: { takes: { filter: string; since: Version }; answers: number };
  /** How full the store of requests is. */
  requests_usage: { takes: {  }; answers: StoreUsage };
  /** Everything there is to see of one request; secrets only where they are asked for. */
  get_request: { takes: { id: ExchangeId; reveal: boolean }; answers: RequestDetail };
  /** A body, for showing a picture or saving. */
  request_body: { takes: { id: ExchangeId; half: BodyHalf }; answers: RequestBody };
  /** A request as it can be edited and sent again. */
  editable_request: { takes: { id: ExchangeId }; answers: EditedRequest };
  /** Sends a recorded request again. */
  replay_request: { takes: { replay: ReplayWish }; answers: ReplayAnswer };
  /** How the answers of two requests differ. */
  compare_requests: { takes: { left: ExchangeId; right: ExchangeId }; answers: Difference };
  /** Keeps requests when room is made, or no longer. */
  pin_requests: { takes: { ids: Array<ExchangeId>; isPinned: boolean }; answers: null };
  /** Removes requests. Answers how many. */
  delete_requests: { takes: { selection: Selection }; answers: number };
  /** Requests, written down; secrets only where they are asked for. */
  write_requests: { takes: { selection: Selection; format: ExportFormat; reveal: boolean }; answers: RequestText };
  /** Requests, written to a file; secrets only where they are asked for. Answers how many. */
  save_requests: { takes: { selection: Selection; format: ExportFormat; reveal: boolean; path: string }; answers: number };
  /** Records what a HAR file holds. Answers how many. */
  import_requests: { takes: { path: string }; answers: number };
  /** The mocks that are switched on. */
  list_mocks: { takes: {  }; answers: Array<MockView> };
  /** Switches a mock on. */
  add_mock: { takes: { mock: MockWish }; answers: Array<MockView> };
  /** Switches a mock off. */
  remove_mock: { takes: { number: number }; answers: Array<MockView> };
  /** Remembers what the user prefers. */
  set_preferences: { takes: { preferences: Preferences }; answers: null };
  /** What helps whoever looks into a problem: no secret, no body of a request. */
  diagnostics: { takes: {  }; answers: string };
}
