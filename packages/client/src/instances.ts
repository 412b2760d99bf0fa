import type { Instance, InstanceList } from '@wadi/api';
import type { CallOptions, Transport } from './transport.ts';
import { errorFromAnswer, WadiError } from './wadi-error.ts';

/** What to ask of a machine's web server. */
export interface MachineRequest {
  /** Name or id of the instance. */
  readonly instance: string;
  readonly port: number;
  /** With query, as the machine shall see it. Default `/`. */
  readonly path?: string;
}

/** `/v2/clusters/{id}/instances`: the machines, the way to each, and their web pages. */
export class Instances {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  async list(cluster: string, options: CallOptions = {}): Promise<Instance[]> {
    return (await this.#transport.json<InstanceList>('GET', instancesPath(cluster), options)).instances;
  }

  /**
   * Fetches from the machine's web server through the controller and whatever hops lie between; its answer comes
   * back as it is, whatever the status, and its body streams. Redirects are not followed. A machine that cannot
   * be reached is a WadiError that names the hop. Never repeated.
   */
  async fetch(
    cluster: string,
    request: MachineRequest,
    init: RequestInit = {},
    options: CallOptions = {},
  ): Promise<Response> {
    const instance = encodeURIComponent(request.instance);
    const prefix = `${instancesPath(cluster)}/${instance}/http/${request.port}/`;
    const path = (request.path ?? '/').replace(/^\//, '');
    const base = this.#transport.url(prefix);
    const url = this.#transport.url(`${prefix}${path}`);
    // `..` would leave the machine and call another resource of the controller with our token.
    if (!url.pathname.startsWith(base.pathname)) {
      throw new WadiError(`the path ${JSON.stringify(request.path)} leads out of the machine`, {
        status: 0,
        errorName: 'INVALID_ARGUMENT',
      });
    }
    const answer = await this.#transport.raw(url, init, options);
    if (answer.ok || isFromMachine(answer)) return answer;
    throw errorFromAnswer(answer.status, await answer.text());
  }
}

/** The controller fences in every page of a machine, and nothing of its own, with this header. */
function isFromMachine(answer: Response): boolean {
  return /(^|[;,\s])sandbox\b/.test(answer.headers.get('Content-Security-Policy') ?? '');
}

function instancesPath(cluster: string): string {
  return `/v2/clusters/${encodeURIComponent(cluster)}/instances`;
}
