import { setTimeout as sleep } from 'node:timers/promises';
import type { Cluster, Instance, ProvisionStep, Run, RunTarget } from '@wadi/api';
import { ExampleClient, type ExampleClientOptions, ExampleError, refusal } from './example-client.ts';

export interface ExampleOptions extends ExampleClientOptions {
  /** Prints a line for the person who started the service. */
  readonly print: (line: string) => void;
}

const NAME = 'example';
const plugin = { plugin_name: 'bare', plugin_version: '1.0' };
/** The port of the page that every machine of the sandbox has. */
const PAGE_PORT = 8080;
/** Milliseconds until the cluster must be there. */
const deadline = 120_000;

/**
 * Creates the cluster `example`, unless it is there, and shows what Wadi is for: a command and a web page on every
 * machine, all by way of one. Uses nothing but the public API. Never throws: what goes wrong is printed, and the
 * service stays up.
 */
export async function showExample(options: ExampleOptions): Promise<void> {
  const { print, signal } = options;
  try {
    const client = new ExampleClient(options);
    const cluster = await waitUntilActive(client, await findOrCreateCluster(client, print), print);
    const { instances } = await client.get<{ instances: Instance[] }>(`/v2/clusters/${cluster.id}/instances`);
    const run = await runHostname(client, cluster.id);
    const rows = await Promise.all(instances.map((instance) => row(client, cluster.id, run, instance)));
    print('');
    for (const line of table([['MACHINE', 'ROUTE', '$ hostname', 'WEB PAGE'], ...rows])) print(line);
    print('');
    for (const line of whatNext(instances, options.url)) print(line);
  } catch (error) {
    if (signal.aborted) return;
    print(`The example did not work out: ${explain(error)}`);
    print('The service is up nevertheless; its log has more. The next start tries the example again.');
  }
}

async function findOrCreateCluster(client: ExampleClient, print: (line: string) => void): Promise<Cluster> {
  const { clusters } = await client.get<{ clusters: Cluster[] }>('/v2/clusters');
  const known = clusters.find(({ name }) => name === NAME);
  if (known) {
    print(`The cluster '${NAME}' is there.`);
    return known;
  }
  print(`Creating the cluster '${NAME}': one proxy, and three machines with no way in but through it.`);
  const cluster_template_id = await findOrCreateClusterTemplate(client);
  const body = { name: NAME, ...plugin, cluster_template_id };
  return (await client.post<{ cluster: Cluster }>('/v2/clusters', body)).cluster;
}

async function findOrCreateClusterTemplate(client: ExampleClient): Promise<string> {
  const groups = [
    { name: 'proxy', count: 1, template: { node_processes: ['proxy'], is_proxy: true } },
    { name: 'worker', count: 3, template: { node_processes: ['machine'] } },
  ];
  const node_groups = [];
  for (const { name, count, template } of groups) {
    const body = { name: `${NAME}-${name}`, flavor_id: '1', ...plugin, ...template };
    const id = await findOrCreate(client, 'node_group_template', body);
    node_groups.push({ name, count, node_group_template_id: id });
  }
  return findOrCreate(client, 'cluster_template', { name: NAME, ...plugin, node_groups });
}

type Named = { readonly id: string; readonly name: string };

/** Knows it again by its name. */
async function findOrCreate(
  client: ExampleClient,
  kind: string,
  body: Readonly<Record<string, unknown>>,
): Promise<string> {
  const path = `/v2/${kind.replaceAll('_', '-')}s`;
  const found = await client.get<Record<string, Named[]>>(path);
  const known = found[`${kind}s`]?.find(({ name }) => name === body.name);
  if (known) return known.id;
  const made = await client.post<Record<string, Named>>(path, body);
  return (made[kind] as Named).id;
}

async function waitUntilActive(
  client: ExampleClient,
  first: Cluster,
  print: (line: string) => void,
): Promise<Cluster> {
  // Of a cluster that is there already, only what is still to be done is news.
  const told = new Set(done(first.provision_progress).map(({ id }) => id));
  for (const end = Date.now() + deadline; ; await sleep(200)) {
    const { cluster } = await client.get<{ cluster: Cluster }>(`/v2/clusters/${first.id}`);
    for (const step of done(cluster.provision_progress)) {
      if (told.has(step.id)) continue;
      told.add(step.id);
      print(`  ${step.step_name}${step.total > 1 ? ` (${step.total})` : ''}`);
    }
    if (cluster.status === 'Active') return cluster;
    if (cluster.status === 'Error')
      throw new ExampleError(
        `the cluster '${NAME}' is in the state Error: ${cluster.status_description} ` +
          `(remove it with \`npx wadi cluster delete ${NAME}\` and start again)`,
      );
    if (Date.now() > end)
      throw new ExampleError(
        `the cluster '${NAME}' is still '${cluster.status}' after ${deadline / 1000} seconds`,
      );
  }
}

function done(steps: readonly ProvisionStep[] | undefined): readonly ProvisionStep[] {
  return steps?.filter(({ successful }) => successful) ?? [];
}

async function runHostname(client: ExampleClient, clusterId: string): Promise<Run> {
  const path = `/v2/clusters/${clusterId}/runs`;
  let { run } = await client.post<{ run: Run }>(path, { command: ['hostname'], timeout_seconds: 30 });
  for (const end = Date.now() + deadline; run.status === 'running' && Date.now() < end; )
    run = (await client.get<{ run: Run }>(`${path}/${run.id}?wait=10`)).run;
  return run;
}

/** Machine, route, what the command answered, what its web page answered. */
async function row(
  client: ExampleClient,
  clusterId: string,
  run: Run,
  instance: Instance,
): Promise<string[]> {
  const target = run.targets.find(({ instance_id }) => instance_id === instance.id);
  const [answer, page] = await Promise.all([
    outputOf(client, clusterId, run, target),
    pageOf(client, clusterId, instance),
  ]);
  return [instance.name, target?.route ?? instance.route?.text ?? '-', answer, page].map(printable);
}

async function outputOf(
  client: ExampleClient,
  clusterId: string,
  run: Run,
  target: RunTarget | undefined,
): Promise<string> {
  if (!target) return 'not run';
  if (target.status !== 'succeeded') return target.error?.message ?? target.status;
  const query = new URLSearchParams({ instance: target.instance_id, stream: 'stdout' });
  return (await client.text(`/v2/clusters/${clusterId}/runs/${run.id}/output?${query}`)).trim();
}

async function pageOf(client: ExampleClient, clusterId: string, instance: Instance): Promise<string> {
  const answer = await client.fetch(
    'GET',
    `/v2/clusters/${clusterId}/instances/${instance.id}/http/${PAGE_PORT}/`,
  );
  if (answer.status === 502) return (await refusal(answer)).message;
  await answer.arrayBuffer();
  return `HTTP ${answer.status}`;
}

function table(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((cells) => cells[column]?.length ?? 0)),
  );
  return rows.map((cells) =>
    cells
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('   ')
      .trimEnd(),
  );
}

function whatNext(instances: readonly Instance[], url: string): string[] {
  const proxy = instances.find(({ is_proxy }) => is_proxy)?.name ?? 'PROXY';
  const worker = instances.find(({ is_proxy }) => !is_proxy)?.name ?? 'MACHINE';
  return [
    'Try next, in another terminal:',
    `  npx wadi run ${NAME} -- uptime`,
    `  npx wadi http ${NAME}/${worker}:${PAGE_PORT}/`,
    `  npx wadi instances ${NAME}`,
    `Or pull the proxy's plug and run it again (POST …/start brings it back):`,
    `  curl -X POST -H "X-Auth-Token: $(cat .wadi/token)" ${url}/v2/sandbox/machines/${proxy}/stop`,
    `The API is at ${url}. Stop with Ctrl-C.`,
  ];
}

/** What a machine wrote must not steer the terminal. */
function printable(text: string): string {
  return text.replace(/\p{C}/gu, '?');
}

function explain(error: unknown): string {
  if (error instanceof ExampleError) return error.message;
  const { message, cause } = error as Error;
  return cause instanceof Error ? `${message}: ${cause.message}` : message;
}
