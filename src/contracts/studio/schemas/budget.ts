import Type from 'typebox';
import { OrNull, success, time } from './envelope.ts';

/** The wire shape of what may be spent. Not in studio.md. */
export const budgetSchema = success(
  Type.Object(
    {
      month: Type.String({ description: 'The calendar month, in the server’s time zone.' }),
      unit: Type.Enum(['tokens', 'USD', 'CNY'], {
        description: 'Of the figures; `tokens` where nothing limits.',
      }),
      limit: OrNull(Type.Number({ description: 'What may be spent in a month; null where nothing limits.' })),
      spent: Type.Number(),
      reserved: Type.Number({ description: 'Set aside for calls on their way.' }),
      remaining: OrNull(Type.Number({ description: 'Null where nothing limits.' })),
      resets_at: time,
    },
    {
      examples: [
        {
          month: '2026-11',
          unit: 'USD',
          limit: 10,
          spent: 1.25,
          reserved: 0,
          remaining: 8.75,
          resets_at: '2026-12-01T00:00:00.000Z',
        },
      ],
    },
  ),
);
