// node-redis: each connect, and each reconnect, reads the secret.
import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { createClient } from 'redis';

const secrets = new SecretsManagerClient({});

/** A connected client; `socket` has more options of the socket. */
export async function connect(secretId, host, port = 6379, socket = {}) {
  async function credentials() {
    const found = await secrets.send(new GetSecretValueCommand({ SecretId: secretId }));
    const { username, password } = JSON.parse(found.SecretString);
    return { username, password };
  }
  const client = createClient({
    socket: { host, port, tls: true, ...socket },
    credentialsProvider: { type: 'async-credentials-provider', credentials },
  });
  // Without a listener, an error ends the process. The client connects again by itself.
  client.on('error', (error) => console.error(`redis: ${error.message}`));
  return client.connect();
}
