import { SerializerSelector } from '@fastify/fast-json-stringify-compiler';

/**
 * Fastify's serializers, each compiled when it is first needed: every route has several, most of them for errors, and all at once
 * took a good part of the start and of the memory.
 */
export const lateSerializers: typeof SerializerSelector = () => {
  const select = SerializerSelector();
  return (externalSchemas, options) => {
    const compile = select(externalSchemas, options);
    return (route) => {
      let serialize: ReturnType<typeof compile> | undefined;
      return (payload) => (serialize ??= compile(route))(payload);
    };
  };
};
