// Keeps the Node.js clients of examples/applications busy until its standard input ends, and says
// how they fared. Arguments: the secret, a host, its port.
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import * as ioredis from './ioredis.mjs';
import * as nodeRedis from './node_redis.mjs';

const [secretId, host, port] = process.argv.slice(2);
const ca = readFileSync(process.env.LOCAL_CA_FILE);
console.error = () => {}; // a connection that is killed is no news here
const libraries = {
  ioredis: {
    connect: () => ioredis.connect(secretId, host, Number(port), { tls: { ca } }),
    send: (client, command) => client.call(...command),
    gone: 'close',
    end: (client) => client.disconnect(),
  },
  node_redis: {
    connect: () => nodeRedis.connect(secretId, host, Number(port), { ca }),
    send: (client, command) => client.sendCommand(command),
    gone: 'error',
    end: (client) => client.destroy(),
  },
};
const found = {};
let ended = false;
process.stdin.resume().on('end', () => (ended = true));

async function work({ connect, send, gone, end }) {
  const [still, anew] = [await connect(), await connect()];
  const [one, many, errors] = [new Set(), new Set(), []];
  while (!ended) {
    try {
      one.add(await send(still, ['CLIENT', 'ID']));
      const id = await send(anew, ['CLIENT', 'ID']);
      many.add(id);
      const closed = once(anew, gone);
      await send(still, ['CLIENT', 'KILL', 'ID', String(id)]);
      await closed;
    } catch (error) {
      errors.push(error.message);
      await setTimeout(100);
    }
  }
  [still, anew].forEach(end);
  return { open: one.size, connections: many.size, errors };
}

await Promise.all(
  Object.entries(libraries).map(async ([name, library]) => (found[name] = await work(library))),
);
process.stdout.write(JSON.stringify(found), () => process.exit());
