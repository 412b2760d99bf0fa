import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { AuditLine, Run, RunRequest } from '@wadi/api';
import { Agent, fetch, type RequestInit, type Response } from 'undici';
import type { Lab, LabMachine } from '../set-up/lab.ts';
import { plantSecret } from '../set-up/run-folder.ts';
import { type Controller, type ControllerOptions, startController } from '../set-up/start-controller.ts';

/** Milliseconds; the computer may be busy with everything else. */
const patience = 90_000;

export interface Answer {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: a test says what it expects of an answer by using it.
  readonly body: any;
}

/**
 * A controller inside the lab's network, where the proxies are all that it can reach. Its API is there too; requests
 * come in through a socket file, the one thing that both networks share.
 */
export class LabController {
  readonly controller: Controller;
  readonly #bridge: ChildProcess;
  readonly #directory: string;
  readonly #agent: Agent;
  #closing: Promise<void> | undefined;

  private constructor(controller: Controller, bridge: ChildProcess, directory: string, socketPath: string) {
    this.controller = controller;
    this.#bridge = bridge;
    this.#directory = directory;
    this.#agent = new Agent({ connect: { socketPath }, headersTimeout: patience, bodyTimeout: patience });
  }

  static async start(lab: Lab, options: ControllerOptions = {}): Promise<LabController> {
    plantSecret('lab-key', lab.privateKey);
    const args = ['--allow-network', '198.18.0.0/24', ...(options.args ?? [])];
    const prefix = options.prefix ?? lab.controllerArgv([]);
    const controller = await startController({ ...options, args, prefix });
    const directory = await mkdtemp(path.join(tmpdir(), 'wadi-bridge-'));
    const socketPath = path.join(directory, 'api');
    const argv = [
      `UNIX-LISTEN:${socketPath},fork,backlog=128`,
      `TCP:127.0.0.1:${new URL(controller.url).port}`,
    ];
    const [program = '', ...rest] = [...prefix, 'socat', ...argv];
    const bridge = spawn(program, rest, { stdio: 'ignore' });
    // Its name is there a moment before it listens.
    while (!(await answers(socketPath))) await sleep(10);
    const made = new LabController(controller, bridge, directory, socketPath);
    await made.#untilAnswered();
    return made;
  }

  /** On a busy computer the first connection through the bridge may be closed before it has carried anything. */
  async #untilAnswered(): Promise<void> {
    for (const deadline = performance.now() + patience; ; await sleep(50)) {
      try {
        await (await this.fetch('/healthz')).text();
        return;
      } catch (error) {
        if (performance.now() > deadline) throw error;
      }
    }
  }

  /** Of the API, with the token, as it is. */
  fetch(target: string, init: RequestInit = {}): Promise<Response> {
    const headers = { 'X-Auth-Token': this.controller.token, ...(init.headers as Record<string, string>) };
    return fetch(`${this.controller.url}${target}`, { ...init, headers, dispatcher: this.#agent });
  }

  /** The body of what it answers to a GET of exactly this target: `fetch` would tidy it up. */
  async raw(target: string): Promise<string> {
    const { host, origin } = new URL(this.controller.url);
    const headers = { host, 'X-Auth-Token': this.controller.token };
    const { body } = await this.#agent.request({ origin, path: target, method: 'GET', headers });
    return body.text();
  }

  /** JSON in, JSON out. */
  async request(method: string, target: string, body?: unknown): Promise<Answer> {
    const headers: Record<string, string> = body === undefined ? {} : { 'Content-Type': 'application/json' };
    const init = { method, headers, body: body === undefined ? null : JSON.stringify(body) };
    const response = await this.fetch(target, init);
    const text = await response.text();
    const json = response.headers.get('content-type')?.startsWith('application/json');
    return { status: response.status, body: json ? JSON.parse(text) : text };
  }

  /** Imports, waits until the work is over, and returns the cluster as it came out. */
  async import(body: unknown): Promise<Answer['body']> {
    const answer = await this.request('POST', '/v2/clusters/import', body);
    if (answer.status !== 202) throw new Error(`import: ${answer.status} ${JSON.stringify(answer.body)}`);
    return this.settled(answer.body.cluster.id);
  }

  async settled(clusterId: string): Promise<Answer['body']> {
    for (const deadline = performance.now() + patience; performance.now() < deadline; await sleep(100)) {
      const { body } = await this.request('GET', `/v2/clusters/${clusterId}?show_progress=true`);
      if (['Active', 'Error'].includes(body.cluster.status)) return body.cluster;
    }
    throw new Error(`cluster ${clusterId} did not settle`);
  }

  async deleted(clusterId: string): Promise<void> {
    await this.request('DELETE', `/v2/clusters/${clusterId}`);
    for (const deadline = performance.now() + patience; performance.now() < deadline; await sleep(100)) {
      if ((await this.request('GET', `/v2/clusters/${clusterId}`)).status === 404) return;
    }
    throw new Error(`cluster ${clusterId} was not deleted`);
  }

  /** Runs to the end. */
  async run(clusterId: string, request: RunRequest): Promise<Run> {
    const answer = await this.request('POST', `/v2/clusters/${clusterId}/runs`, request);
    if (answer.status !== 202) throw new Error(`run: ${answer.status} ${JSON.stringify(answer.body)}`);
    return this.ended(clusterId, answer.body.run.id);
  }

  async ended(clusterId: string, runId: string): Promise<Run> {
    for (const deadline = performance.now() + patience; performance.now() < deadline; ) {
      const { body } = await this.request('GET', `/v2/clusters/${clusterId}/runs/${runId}?wait=20`);
      if (body.run.status !== 'running') return body.run;
    }
    throw new Error(`run ${runId} did not end`);
  }

  /** All that is kept of one stream. */
  async output(run: Run, instance: string, stream: 'stdout' | 'stderr' = 'stdout'): Promise<Buffer> {
    const parts: Buffer[] = [];
    for (let offset = 0; ; ) {
      const query = new URLSearchParams({ instance, stream, offset: String(offset) });
      const page = await this.fetch(`/v2/clusters/${run.cluster_id}/runs/${run.id}/output?${query}`);
      if (page.status !== 200) throw new Error(`output: ${page.status} ${await page.text()}`);
      parts.push(Buffer.from(await page.arrayBuffer()));
      offset = Number(page.headers.get('Wadi-Next-Offset'));
      if (page.headers.get('Wadi-End') === 'true') return Buffer.concat(parts);
    }
  }

  /** The newest records of the audit log that satisfy `wanted`; waits until there are some. */
  async audited(wanted: (record: Record<string, unknown>) => boolean): Promise<Record<string, unknown>[]> {
    for (const deadline = performance.now() + patience; performance.now() < deadline; await sleep(100)) {
      const text = await this.#auditLog();
      const lines = text.trimEnd().split('\n');
      const found = lines.map((line) => (JSON.parse(line) as AuditLine).record).filter(wanted);
      if (found.length > 0) return found;
    }
    throw new Error('the audit log has no such record');
  }

  /** All pages. */
  async #auditLog(): Promise<string> {
    let all = '';
    for (let after = 0; ; ) {
      const page = await (await this.fetch(`/v2/audit?limit=1000&after=${after}`)).text();
      all += page;
      const lines = page.trimEnd().split('\n');
      if (lines.length < 1000) return all;
      after = Number((JSON.parse(lines.at(-1) ?? '{}') as AuditLine).sequence);
    }
  }

  async stop(): Promise<void> {
    await this.#closeBridge();
    await this.controller.stop();
  }

  /** kill -9: nothing is cleaned up, and it does not see its callers go. */
  async kill(): Promise<void> {
    await this.controller.kill();
    await this.#closeBridge();
  }

  /** Once: the same is closed again by whoever cleans up. */
  #closeBridge(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await this.#agent.destroy();
    const over = once(this.#bridge, 'close');
    this.#bridge.kill('SIGKILL');
    await over;
    await rm(this.#directory, { recursive: true, force: true });
  }
}

function answers(socketPath: string): Promise<boolean> {
  const socket = connect(socketPath);
  return new Promise((resolve) => {
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
  }).finally(() => socket.destroy()) as Promise<boolean>;
}

/** The body that imports the whole lab, or some machines of it. */
export function importOf(lab: Lab, name: string, machines: readonly LabMachine[] = lab.inventory.machines) {
  const { user, proxies } = lab.inventory;
  return {
    name,
    identities: { lab: { private_key: lab.privateKey } },
    machines: [
      ...proxies.map((proxy) => ({
        name: proxy.name,
        address: proxy.externalIp,
        user,
        identity: 'lab',
        is_proxy: true,
        host_keys: [...proxy.hostKeys],
      })),
      ...machines.map((machine) => ({
        name: machine.name,
        address: machine.internalIp,
        user,
        identity: 'lab',
        host_keys: [...machine.hostKeys],
      })),
    ],
  };
}
