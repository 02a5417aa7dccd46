import { eventually } from '../support/eventually.ts';
import type { Insisting } from '../support/insist.ts';
import { administrator, password } from '../support/mortal-server.ts';
import type { ParleyOptions } from '../support/parley.ts';
import { openRows, type Rows } from '../support/rows.ts';
import { startBalancer, type Balancer } from './balancer.ts';
import { createNode, type ClusterNode } from './cluster-node.ts';
import { createExcuses, type Excuses } from './excuses.ts';

type Server = Insisting['server'];

/** Two nodes behind a balancer. To clients it is one server, at one address, that lives on whatever becomes of one node. */
export interface Cluster extends Server, Pick<Excuses, 'excusing' | 'excusingSockets'> {
  one: ClusterNode;
  two: ClusterNode;
  balancer: Balancer;
  /** Where the database really is. */
  databaseUrl: string;
  rows: Rows;
  other(node: ClusterNode): ClusterNode;
  /** The same server for one who comes to `node` first, and through the balancer from then on. */
  firstAt(node: ClusterNode): Server;
  /** The same server for one who comes to `node` as long as it is ready. */
  mostlyAt(node: ClusterNode): Server;
  /** Resolves when the balancer uses the node, or does not. */
  untilUsed(node: ClusterNode, isUsed?: boolean): Promise<void>;
  close(): Promise<void>;
}

export interface ClusterParts {
  vendorUrl: string;
  databaseUrl: string;
  redisUrl: string;
  /** What all its keys in Redis begin with. */
  redisPrefix: string;
  env?: Record<string, string>;
  yaml?: ParleyOptions['yaml'];
}

/** Starts two nodes at once over an empty database; resolves when the balancer uses both. */
export async function startCluster(parts: ClusterParts): Promise<Cluster> {
  const { databaseUrl, redisUrl } = parts;
  const options = optionsOf(parts);
  const [one, two] = await Promise.all([
    createNode({ name: 'one', options, databaseUrl, redisUrl }),
    createNode({ name: 'two', options, databaseUrl, redisUrl }),
  ]);
  const balancer = await startBalancer([one, two]);
  const rows = await openRows(databaseUrl);
  const excuses = createExcuses();
  const cluster: Cluster = {
    one,
    two,
    balancer,
    databaseUrl,
    rows,
    ...serversOf(balancer, excuses),
    other: (node) => (node === one ? two : one),
    untilUsed: (node, isUsed = true) =>
      eventually(() => (balancer.isUsed(node.name) === isUsed ? true : undefined)).then(() => {}),
    async close() {
      excuses.endAll();
      await balancer.close();
      await Promise.all([one.remove(), two.remove()]);
      await rows.close();
    },
  };
  try {
    await Promise.all([one, two].map((node) => node.launch()));
    await Promise.all([one, two].map((node) => cluster.untilUsed(node)));
  } catch (thrown) {
    await cluster.close();
    throw thrown;
  }
  return cluster;
}

/** The nodes as clients come to them. */
function serversOf(
  balancer: Balancer,
  { isAlive, isCalm, untilLiving, begin, excusing, excusingSockets }: Excuses,
): Server & Pick<Cluster, 'excusing' | 'excusingSockets' | 'firstAt' | 'mostlyAt'> {
  const at = (url: string) => begin({ number: 1, url, wsUrl: url.replace('http', 'ws') });
  const life = async () => {
    await untilLiving();
    return at(balancer.url);
  };
  return {
    life,
    isAlive,
    isCalm,
    excusing,
    excusingSockets,
    firstAt({ name }) {
      let hasCome = false;
      return {
        life() {
          if (hasCome) return life();
          hasCome = true;
          return Promise.resolve(at(balancer.doorTo(name)));
        },
        isAlive,
        isCalm,
      };
    },
    mostlyAt: ({ name }) => ({
      life: () => (balancer.isUsed(name) ? Promise.resolve(at(balancer.doorTo(name))) : life()),
      isAlive,
      isCalm,
    }),
  };
}

/** The vendor alone answers, and answers everything itself. */
function optionsOf({ vendorUrl, redisPrefix, env, yaml }: ClusterParts): ParleyOptions {
  return {
    env: {
      PARLEY_LOG_LEVEL: 'warn',
      PARLEY_FALLBACK: 'off',
      PARLEY_SECRET: 'a secret that all nodes share',
      PARLEY_ADMIN_EMAIL: administrator,
      PARLEY_ADMIN_PASSWORD: password,
      ...env,
    },
    // The balancer looks ten times a second.
    yaml: { cache: { enabled: false }, redis_prefix: redisPrefix, shutdown_delay: '500ms', ...yaml },
    openAi: vendorUrl,
    dashScope: vendorUrl,
  };
}
