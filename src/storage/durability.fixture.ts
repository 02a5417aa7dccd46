/**
 * A process that records calls as fast as it can in the store named by its argument, and prints the request id of each
 * as soon as it is acknowledged.
 */
import { newCall } from './sample-rows.fixture.ts';
import { openStorage } from './storage.ts';

const storage = await openStorage({ path: process.argv[2] ?? '' });
let next = 0;

async function client(): Promise<void> {
  for (;;) {
    const requestId = `r${process.pid}-${next++}`;
    await storage.apiCalls.record(newCall({ requestId }));
    process.stdout.write(`${requestId}\n`);
  }
}

for (let i = 0; i < 32; i++) void client();
