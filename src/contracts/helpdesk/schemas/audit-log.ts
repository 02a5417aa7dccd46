import Type, { type Static } from 'typebox';
import { OrNull, pageQuery, success, time } from './envelope.ts';

const name = { minLength: 1, maxLength: 100 };

export const auditQuerySchema = Type.Object({
  ...pageQuery,
  offset: Type.Integer({
    minimum: 0,
    maximum: 10_000,
    default: 0,
    description: 'For what is further back, ask for what is older, with `to`.',
  }),
  actor_id: Type.Optional(
    Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER, description: '0: nobody with an account.' }),
  ),
  action: Type.Optional(Type.String({ ...name, description: 'Such as `user.create`.' })),
  target_type: Type.Optional(Type.String({ ...name, description: 'Such as `user`.' })),
  target_id: Type.Optional(Type.String({ ...name, description: 'Only together with `target_type`.' })),
  from: Type.Optional(time),
  to: Type.Optional(time),
});
export type AuditQuery = Static<typeof auditQuerySchema>;

export const auditLogSchema = success(
  Type.Object({
    entries: Type.Array(
      Type.Object({
        id: Type.Integer(),
        at: time,
        actor: Type.Object(
          { id: Type.Integer(), name: Type.String() },
          {
            description:
              'Who did it, with the name of that time; the id 0 is `command line` or `Parley` itself.',
          },
        ),
        ip: OrNull(Type.String()),
        action: Type.String(),
        target: Type.Object({ type: Type.String(), id: OrNull(Type.String()) }),
        details: OrNull(Type.Record(Type.String(), Type.Unknown())),
      }),
      { description: 'Newest first.' },
    ),
    total: Type.Integer({ description: 'Counted up to 10,000.' }),
    has_more: Type.Boolean(),
  }),
);
