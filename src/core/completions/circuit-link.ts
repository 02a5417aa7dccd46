/**
 * What happens to a circuit on one node: a call failed, or succeeded after others had failed; it opened, for the first time or again; a probe
 * closed it.
 */
export type CircuitNews = 'failure' | 'success' | 'opened' | 'closed';

/** Joins the circuits that the nodes keep for one provider. News may be lost; a circuit that misses some finds out by itself. */
export interface CircuitLink {
  /** Tells the other nodes. */
  tell(news: CircuitNews): void;
  /** Calls `listener` for the news of each other node. */
  onNews(listener: (news: CircuitNews) => void): void;
  /**
   * Whether this node may probe: for `forMs` no other may. Where the nodes cannot be asked each probes by itself, so it is true then;
   * it never rejects.
   */
  claimProbe(forMs: number): Promise<boolean>;
}
