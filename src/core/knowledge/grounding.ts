import type { Citation } from '../../storage/messages.ts';

/** What the knowledge base has to say to a question. */
export interface Grounding {
  /** For the model, beside the system prompt: the passages, numbered, and how to cite them. */
  text: string;
  /** All the passages in `text`. */
  sources: Citation[];
}

/** Finds what a real model should know before it answers. */
export interface Ground {
  /** Null where nothing in the knowledge base is about the question. */
  (question: string): Grounding | null;
}
