// Run by restart.test.ts: a controller with a proxy on which a command runs; it prints the command's process id and
// waits to be killed.
import ssh2 from 'ssh2';
import { generateHostKey } from '../../packages/controller/src/clouds/sandbox/host-key.ts';
import { SandboxCloud } from '../../packages/controller/src/clouds/sandbox/sandbox-cloud.ts';

const cloud = new SandboxCloud(JSON.parse(process.argv[2] as string));
const key = generateHostKey();
const facts = await cloud.findOrCreateInstance({
  clusterId: 'killed',
  clusterName: 'killed',
  instanceId: 'killed-proxy',
  name: 'killed-proxy-0',
  nodeGroup: { name: 'proxy', isProxy: true },
  authorizedKey: key.public,
});
const client = new ssh2.Client();
client.once('ready', () => {
  client.exec('echo $$; trap "" TERM HUP; while :; do sleep 1; done', (_error, channel) =>
    channel.pipe(process.stdout),
  );
});
client.connect({
  host: '127.0.0.1',
  port: facts.managementPort as number,
  username: 'wadi',
  privateKey: key.private,
  hostVerifier: (blob: Buffer) => blob.toString('base64') === facts.hostKeys[0]?.split(' ')[1],
});
