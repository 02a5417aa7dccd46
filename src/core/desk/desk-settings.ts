/** What administrators set for the helpdesk while it runs. */
export interface DeskSettings {
  /** `manual`: agents take what waits. `round_robin`: what waits goes to the one of those online, with room, who was given something longest ago. */
  assignment: 'manual' | 'round_robin';
  /** Open conversations of one agent at once, where the agent has no capacity of one's own; 1 to 1000. */
  capacity: number;
  /** When the AI hands over to a person by itself; in conversations of the helpdesk only. */
  handoff: {
    /** When the guest asks for one, in English or Chinese. */
    onRequest: boolean;
    /** When it does not know the answer. */
    onUnknown: boolean;
    /** When no provider answers. */
    onFailure: boolean;
  };
  /** How long a guest's burst of messages may pause before the AI answers all of it, in milliseconds; 0 to 10,000. */
  burstMs: number;
  /** What the helpdesk's AI is told of its task; null for Parley's own words. */
  systemPrompt: string | null;
  /** The model that answers guests; null for the configured default. */
  model: string | null;
}

export const defaultDeskSettings: DeskSettings = {
  assignment: 'manual',
  capacity: 10,
  handoff: { onRequest: true, onUnknown: true, onFailure: true },
  burstMs: 300,
  systemPrompt: null,
  model: null,
};
