import type { Capability } from './catalogue.ts';
import type { Message, Part } from './messages.ts';

/** What a model must be able to do for a request beside chatting. */
export interface Need {
  capability: Extract<Capability, 'vision' | 'video'>;
  /** The first part that wants it, as a dotted path of the request. */
  field: string;
}

/** Each capability once; most requests need none. */
export type Needs = readonly Need[];

export const noNeeds: Needs = [];

const capabilityFor = { image: 'vision', video: 'video' } as const;

/** What the messages of a request ask of a model; `field` is the path of their list. */
export function needsOf(messages: readonly Pick<Message, 'content'>[], field = 'messages'): Needs {
  let needs = noNeeds;
  for (let index = 0; index < messages.length; index++) {
    const content = messages[index]?.content;
    if (typeof content === 'object' && content !== null) {
      needs = needsOfParts(content, `${field}.${index}.content`, needs);
    }
  }
  return needs;
}

/** What the parts of one message ask of a model, beside what is known to be needed; `field` is the path of their list. */
export function needsOfParts(
  parts: readonly Pick<Part, 'type'>[] | null | undefined,
  field = 'content',
  known: Needs = noNeeds,
): Needs {
  let needs = known;
  for (const [index, { type }] of (parts ?? []).entries()) {
    if (type !== 'image' && type !== 'video') continue;
    const capability = capabilityFor[type];
    if (needs.some((need) => need.capability === capability)) continue;
    needs = [...needs, { capability, field: `${field}.${index}` }];
  }
  return needs;
}
