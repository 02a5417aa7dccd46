export type RequestHeaders = Readonly<Record<string, string>>;

/** One stretch of closed-loop load: every connection sends its next request when the last answer is complete. */
export interface LoadPlan {
  /** Origin of the party, `http://127.0.0.1:<port>`. */
  origin: string;
  /** Where there are several paths, headers or bodies, there are as many of each or one; all connections together send them in turn. */
  path: string | readonly string[];
  headers: RequestHeaders | readonly RequestHeaders[];
  /** Empty: the requests are GETs. */
  bodies: readonly string[];
  connections: number;
  durationMs: number;
  /** The connections open one after the other over this time; the counted window begins at its end. */
  rampMs?: number;
  /** Ends the stretch early, after this many requests. */
  requests?: number;
  /** A body shorter than this is an error. */
  minBytes: number;
  /** A body with fewer `\n\n`-separated frames is an error; 0 for whole answers. */
  minFrames: number;
  /** What stands in the first read that counts as the answer's beginning; the body's first byte where there is none. */
  firstText?: string;
}

/** What the stretch showed. */
export interface LoadResult {
  /** Length of the counted window in seconds. */
  seconds: number;
  /** Good responses that ended inside the window. */
  responses: number;
  /** SSE frames of those responses. */
  frames: number;
  /** Good responses in all, those that ended while the connections drained included. */
  total: number;
  errors: number;
  /** The first error's text. */
  firstError?: string;
  p50Ms: number;
  p99Ms: number;
  /** From the request's last byte to the first byte of the answer's body, or to `firstText`. */
  firstByteP50Ms: number;
  firstByteP99Ms: number;
}
