import { administrator, password } from '../support/mortal-server.ts';
import { insist, request, think, type Person, type World } from './world.ts';

interface TokenBody {
  access_token: string;
}

/** Makes an account and logs in through both doors; until it is acknowledged, a registration is sent again. */
export async function makePerson(world: World, name: string): Promise<Person> {
  const body = { username: name, email: `${name}@example.com`, password };
  const headers = { 'idempotency-key': `register-${name}` };
  const made = await insist(world, `registering ${name}`, (life) =>
    request<{ id: number }>(life, 'POST', '/api/v1/auth/register', '', { body, headers }),
  );
  if (made.status !== 200) throw new Error(`${name} was not registered: ${JSON.stringify(made.body)}`);
  const token = await logIn(world, name, '/api/v1/auth/token');
  return { id: made.body.id, name, token, companionToken: await logIn(world, name, '/api/v1/login') };
}

/** People who come, log in, and half of whom log out again: whose logout was acknowledged is never let in again. */
export async function runLoginClient(world: World): Promise<void> {
  const { records, chance } = world;
  for (let count = 1; world.isRunning(); count++) {
    const { name, token } = await makePerson(world, `visitor${count}`);
    const revoked: { acknowledged: boolean | undefined; asked: boolean | undefined } = {
      acknowledged: undefined,
      asked: undefined,
    };
    records.logins.push({ user: name, token, revoked });
    if (chance.percent(50)) {
      revoked.asked = true;
      await insist(world, `logging out ${name}`, (life) => request(life, 'POST', '/api/v1/logout', token));
      revoked.acknowledged = true;
    }
    for (let pauses = 0; pauses < 20; pauses++) await think(world);
  }
}

async function logIn(world: World, name: string, path: string): Promise<string> {
  const body = { username: name, password };
  const told = await insist(world, `logging in ${name}`, (life) =>
    request<TokenBody>(life, 'POST', path, '', { body }),
  );
  if (told.status !== 200) throw new Error(`${name} was not let in: ${JSON.stringify(told.body)}`);
  return told.body.access_token;
}

/** The token of the administrator of the first start. */
export function logInAdministrator(world: World): Promise<string> {
  return logIn(world, administrator, '/api/v1/auth/token');
}
