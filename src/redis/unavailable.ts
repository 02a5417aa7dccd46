/** Redis was not asked, did not answer in time, or could not do it. Its message holds no password. */
export class RedisUnavailable extends Error {
  override readonly name = 'RedisUnavailable';
}
