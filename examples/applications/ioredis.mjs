// ioredis: each connect, and each reconnect, reads the secret.
import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { Redis } from 'ioredis';

const secrets = new SecretsManagerClient({});

async function read(secretId) {
  const found = await secrets.send(new GetSecretValueCommand({ SecretId: secretId }));
  const { username, password } = JSON.parse(found.SecretString);
  return { username, password };
}

/** A client; options are those of ioredis, without `lazyConnect`. */
export async function connect(secretId, host, port = 6379, options = {}) {
  class Client extends Redis {
    async connect() {
      if (this.status !== 'reconnecting') this.disconnected = false;
      if (this.again) {
        // If the secret cannot be read now, the password that is known may do.
        Object.assign(this.options, await read(secretId).catch(() => undefined));
      }
      this.again = true;
      return this.disconnected ? undefined : super.connect();
    }

    disconnect(reconnect = false) {
      this.disconnected = !reconnect;
      super.disconnect(reconnect);
    }

    duplicate(override) {
      return new Client({ ...this.options, ...override });
    }
  }
  return new Client({ host, port, tls: {}, ...options, ...(await read(secretId)) });
}
